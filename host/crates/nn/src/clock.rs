//! The clock of every measurement: the processor's time-stamp counter where it is sound, read in a
//! few nanoseconds without a system call; the system's monotonic clock elsewhere.
//!
//! A stamp is a raw count; only differences mean anything, and only after conversion.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

static CLOCK: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// A point in time as the counter shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// Now.
    #[inline]
    pub fn now() -> Self {
        Stamp(CLOCK.raw())
    }

    /// Counts since an earlier stamp; zero where that one is later.
    #[inline]
    pub fn ticks_since(self, earlier: Stamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Nanoseconds since an earlier stamp; zero where that one is later.
    pub fn nanos_since(self, earlier: Stamp) -> u64 {
        CLOCK.delta_as_nanos(earlier.0, self.0)
    }
}

/// Nanoseconds that a number of counts takes.
pub fn nanos(ticks: u64) -> u64 {
    CLOCK.delta_as_nanos(0, ticks)
}

/// Sets the clock up, which takes some milliseconds once; otherwise the first stamp does.
pub fn prepare() {
    Stamp::now();
}

/// What the stamps come from, in words.
pub fn source() -> &'static str {
    // The library picks the counter by itself and does not say so; a system call costs tens of
    // nanoseconds and a counter read does not advance the system's clock in between, so ask the
    // processor instead.
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) && counter_ticks() {
        "time-stamp counter"
    } else {
        "system monotonic clock"
    }
}

/// Whether raw counts differ from nanoseconds of the system's clock.
fn counter_ticks() -> bool {
    // Raw readings of the system's clock are nanoseconds: a million counts would be a million
    // nanoseconds exactly. A counter of any other rate shows itself.
    nanos(1_000_000) != 1_000_000
}

/// When something must be done by.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    budget: Duration,
}

impl Deadline {
    /// This long from now. A time beyond the clock's range counts as thirty years.
    pub fn after(budget: Duration) -> Self {
        let now = Instant::now();
        let far = Duration::from_secs(30 * 365 * 24 * 3600);
        let at = now.checked_add(budget).unwrap_or_else(|| now + far);
        Deadline { at, budget }
    }

    /// The moment itself.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// How long was given.
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// How long is left; nothing once it has passed.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The earlier of two.
    #[must_use]
    pub fn min(self, other: Deadline) -> Deadline {
        if other.at < self.at { other } else { self }
    }
}
