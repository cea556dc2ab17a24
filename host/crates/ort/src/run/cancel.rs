//! Run options that the ticker's thread terminates when a deadline passes.
//!
//! ONNX Runtime checks the flag between nodes, so an inference ends after the node that runs when the
//! deadline passes. The flag stays set until it is cleared, and it must never be set for the next run: the
//! three states below prevent that if the ticker is late.

use std::{
    hint,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use ort::{AsPointer, session::RunOptions, sys};

use super::check;
use crate::{
    Error,
    clock::{Deadline, Stamp},
    text::tidy,
    ticker::{self, Tick},
};

/// No run with a deadline is going on.
const IDLE: u64 = 0;
/// The ticker is setting the flag at this moment.
const FIRING: u64 = 1;
/// The flag is set and must be cleared.
const FIRED: u64 = 2;
// Any other value is the deadline of the run that is going on.

/// The options of runs of which only one goes on at a time.
pub struct Cancel {
    slot: Arc<Slot>,
    subscribed: bool,
    /// The state of `slot` if a run with a deadline goes on, else `IDLE`.
    armed: u64,
}

struct Slot {
    options: RunOptions,
    state: AtomicU64,
}

impl Tick for Slot {
    fn tick(&self, now: Stamp) {
        let deadline = self.state.load(Ordering::Acquire);
        if deadline <= FIRED || now.count() < deadline {
            return;
        }
        // If the run has ended in between, this fails and nothing is terminated. If another run
        // with the very same deadline has begun, its deadline has passed as well.
        let claimed =
            self.state
                .compare_exchange(deadline, FIRING, Ordering::AcqRel, Ordering::Relaxed);
        if claimed.is_ok() {
            // It fails only if ONNX Runtime has no memory. Then the run goes on to its end.
            if let Err(error) = self.options.terminate() {
                tracing::error!("cannot terminate an inference: {}", tidy(error.message()));
            }
            self.state.store(FIRED, Ordering::Release);
        }
    }
}

impl Cancel {
    /// Run options with which ONNX Runtime logs no failures: each is returned as an error, and the caller
    /// reports it.
    pub fn new() -> Result<Self, Error> {
        let mut options = RunOptions::new().map_err(failed)?;
        let fatal = ort::logging::LogLevel::Fatal;
        options.set_log_level(fatal).map_err(failed)?;
        Ok(Self {
            slot: Arc::new(Slot {
                options,
                state: AtomicU64::new(IDLE),
            }),
            subscribed: false,
            armed: IDLE,
        })
    }

    /// Has the next run terminated once the deadline passes. Returns its options; [`Cancel::disarm`] must be
    /// called when it has ended.
    #[inline]
    pub(super) fn arm(
        &mut self,
        deadline: Option<Deadline>,
    ) -> Result<*const sys::OrtRunOptions, Error> {
        if let Some(deadline) = deadline {
            self.subscribe()?;
            self.armed = deadline.count().max(FIRED + 1);
            self.slot.state.store(self.armed, Ordering::Release);
        }
        Ok(self.slot.options.ptr())
    }

    /// Says that the run has ended; returns whether it was terminated.
    #[inline]
    pub(super) fn disarm(&mut self) -> Result<bool, Error> {
        match self.armed {
            IDLE => Ok(false),
            armed => self.disarm_from(armed),
        }
    }

    fn subscribe(&mut self) -> Result<(), Error> {
        if !self.subscribed {
            let slot: Weak<Slot> = Arc::downgrade(&self.slot);
            ticker::subscribe(slot).map_err(|error| Error::OnnxRuntime {
                what: "be watched over by a thread",
                reason: error.to_string(),
            })?;
            self.subscribed = true;
        }
        Ok(())
    }

    fn disarm_from(&mut self, armed: u64) -> Result<bool, Error> {
        self.armed = IDLE;
        let state = &self.slot.state;
        let idle = state.compare_exchange(armed, IDLE, Ordering::AcqRel, Ordering::Acquire);
        if idle.is_ok() {
            return Ok(false);
        }
        // The ticker is terminating this run: wait the few instructions until it has set the flag, then
        // clear it.
        while state.load(Ordering::Acquire) != FIRED {
            hint::spin_loop();
        }
        let options = self.slot.options.ptr().cast_mut();
        // SAFETY: the options live in the slot, and no run uses them now: runs go through
        // `&mut self`, and this one has ended.
        let status = unsafe { (ort::api().RunOptionsUnsetTerminate)(options) };
        state.store(IDLE, Ordering::Release);
        check("take a termination back", status)?;
        Ok(true)
    }
}

fn failed(error: ort::Error) -> Error {
    Error::OnnxRuntime {
        what: "make run options",
        reason: tidy(error.message()),
    }
}
