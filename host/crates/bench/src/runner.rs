//! What windows run on: the paths that are measured, and the worker threads, which are kept from window
//! to window.
//!
//! There are no more workers than cores: more would only take the cores from each other in the middle of
//! a frame. Only where inferences are merged are there as many as frames under way, since they are merged
//! while they wait for each other. Between windows all of them sleep, so nothing but the path whose turn it is
//! uses the machine.

use std::sync::{Arc, atomic::AtomicUsize};

use tollgate_dispatch::{Interrupt, Queues, Workers};

use super::{Error, subject::Subject};

/// The subject and the threads that work on it.
pub struct Runner {
    subject: Arc<Subject>,
    workers: Workers,
    /// The next frame, counted over all windows.
    next: Arc<AtomicUsize>,
    interrupt: Interrupt,
}

impl Runner {
    /// A runner without threads yet, which are started as windows need them. A signal ends windows early.
    pub fn new(subject: Arc<Subject>, interrupt: Interrupt) -> Self {
        Self {
            subject,
            workers: Workers::new(Arc::new(Queues::new(0))),
            next: Arc::default(),
            interrupt,
        }
    }

    /// What ends windows early.
    pub(super) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Whether a signal asked for the end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    /// What it works on.
    pub fn subject(&self) -> Arc<Subject> {
        Arc::clone(&self.subject)
    }

    /// The number of the next frame.
    pub(super) fn next(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.next)
    }

    /// The workers, of which `count` take frames from now on.
    pub(super) fn workers(&self, count: usize) -> Result<&Workers, Error> {
        self.workers.grow(count).map_err(Error::Spawn)?;
        self.workers.queues().set_active(count);
        Ok(&self.workers)
    }
}
