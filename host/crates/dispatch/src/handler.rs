//! What handles frames on a worker's thread.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use tollgate_runtime::{Frame, Ledger, clock::Deadline};

use crate::task::Handled;

/// Handles frames, on any worker's thread and on several at once.
pub trait Handler: Send + Sync {
    /// Takes a frame through. The ledger has left its queue, and is closed by this.
    fn handle(
        &self,
        frame: &Frame,
        deadline: Option<Deadline>,
        ledger: Ledger,
        local: &mut Local,
    ) -> Handled;
}

/// What handlers keep on one worker's thread, each under a number of its own: native code that has to
/// stay on the thread that loaded it.
#[derive(Default)]
pub struct Local(BTreeMap<u64, Box<dyn Any>>);

impl Local {
    /// A number that no other handler has.
    pub fn number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes out what is kept under this number; none where nothing of this type is.
    pub fn take<T: 'static>(&mut self, number: u64) -> Option<Box<T>> {
        self.0.remove(&number)?.downcast().ok()
    }

    /// Keeps something under a number, until it is taken or the thread ends.
    pub fn put<T: 'static>(&mut self, number: u64, kept: Box<T>) {
        self.0.insert(number, kept);
    }
}
