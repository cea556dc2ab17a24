//! ONNX Runtime's own log, passed on to `tracing` under the target `onnxruntime`. Each line is escaped and cut,
//! and the number of lines in a period is bounded.
//!
//! Its lines contain names from models. By default ONNX Runtime would write them to standard error as they
//! are, each time that a model fails. Failures of runs and of loading are also returned as errors, which the
//! caller reports; the log has only details.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ort::logging::LogLevel;
use tracing::Level;

use crate::text::tidy;

/// The target of its lines, by which they can be filtered.
const TARGET: &str = "onnxruntime";

/// The most lines in one period: more than loading a sound model logs, and few enough to be read.
const LINES: u32 = 64;

/// The length of a period.
const PERIOD: Duration = Duration::from_secs(10);

/// The lines that were logged in the current period.
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
    /// Whether one more line may be written; and if a period has ended, how many of its lines were not.
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

/// The log level of ONNX Runtime with which it logs everything that the filter lets through.
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

/// Passes one line on.
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
