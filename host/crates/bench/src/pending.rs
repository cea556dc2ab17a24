//! Counts outstanding answers and waits for the last one.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use tollgate_nn::clock::Stamp;

/// The number of answers that are still outstanding.
#[derive(Debug)]
pub(super) struct Pending {
    left: Mutex<(usize, Stamp)>,
    bell: Condvar,
}

impl Pending {
    pub(super) fn of(count: usize) -> Self {
        Self {
            left: Mutex::new((count, Stamp::now())),
            bell: Condvar::new(),
        }
    }

    /// Adds one.
    pub(super) fn add(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = left.0.saturating_add(1);
    }

    /// Removes one: its answer came, or will never come.
    pub(super) fn one_done(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (left.0.saturating_sub(1), Stamp::now());
        if left.0 == 0 {
            self.bell.notify_all();
        }
    }

    /// Waits for the last one for at most this long, and returns the moment when it came.
    pub(super) fn wait(&self, at_most: Duration) -> Option<Stamp> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self
            .bell
            .wait_timeout_while(left, at_most, |left| left.0 > 0);
        let (left, waited) = done.unwrap_or_else(PoisonError::into_inner);
        (!waited.timed_out()).then_some(left.1)
    }
}
