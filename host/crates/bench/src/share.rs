//! Counts the results of a window's frames on the workers' threads, where the answers are reported.
//!
//! The counts are split into several shares, each with its own lock, so that workers seldom wait
//! for each other.

use std::sync::{Mutex, PoisonError};

use tollgate_dispatch::Answer;
use tollgate_report::{HistogramError, Tally};

/// The counts of some of a window's frames.
pub(super) struct Share {
    pub(super) tally: Tally,
    pub(super) in_bound: u64,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    /// Why the first failed frame failed.
    pub(super) failure: Option<String>,
}

/// The largest number of shares; each has a histogram.
const MOST: usize = 64;

/// All shares of a window.
pub(super) struct Shares {
    shares: Vec<Mutex<Share>>,
    bound_ns: Option<u64>,
}

impl Shares {
    /// Makes a share for each answer that may come at once, and sets the bound to count frames
    /// against.
    pub(super) fn new(at_once: usize, bound_ns: Option<u64>) -> Result<Self, HistogramError> {
        let shares = (0..at_once.clamp(1, MOST)).map(|_| Share::new().map(Mutex::new));
        Ok(Self {
            shares: shares.collect::<Result<_, _>>()?,
            bound_ns,
        })
    }

    /// Adds an answer to the share that its number selects.
    pub(super) fn add(&self, number: usize, answer: &Answer) {
        if let Some(share) = self.shares.get(number % self.shares.len().max(1)) {
            let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
            share.add(answer, self.bound_ns);
        }
    }

    /// Takes the counts so far, and starts again from zero.
    pub(super) fn take(&self) -> Result<Vec<Share>, HistogramError> {
        let taken = self.shares.iter().map(|share| {
            let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(std::mem::replace(&mut *share, Share::new()?))
        });
        taken.collect()
    }
}

impl Share {
    fn new() -> Result<Self, HistogramError> {
        Ok(Self {
            tally: Tally::new()?,
            in_bound: 0,
            failed: 0,
            timed_out: 0,
            failure: None,
        })
    }

    fn add(&mut self, answer: &Answer, bound_ns: Option<u64>) {
        match &answer.outcome {
            Ok(success) => {
                let twin = success.twin.as_ref().map(|twin| &twin.record);
                self.tally.add(&success.record, twin);
                let in_bound = bound_ns.is_some_and(|bound| success.record.total_ns <= bound);
                self.in_bound += u64::from(in_bound);
            }
            Err(failure) if failure.is_late() => self.timed_out += 1,
            Err(failure) => {
                self.failed += 1;
                let why = || tollgate_report::one_line(failure);
                self.failure.get_or_insert_with(why);
            }
        }
    }
}
