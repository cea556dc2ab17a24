//! Ctrl-C and `kill`: the first one ends a measurement early, so that what was measured so far is still
//! told; the second one ends the program at once.
//!
//! Until [`Interrupt::listen`] is called signals do what they always do, which is right as long as
//! nothing was measured. Whoever takes an [`Interrupt`] looks at it between two frames or windows; one
//! that does not listen is never raised.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// The exit code of what a signal cut short, as shells have it for SIGINT.
pub const EXIT_CODE: u8 = 130;

/// What reports say of a measurement that a signal ended.
pub const REASON: &str = "a signal ended it before it was done";

/// Whether a signal asked for the end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on, the first signal raises this and the second one ends the program.
    ///
    /// # Errors
    ///
    /// The system takes no more handlers.
    pub fn listen() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first one finds nothing raised and raises it.
            flag::register_conditional_shutdown(signal, i32::from(EXIT_CODE), Arc::clone(&raised))?;
            flag::register(signal, Arc::clone(&raised))?;
        }
        Ok(Self(raised))
    }

    /// Whether the end was asked for.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Why a report is cut short; none where it is not.
    pub fn reason(&self) -> Option<String> {
        self.is_raised().then(|| REASON.to_owned())
    }
}
