//! The cost of the ledger itself, to be printed beside its results.

use std::hint::black_box;

use tollgate_nn::clock::Stamp;

use crate::{Ledger, Stage};

/// The cost of a stamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeCost {
    /// One stamp, in nanoseconds: reading the clock, adding the difference up, and the call that
    /// Wasmtime makes at a crossing.
    pub stamp_ns: f64,
}

impl ProbeCost {
    /// The cost of this number of stamps, in nanoseconds.
    pub fn of(&self, stamps: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a handful of stamps a frame")]
        let stamps = stamps as f64;
        self.stamp_ns * stamps
    }
}

type Hook = dyn FnMut(&mut Ledger, Stage);

/// Measures the cost on this machine, now. Takes about a millisecond.
pub fn calibrate() -> ProbeCost {
    const STAMPS: u32 = 2_000;
    const ROUNDS: u32 = 20;
    // Called through a pointer, like Wasmtime's hook.
    let mut stamp: Box<Hook> = Box::new(|ledger, stage| ledger.switch(stage));
    // The fastest of several rounds, since other work of the machine must not count.
    let best = (0..ROUNDS)
        .map(|_| {
            let mut ledger = Ledger::open();
            let begin = Stamp::now();
            for turn in 0..STAMPS {
                let stage = if turn % 2 == 0 {
                    Stage::GuestAfter
                } else {
                    Stage::Lift
                };
                black_box(&mut stamp)(black_box(&mut ledger), stage);
            }
            Stamp::now().nanos_since(begin)
        })
        .min()
        .unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "microseconds")]
    let best = best as f64;
    ProbeCost {
        stamp_ns: best / f64::from(STAMPS),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_costs_something_and_not_much() {
        let cost = super::calibrate();
        assert!(cost.stamp_ns > 0.0, "{cost:?}");
        assert_eq!(cost.of(0), 0.0);
    }
}
