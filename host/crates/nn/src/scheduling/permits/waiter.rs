//! One caller in the queue, and how it sleeps.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
    thread::{self, Thread},
    time::Duration,
};

use crate::{
    Caller,
    clock::{Deadline, Stamp},
    scheduling::{cores, pending::PendingRun},
};

/// One caller in the queue.
pub(crate) struct Waiter {
    pub(super) thread: Thread,
    pub(super) state: AtomicU8,
    /// Whether this caller wakes up when the queue has been held back for long enough, and then gives the
    /// permits to the next callers.
    pub(super) watches: AtomicBool,
    pub(super) caller: Caller,
    pub(super) asked: Stamp,
    /// The core on which it fell asleep, if that is known.
    pub(super) core: Option<usize>,
    pub(crate) pending: PendingRun,
}

/// In the queue, or in another caller's batch and not answered yet.
pub(super) const WAITS: u8 = 0;
/// It was given a permit.
pub(super) const HAS_TURN: u8 = 1;
/// The caller that ran it has put the answer in its `PendingRun`.
pub(super) const ANSWERED: u8 = 2;

impl Waiter {
    /// The calling thread as a waiter, with its inference.
    pub(crate) fn new(caller: Caller, pending: PendingRun) -> Self {
        Self {
            thread: thread::current(),
            state: AtomicU8::new(WAITS),
            watches: AtomicBool::new(false),
            caller,
            asked: Stamp::now(),
            core: cores::here(),
            pending,
        }
    }

    /// Wakes the caller: the answer is in its `PendingRun`.
    pub(crate) fn answered(&self) {
        self.state.store(ANSWERED, Ordering::Release);
        self.thread.unpark();
    }

    pub(super) fn called(&self) -> Option<u8> {
        let state = self.state.load(Ordering::Acquire);
        (state != WAITS).then_some(state)
    }

    /// Sleeps until its state changes, it is woken, or this time comes. Returns the new state, if it
    /// changed.
    pub(super) fn sleep(&self, until: Option<Deadline>) -> Option<u8> {
        if self.called().is_none() {
            match until.map(|until| until.left()) {
                None => thread::park(),
                Some(Duration::ZERO) => {}
                Some(left) => thread::park_timeout(left),
            }
        }
        self.called()
    }
}
