//! Runs windows: holds the subject that is measured, and the worker threads, which are kept from
//! window to window.
//!
//! There are no more workers than cores: more would take cores from each other in the middle of a
//! frame. The batched path is the exception. It has a worker for each frame in progress, since
//! inferences are merged while they wait for each other. Between windows all workers sleep, so only
//! the path that is measured uses the machine.

use std::sync::{Arc, atomic::AtomicUsize};

use tollgate_dispatch::{Interrupt, Queues, Workers};

use super::{Error, subject::Subject};

/// The subject and the worker threads that process its frames.
pub struct Runner {
    subject: Arc<Subject>,
    workers: Workers,
    /// The number of the next frame, counted over all windows.
    next: Arc<AtomicUsize>,
    interrupt: Interrupt,
}

impl Runner {
    /// Makes a runner without threads; windows start them as needed. A signal ends windows early.
    pub fn new(subject: Arc<Subject>, interrupt: Interrupt) -> Self {
        Self {
            subject,
            workers: Workers::new(Arc::new(Queues::new(0))),
            next: Arc::default(),
            interrupt,
        }
    }

    /// The interrupt that ends windows early.
    pub(super) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Whether a signal asked to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    /// What is measured.
    pub fn subject(&self) -> Arc<Subject> {
        Arc::clone(&self.subject)
    }

    /// The number of the next frame.
    pub(super) fn next(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.next)
    }

    /// The workers, set so that `count` of them take frames from now on.
    pub(super) fn workers(&self, count: usize) -> Result<&Workers, Error> {
        self.workers.grow(count).map_err(Error::Spawn)?;
        self.workers.queues().set_active(count);
        Ok(&self.workers)
    }
}
