//! The clock of every measurement: the processor's time-stamp counter if it is reliable, which is read in a
//! few nanoseconds without a system call; else the system's monotonic clock.
//!
//! A stamp is a raw count. Only differences have a meaning, and only after conversion.

use std::{sync::LazyLock, time::Duration};

static CLOCK: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// A point in time, as the counter's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// Now.
    #[inline]
    pub fn now() -> Self {
        Stamp(CLOCK.raw())
    }

    /// Counts since an earlier stamp; zero if that one is later.
    #[inline]
    pub fn ticks_since(self, earlier: Stamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This stamp and this many counts.
    #[must_use]
    #[inline]
    pub fn plus_ticks(self, ticks: u64) -> Self {
        Stamp(self.0.saturating_add(ticks))
    }

    /// The count itself.
    #[inline]
    pub fn count(self) -> u64 {
        self.0
    }

    /// The stamp of a count, which another process on this machine has told: both read the same counter.
    #[inline]
    pub fn of_count(count: u64) -> Self {
        Stamp(count)
    }

    /// This stamp and this time.
    #[must_use]
    #[inline]
    pub fn plus(self, time: Duration) -> Self {
        Budget::new(time).from(self).at
    }

    /// Nanoseconds since an earlier stamp; zero if that one is later.
    #[inline]
    pub fn nanos_since(self, earlier: Stamp) -> u64 {
        CLOCK.delta_as_nanos(earlier.0, self.0)
    }
}

/// Nanoseconds that a number of counts takes.
#[inline]
pub fn nanos(ticks: u64) -> u64 {
    CLOCK.delta_as_nanos(0, ticks)
}

/// A span of time, converted into counts once, so that setting a deadline costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    ticks: u64,
    time: Duration,
}

impl Budget {
    /// This long. More than thirty years count as thirty years.
    #[inline]
    pub fn new(time: Duration) -> Self {
        const SECOND: u64 = 1_000_000_000;
        // The clock only converts counts into nanoseconds, so the rate is computed from that.
        let counts_a_second =
            u128::from(SECOND) * u128::from(SECOND) / u128::from(nanos(SECOND).max(1));
        let time = time.min(Duration::from_secs(30 * 365 * 24 * 3600));
        let ticks = time.as_nanos() * counts_a_second / u128::from(SECOND);
        Self {
            ticks: u64::try_from(ticks).unwrap_or(u64::MAX / 4),
            time,
        }
    }

    /// The deadline this long after a moment.
    #[inline]
    pub fn from(self, start: Stamp) -> Deadline {
        Deadline {
            at: Stamp(start.0.saturating_add(self.ticks)),
            budget: self.time,
        }
    }
}

/// When something must be done by.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Stamp,
    budget: Duration,
}

impl Deadline {
    /// This long from now.
    #[inline]
    pub fn after(time: Duration) -> Self {
        Budget::new(time).from(Stamp::now())
    }

    /// At a moment.
    #[inline]
    pub fn at(moment: Stamp) -> Self {
        Self {
            at: moment,
            budget: Duration::ZERO,
        }
    }

    /// The moment itself, as a count.
    #[inline]
    pub fn count(&self) -> u64 {
        self.at.0
    }

    /// The whole time that was given.
    #[inline]
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// The time that is left; zero once it has passed.
    #[inline]
    pub fn left(&self) -> Duration {
        Duration::from_nanos(self.at.nanos_since(Stamp::now()))
    }

    /// Whether it had passed at a moment.
    #[inline]
    pub fn is_before(&self, moment: Stamp) -> bool {
        self.at < moment
    }

    /// The later of two.
    #[must_use]
    #[inline]
    pub fn max(self, other: Deadline) -> Deadline {
        if other.at > self.at { other } else { self }
    }

    /// The earlier of two.
    #[must_use]
    #[inline]
    pub fn min(self, other: Deadline) -> Deadline {
        if other.at < self.at { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_as_long_as_they_say() {
        let time = Duration::from_millis(1500);
        let left = Deadline::after(time).left();
        assert!(
            left <= time && left > Duration::from_millis(500),
            "{left:?}"
        );
        assert!(Deadline::after(Duration::ZERO).left().is_zero());
        assert!(Deadline::after(Duration::MAX).left() > Duration::from_secs(3600));
    }

    #[test]
    fn a_later_moment_is_as_much_later() {
        let now = Stamp::now();
        let nanos = now.plus(Duration::from_millis(20)).nanos_since(now);
        assert!(nanos.abs_diff(20_000_000) < 1000, "{nanos}");
    }

    #[test]
    fn the_earlier_deadline_wins() {
        let (soon, late) = (
            Deadline::after(Duration::from_secs(1)),
            Deadline::after(Duration::from_secs(9)),
        );
        assert_eq!(soon.min(late).budget(), late.min(soon).budget());
        assert_eq!(soon.max(late).budget(), late.max(soon).budget());
        assert!(soon.min(late).budget() < soon.max(late).budget());
    }
}
