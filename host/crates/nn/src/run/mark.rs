//! A mark in memory that is handed over for an output. Where it is still there after the run, ONNX
//! Runtime did not write the output, and what else is in the memory is an earlier inference's.
//!
//! It happens: an output that is one of the graph's inputs is given back over the input's memory, and
//! some kernels leave an output as it was. The first is known beforehand from the names; the mark is
//! what catches the rest, at the price of one store and one load.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::LazyLock,
};

/// Drawn when the process starts, so that no model or guest can be made to write it.
static MARKS: LazyLock<[Mark; 2]> = LazyLock::new(|| {
    let random = RandomState::new().build_hasher().finish();
    [Mark(random), Mark(!random)]
});

/// What is written to the end of an output's memory before a run.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

impl Mark {
    /// The mark of a first attempt or of a second: what is written by chance is not both.
    pub(super) fn of(attempt: Attempt) -> Self {
        let [first, second] = *MARKS;
        match attempt {
            Attempt::First => first,
            Attempt::Second => second,
        }
    }

    /// Marks memory. What is too small for a mark that is not met by chance is cleared instead.
    pub(super) fn put(self, memory: &mut [u8]) {
        let mark = self.0.to_le_bytes();
        if let Some(end) = memory.last_chunk_mut() {
            *end = mark;
        } else if memory.len() < SMALLEST {
            memory.fill(0);
        } else {
            memory
                .iter_mut()
                .zip(mark)
                .for_each(|(to, byte)| *to = byte);
        }
    }

    /// Whether memory is as `put` left it.
    pub(super) fn is_in(self, memory: &[u8]) -> bool {
        let mark = self.0.to_le_bytes();
        match memory.last_chunk() {
            Some(end) => *end == mark,
            None => memory.len() >= SMALLEST && mark.starts_with(memory),
        }
    }
}

/// Which attempt at an inference a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Second,
}

/// The least bytes that are marked.
const SMALLEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_seen_until_it_is_written_over() {
        for attempt in [Attempt::First, Attempt::Second] {
            let mark = Mark::of(attempt);
            for length in 0..40 {
                let mut memory = vec![7; length];
                mark.put(&mut memory);
                assert_eq!(mark.is_in(&memory), length >= SMALLEST, "{length}");
                let Some(last) = memory.last_mut() else {
                    continue;
                };
                assert!(length >= SMALLEST || *last == 0, "cleared: {length}");
                *last = !*last;
                assert!(!mark.is_in(&memory), "{length}");
            }
        }
        let [first, second] = [Attempt::First, Attempt::Second].map(|attempt| {
            let mut memory = [0; 4];
            Mark::of(attempt).put(&mut memory);
            memory
        });
        assert_ne!(first, second);
    }
}
