//! ONNX Runtime's own log, handed to `tracing` like any other: under the target `onnxruntime`, each line
//! escaped and cut, all of them bounded over time.
//!
//! What it logs holds names out of models, so left to itself it would write whatever a model says to
//! standard error, as often as the model fails. Failures of runs and of loading come back as errors,
//! which the caller reports; here they are details.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ort::logging::LogLevel;
use tracing::Level;

use crate::text::tidy;

/// What its lines are filtered by.
const TARGET: &str = "onnxruntime";

/// Lines in one period, at most: more than loading a sound model takes, and less than anybody reads.
const LINES: u32 = 64;

/// One period.
const PERIOD: Duration = Duration::from_secs(10);

/// Lines of the current period.
struct Allowance {
    begin: Option<Instant>,
    lines: u32,
    withheld: u64,
}

static ALLOWANCE: Mutex<Allowance> = Mutex::new(Allowance {
    begin: None,
    lines: 0,
    withheld: 0,
});

impl Allowance {
    /// Whether one more line may be written; and how many were not in the period that has ended.
    fn take(&mut self, now: Instant) -> (bool, u64) {
        let over = |begin: Instant| now.saturating_duration_since(begin) >= PERIOD;
        let mut withheld = 0;
        if self.begin.is_none_or(over) {
            withheld = std::mem::take(&mut self.withheld);
            self.begin = Some(now);
            self.lines = 0;
        }
        let may = self.lines < LINES;
        if may {
            self.lines += 1;
        } else {
            self.withheld += 1;
        }
        (may, withheld)
    }
}

/// The least that ONNX Runtime has to log for everything to be seen that the filter lets through.
pub(crate) fn level() -> LogLevel {
    if tracing::enabled!(target: TARGET, Level::TRACE) {
        LogLevel::Info
    } else if tracing::enabled!(target: TARGET, Level::DEBUG) {
        LogLevel::Warning
    } else if tracing::enabled!(target: TARGET, Level::ERROR) {
        LogLevel::Error
    } else {
        LogLevel::Fatal
    }
}

/// Takes one line.
pub(crate) fn line(level: LogLevel, _category: &str, _id: &str, place: &str, message: &str) {
    let wanted = match level {
        LogLevel::Fatal | LogLevel::Error => tracing::enabled!(target: TARGET, Level::ERROR),
        LogLevel::Warning => tracing::enabled!(target: TARGET, Level::DEBUG),
        LogLevel::Info | LogLevel::Verbose => tracing::enabled!(target: TARGET, Level::TRACE),
    };
    if !wanted {
        return;
    }
    let (may, withheld) = {
        let mut allowance = ALLOWANCE.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.take(Instant::now())
    };
    if withheld > 0 {
        tracing::warn!(target: TARGET, withheld, "more lines came than are written");
    }
    if !may {
        return;
    }
    let (place, message) = (tidy(place), tidy(message));
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::error!(target: TARGET, place, message),
        LogLevel::Warning => tracing::debug!(target: TARGET, place, message),
        LogLevel::Info | LogLevel::Verbose => tracing::trace!(target: TARGET, place, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_bounded_and_counted() {
        let mut allowance = Allowance {
            begin: None,
            lines: 0,
            withheld: 0,
        };
        let begin = Instant::now();
        let written = (0..1000).filter(|_| allowance.take(begin).0).count();
        assert_eq!(written, LINES as usize);
        assert_eq!(
            allowance.take(begin + PERIOD),
            (true, 1000 - u64::from(LINES))
        );
        assert_eq!(allowance.take(begin + PERIOD), (true, 0));
    }
}
