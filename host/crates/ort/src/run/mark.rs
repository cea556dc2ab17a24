//! A mark in memory that is passed for an output. If it is still there after the run, ONNX Runtime did not
//! write the output, and the rest of the memory holds data of an earlier inference.
//!
//! This happens: an output that is one of the graph's inputs is returned in the input's memory, and some
//! kernels leave an output as it was. The first case is known before the run from the names. The mark detects
//! all others, for the cost of one store and one load.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::LazyLock,
};

/// Random for each process, so that no model and no guest can be made to write it.
static MARKS: LazyLock<[Mark; 2]> = LazyLock::new(|| {
    let random = RandomState::new().build_hasher().finish();
    [Mark(random), Mark(!random)]
});

/// The bytes that are written to the end of an output's memory before a run.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

impl Mark {
    /// The mark of the first or of the second attempt. An output that equals one by chance does not equal
    /// the other.
    pub(super) fn of(attempt: Attempt) -> Self {
        let [first, second] = *MARKS;
        match attempt {
            Attempt::First => first,
            Attempt::Second => second,
        }
    }

    /// Writes the mark into memory. Memory that is too small is cleared instead: an output of this size
    /// could equal the mark by chance.
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

    /// Whether the mark of `put` is still in the memory.
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
pub enum Attempt {
    /// The first.
    First,
    /// The second, with another mark.
    Second,
}

/// Memory of fewer bytes is cleared, not marked.
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
