//! How long an asynchronous guest waited, as its executor tells its ledger.

use std::sync::atomic::{AtomicU64, Ordering};

/// How long the guest waited since a ledger last read it, in counts of the clock.
#[derive(Debug, Default)]
pub struct Waited(AtomicU64);

impl Waited {
    /// Adds counts.
    #[inline]
    pub fn add(&self, ticks: u64) {
        self.0.fetch_add(ticks, Ordering::Relaxed);
    }

    /// The counts so far; resets them to zero.
    #[inline]
    pub fn take(&self) -> u64 {
        // The same thread adds and takes; the atomic only makes the ledger `Send`.
        let ticks = self.0.load(Ordering::Relaxed);
        if ticks > 0 {
            self.0.store(0, Ordering::Relaxed);
        }
        ticks
    }
}
