//! The interface between a worker and what processes its frames.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use tollgate_runtime::{Frame, Ledger, clock::Deadline};

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

/// What handlers keep on one worker's thread, each under its own number: native code that must stay
/// on the thread that loaded it.
#[derive(Default)]
pub struct Local(BTreeMap<u64, Box<dyn Any>>);

impl Local {
    /// A new number that no other handler has.
    pub fn number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes out the value under this number; `None` if there is none of this type.
    pub fn take<T: 'static>(&mut self, number: u64) -> Option<Box<T>> {
        self.0.remove(&number)?.downcast().ok()
    }

    /// Keeps a value under a number until it is taken or the thread ends.
    pub fn put<T: 'static>(&mut self, number: u64, kept: Box<T>) {
        self.0.insert(number, kept);
    }
}
