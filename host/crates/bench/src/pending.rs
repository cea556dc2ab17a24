//! A count of what is still to come, and a wait for the last of it.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use tollgate_runtime::clock::Stamp;

/// How many answers are still to come.
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

    /// One more is to come.
    pub(super) fn add(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = left.0.saturating_add(1);
    }

    /// One is there, or will never be.
    pub(super) fn one_done(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (left.0.saturating_sub(1), Stamp::now());
        if left.0 == 0 {
            self.bell.notify_all();
        }
    }

    /// Waits for the last one, `at_most` so long; gives the moment when it was there.
    pub(super) fn wait(&self, at_most: Duration) -> Option<Stamp> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self
            .bell
            .wait_timeout_while(left, at_most, |left| left.0 > 0);
        let (left, waited) = done.unwrap_or_else(PoisonError::into_inner);
        (!waited.timed_out()).then_some(left.1)
    }
}
