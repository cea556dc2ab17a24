//! Ctrl-C and `kill`. The first signal ends a measurement early, so that what was measured so far
//! is still reported; the second one ends the program at once.
//!
//! Until [`Interrupt::listen`] is called, signals have their usual effect, which is right as long
//! as nothing was measured. Code that is given an [`Interrupt`] checks it between two frames or
//! windows. One that was made without `listen` is never raised.

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

/// The exit code after a signal, which is the shells' code for SIGINT.
pub const EXIT_CODE: u8 = 130;

/// What reports say of a measurement that a signal ended.
pub const REASON: &str = "a signal ended it before it was done";

/// Whether a signal asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the first signal raises the returned interrupt, and the second one ends the
    /// program.
    ///
    /// # Errors
    ///
    /// The system takes no more signal handlers.
    pub fn listen() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: at the first signal nothing is raised yet, so only the second line
            // acts.
            flag::register_conditional_shutdown(signal, i32::from(EXIT_CODE), Arc::clone(&raised))?;
            flag::register(signal, Arc::clone(&raised))?;
        }
        Ok(Self(raised))
    }

    /// Whether a signal asked to stop.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Why a report is cut short; `None` if it is not.
    pub fn reason(&self) -> Option<String> {
        self.is_raised().then(|| REASON.to_owned())
    }
}
