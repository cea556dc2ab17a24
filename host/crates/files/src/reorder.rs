//! Restores the order of results, as far as a bounded buffer allows.
//!
//! Several workers finish frames in any order, but outputs are written in the order of the frames.
//! Results that wait for an earlier frame are bounded in number and in bytes. If the buffer is full
//! because one frame takes far longer than the others, the others are handed over before it.

use std::collections::BTreeMap;

/// The largest number of results that wait for an earlier frame.
const MAX_WAITING: usize = 1024;

/// Their largest size in bytes: 64 MiB.
const MAX_BYTES: usize = 64 << 20;

/// Values with numbers, which start at zero.
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
    /// Takes a value with its number and its size in bytes, and returns the values that are now in
    /// order.
    #[must_use]
    pub fn push(&mut self, number: u64, thing: T, bytes: usize) -> Vec<T> {
        if number < self.next {
            // It was not waited for any longer.
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

    /// Returns all values that still wait, in order. For the end, when no earlier ones will come.
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
