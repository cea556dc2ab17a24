//! Many callers at once, each on a thread of its own: how long each of their calls took.
//!
//! Every server of `cargo xtask bench peers` that is written in Rust includes this very file, on
//! either side of the comparison, so that none is measured differently; the Python one does the
//! same in its own words. It knows the standard library alone.

use serde::Serialize;
use std::time::{Duration, Instant};

/// One who calls, again and again.
pub trait Caller: Send {
    /// Why a call failed.
    type Error: Send;

    /// One inference.
    fn call(&mut self) -> Result<(), Self::Error>;
}

/// What came of it.
#[derive(Default, Serialize)]
pub struct Load {
    /// What each call took that ended while it was measured, in nanoseconds, in no order.
    pub latency_ns: Vec<u64>,
}

/// All of `callers` call without a pause for `lead`, which is not counted, and for `measured`.
///
/// A call belongs to the moment at which it ends, so that neither end of the measured time favours
/// short calls or long ones. Who called last before the end goes on until that call is over.
///
/// # Errors
///
/// The first that a call gave.
pub fn load<C: Caller>(
    callers: &mut [C],
    lead: Duration,
    measured: Duration,
) -> Result<Load, C::Error> {
    let from = Instant::now() + lead;
    let to = from + measured;
    let mut all = Load::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = callers
            .iter_mut()
            .map(|caller| scope.spawn(move || drive(caller, from, to)))
            .collect();
        for thread in threads {
            let latencies = match thread.join() {
                Ok(latencies) => latencies?,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            all.latency_ns.extend(latencies);
        }
        Ok(all)
    })
}

fn drive<C: Caller>(caller: &mut C, from: Instant, to: Instant) -> Result<Vec<u64>, C::Error> {
    let mut latencies = Vec::with_capacity(1 << 12);
    let mut before = Instant::now();
    loop {
        caller.call()?;
        let after = Instant::now();
        if after > to {
            return Ok(latencies);
        }
        if after >= from {
            let took = after.duration_since(before).as_nanos();
            latencies.push(u64::try_from(took).unwrap_or(u64::MAX));
        }
        before = after;
    }
}
