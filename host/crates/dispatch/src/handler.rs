//! The interface between a worker and what processes its frames.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tollgate_nn::clock::Deadline;
use tollgate_services::{Frame, Ledger};

use crate::task::Handled;

/// Handles frames. It is called on any worker's thread, and on several at once.
pub trait Handler: Send + Sync {
    /// Processes one frame. Its ledger has recorded the end of waiting; this closes it.
    fn handle(
        &self,
        frame: &Frame,
        deadline: Option<Deadline>,
        ledger: Ledger,
        local: &mut Local,
    ) -> Handled;
}

/// What handlers keep on one worker's thread: native code that has to stay on the thread that loaded it.
#[derive(Default)]
pub struct Local(BTreeMap<u64, (Weak<()>, Box<dyn Any>)>);

/// Under what a handler keeps something in each [`Local`]. With it goes what it keeps.
#[derive(Debug)]
pub struct Kept {
    number: u64,
    alive: Arc<()>,
}

impl Default for Kept {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            alive: Arc::default(),
        }
    }
}

impl Local {
    /// Takes out what is kept for a handler; none where nothing of this type is.
    pub fn take<T: 'static>(&mut self, kept: &Kept) -> Option<Box<T>> {
        self.0.remove(&kept.number)?.1.downcast().ok()
    }

    /// Keeps something for a handler, until it is taken, the handler is gone or the thread ends.
    pub fn put<T: 'static>(&mut self, kept: &Kept, value: Box<T>) {
        let alive = Arc::downgrade(&kept.alive);
        self.0.insert(kept.number, (alive, value));
    }

    /// Lets go of what is kept for handlers that are gone.
    pub(crate) fn sweep(&mut self) {
        if !self.0.is_empty() {
            self.0.retain(|_, (alive, _)| alive.strong_count() > 0);
        }
    }
}
