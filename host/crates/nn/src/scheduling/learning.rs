//! How long the first runs of a graph take, for a graph that was not measured when it was loaded.
//!
//! Atomic counters, for any number of threads.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many runs are measured: the first ones run with cold caches, and any may be interrupted.
const RUNS: u32 = 16;

/// How the permits change if the first runs of a graph turn out to be short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lesson {
    /// Whether the shortest runs need no permit.
    pub(crate) unlimited: bool,
    /// How many permits are added if runs are quick.
    pub(crate) more: usize,
}

/// Finds the least time of the first runs.
pub(crate) struct Learning {
    left: AtomicU32,
    least: AtomicU64,
}

impl Learning {
    /// Measures nothing.
    pub(crate) fn off() -> Self {
        Self::over(0)
    }

    /// Measures the first runs.
    pub(crate) fn on() -> Self {
        Self::over(RUNS)
    }

    fn over(runs: u32) -> Self {
        Self {
            left: AtomicU32::new(runs),
            least: AtomicU64::new(u64::MAX),
        }
    }

    /// Whether runs are still measured.
    pub(crate) fn is_on(&self) -> bool {
        self.left.load(Ordering::Relaxed) != 0
    }

    /// Records how long a run took. Returns the least time of all measured runs once, after the last.
    pub(crate) fn took(&self, ns: u64) -> Option<u64> {
        if !self.is_on() {
            return None;
        }
        self.least.fetch_min(ns, Ordering::Relaxed);
        let one_less = |left: u32| left.checked_sub(1);
        let before = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_less);
        (before == Ok(1)).then(|| self.least.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_the_least_once() {
        let learning = Learning::on();
        let said: Vec<_> = (0..100)
            .filter_map(|run| learning.took(1000 - run))
            .collect();
        assert_eq!(said, [1000 - u64::from(RUNS - 1)]);
        assert_eq!(Learning::off().took(1), None);
    }
}
