//! What measuring costs: the ledger's own price, so that it can be printed beside what it
//! measured.

use std::hint::black_box;

use tollgate_nn::clock::Stamp;

use crate::{Ledger, ledger::Stage};

/// The price of the account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeCost {
    /// One stamp, in nanoseconds: reading the clock, adding the difference up, and the call that
    /// Wasmtime makes at a crossing.
    pub stamp_ns: f64,
}

impl ProbeCost {
    /// What so many stamps cost, in nanoseconds.
    pub fn of(&self, stamps: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a handful of stamps a frame")]
        let stamps = stamps as f64;
        self.stamp_ns * stamps
    }
}

type Hook = dyn FnMut(&mut Ledger, Stage);

/// Measures the price on this machine, now. Takes about a millisecond.
pub fn calibrate() -> ProbeCost {
    const STAMPS: u32 = 2_000;
    const ROUNDS: u32 = 20;
    // Behind a pointer, as Wasmtime calls its hook.
    let mut stamp: Box<Hook> = Box::new(|ledger, stage| ledger.switch(stage));
    // The fastest of several rounds: whatever else the machine did meanwhile is not our price.
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
