//! What comes out of order, put in order again as far as a bounded buffer allows.
//!
//! Several workers finish frames in any order, and what they made is handed on in the frames' order.
//! What waits for an earlier frame is bounded in number and bytes: where that is not enough, because one
//! frame takes far longer than its neighbours, the others are handed on before it.

use std::collections::BTreeMap;

/// What may wait for an earlier frame at most.
const MAX_WAITING: usize = 1024;

/// The same in bytes: 64 MiB.
const MAX_BYTES: usize = 64 << 20;

/// Things by their number, which begins at zero.
#[derive(Debug)]
pub struct Reorder<T> {
    next: u64,
    waiting: BTreeMap<u64, (T, usize)>,
    bytes: usize,
}

impl<T> Default for Reorder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
            bytes: 0,
        }
    }
}

impl<T> Reorder<T> {
    /// Takes what has a number and takes so many bytes; gives what is to be handed on now.
    #[must_use]
    pub fn push(&mut self, number: u64, thing: T, bytes: usize) -> Vec<T> {
        if number < self.next {
            // It was given up on.
            return vec![thing];
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.waiting.insert(number, (thing, bytes));
        let mut ready = Vec::new();
        loop {
            let full = self.bytes > MAX_BYTES || self.waiting.len() > MAX_WAITING;
            let first = self.waiting.first_entry();
            let Some(first) = first.filter(|first| *first.key() == self.next || full) else {
                break;
            };
            let (number, (thing, bytes)) = first.remove_entry();
            self.bytes = self.bytes.saturating_sub(bytes);
            self.next = number.saturating_add(1);
            ready.push(thing);
        }
        ready
    }

    /// All that still waits, in order, where what it waits for will not come.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_values().map(|(thing, _)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(numbers: &[u64], bytes: usize) -> (Vec<u64>, usize) {
        let mut reorder = Reorder::default();
        let (mut out, mut most) = (Vec::new(), 0);
        for &number in numbers {
            out.extend(reorder.push(number, number, bytes));
            most = most.max(reorder.waiting.len());
        }
        out.extend(reorder.drain());
        (out, most)
    }

    #[test]
    fn what_comes_out_of_order_is_put_in_order() {
        assert_eq!(through(&[0, 1, 2], 1), (vec![0, 1, 2], 0));
        assert_eq!(through(&[2, 0, 3, 1, 4], 1), (vec![0, 1, 2, 3, 4], 2));
        assert_eq!(through(&[3, 1], 1).0, [1, 3]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let late: Vec<u64> = (1..5000).chain([0]).collect();
        let (out, most) = through(&late, 1);
        assert_eq!((out.len(), most), (5000, MAX_WAITING));
        assert_eq!((out[0], out[4999]), (1, 0), "the late one comes last");
        let (_, most) = through(&late, MAX_BYTES / 2);
        assert_eq!(most, 2);
    }
}
