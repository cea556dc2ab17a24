//! Callers that were answered together, and are expected to ask again together: most do, and one run of
//! all of them is worth the short time that the first of them waits for the last.
//!
//! Plain bookkeeping: the caller must hold a lock. At first it is expected that they come back. If they do not,
//! they are expected less and less often, so callers that take their time cost the others almost nothing.

use std::time::Duration;

use crate::clock::{Deadline, Stamp};

/// They are expected within the time that their run took, since a run without them would take as long
/// again. This is the longest time, in nanoseconds.
const LATEST_NS: u64 = 1_000_000;

/// If they did not come, they are not waited for the next two times, then four, eight and so on, up to two
/// to this power.
const MOST_DOUBT: u32 = 8;

#[derive(Default)]
pub(crate) struct Returning {
    /// Rows that are expected.
    pub(crate) rows: u32,
    /// Rows that were expected since the last time that all had come.
    of: u32,
    until: Stamp,
    /// How long the last run took whose time is known, in nanoseconds.
    took: u64,
    /// How often in a row they did not come.
    doubt: u32,
    /// For how many more runs they are not waited for.
    skip: u32,
}

impl Returning {
    /// Rows were answered at `now`, after a run that took `took` nanoseconds; zero if that is not known.
    pub(crate) fn expect(&mut self, rows: u32, took: u64, now: Stamp) {
        self.look(now);
        if took > 0 {
            self.took = took;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let within = Duration::from_nanos(self.took.min(LATEST_NS));
        self.until = now.plus(within).max(self.until);
        self.rows = self.rows.saturating_add(rows);
        self.of = self.of.saturating_add(rows);
    }

    /// A caller came with this number of rows.
    pub(crate) fn came(&mut self, rows: u32, now: Stamp) {
        self.look(now);
        if self.rows > 0 {
            self.rows = self.rows.saturating_sub(rows);
            if self.rows == 0 {
                (self.of, self.doubt) = (0, 0);
            }
        }
    }

    /// Until when callers are expected; none if none are.
    pub(crate) fn until(&self) -> Option<Deadline> {
        (self.rows > 0).then(|| Deadline::at(self.until))
    }

    /// This number of rows is expected within an hour.
    #[cfg(test)]
    pub(crate) fn within_an_hour(rows: u32) -> Self {
        let mut due = Self::default();
        (due.rows, due.of) = (rows, rows);
        due.until = Stamp::now().plus(Duration::from_secs(3600));
        due
    }

    /// If the time is over, those that have not come are no longer expected.
    pub(crate) fn look(&mut self, now: Stamp) {
        if self.rows > 0 && now >= self.until {
            // If half of them or fewer are late, that says nothing about the others.
            if self.rows > self.of / 2 {
                self.doubt = (self.doubt + 1).min(MOST_DOUBT);
                self.skip = 1 << self.doubt;
            }
            (self.rows, self.of) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 400_000;

    fn after(start: Stamp, us: u64) -> Stamp {
        start.plus(Duration::from_micros(us))
    }

    #[test]
    fn they_are_waited_for_until_all_are_there_or_the_moment_is_over() {
        let (mut due, start) = (Returning::default(), Stamp::now());
        assert!(due.until().is_none());
        due.expect(3, RUN, start);
        due.came(1, after(start, 10));
        assert!(due.until().is_some());
        due.came(2, after(start, 390));
        assert!(due.until().is_none(), "all are there");
        due.expect(3, RUN, after(start, 500));
        due.look(after(start, 890));
        assert!(due.until().is_some());
        due.look(after(start, 910));
        assert!(due.until().is_none(), "it is over");
    }

    #[test]
    fn a_long_run_is_no_reason_to_wait_long() {
        let (mut due, start) = (Returning::default(), Stamp::now());
        due.expect(3, 80 * RUN, start);
        due.look(after(start, 1010));
        assert!(due.until().is_none());
    }

    #[test]
    fn those_who_do_not_come_are_expected_more_and_more_rarely() {
        let mut due = Returning::default();
        let mut now = Stamp::now();
        let mut waited = 0;
        for _ in 0..1000 {
            due.expect(4, RUN, now);
            waited += u32::from(due.until().is_some());
            now = after(now, 1000);
        }
        assert!((5..30).contains(&waited), "{waited}");
        // Once they come, they are expected again.
        for _ in 0..1000 {
            due.expect(4, RUN, now);
            due.came(4, after(now, 20));
            now = after(now, 1000);
        }
        due.expect(4, RUN, now);
        assert!(due.until().is_some());
        // They are still expected if one of many is late.
        due.came(3, now);
        now = after(now, 1000);
        due.expect(4, RUN, now);
        assert!(due.until().is_some());
    }
}
