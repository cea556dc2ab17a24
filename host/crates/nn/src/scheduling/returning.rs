//! Who is expected back: callers that were answered together mostly ask again together, and a run of
//! all of them is worth the moment that the first of them waits for the last.
//!
//! Pure bookkeeping under somebody else's lock. It trusts until it is proven wrong, and then asks
//! again more and more rarely: callers that take their time cost the others next to nothing.

use std::time::Duration;

use crate::clock::{Deadline, Stamp};

/// They are expected within the time that their run took, since running without them would take as
/// long again, but no later than this.
const LATEST_NS: u64 = 1_000_000;

/// Where they did not come they are not waited for the next two, four, eight times and so on, up to
/// two to this power.
const MOST_DOUBT: u32 = 8;

#[derive(Default)]
pub(crate) struct Returning {
    /// Rows that are expected.
    pub(crate) rows: u32,
    /// Of so many, since the last time that all had come.
    of: u32,
    until: Stamp,
    /// What the last run took whose time is known, in nanoseconds.
    took: u64,
    /// How often in a row they did not come.
    doubt: u32,
    /// How often they need not be waited for.
    skip: u32,
}

impl Returning {
    /// So many rows were answered at this moment, after a run of so many nanoseconds; zero where
    /// that is not known.
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

    /// Somebody came with so many rows.
    pub(crate) fn came(&mut self, rows: u32, now: Stamp) {
        self.look(now);
        if self.rows > 0 {
            self.rows = self.rows.saturating_sub(rows);
            if self.rows == 0 {
                (self.of, self.doubt) = (0, 0);
            }
        }
    }

    /// Until when somebody is expected.
    pub(crate) fn until(&self) -> Option<Deadline> {
        (self.rows > 0).then(|| Deadline::at(self.until))
    }

    /// So many rows are expected within an hour.
    #[cfg(test)]
    pub(crate) fn within_an_hour(rows: u32) -> Self {
        let mut due = Self::default();
        (due.rows, due.of) = (rows, rows);
        due.until = Stamp::now().plus(Duration::from_secs(3600));
        due
    }

    /// Gives up those who should be here by now.
    pub(crate) fn look(&mut self, now: Stamp) {
        if self.rows > 0 && now >= self.until {
            // One who is late tells nothing of the others.
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
        // And once they come they are trusted again.
        for _ in 0..1000 {
            due.expect(4, RUN, now);
            due.came(4, after(now, 20));
            now = after(now, 1000);
        }
        due.expect(4, RUN, now);
        assert!(due.until().is_some());
        // One of many who is late is no reason not to.
        due.came(3, now);
        now = after(now, 1000);
        due.expect(4, RUN, now);
        assert!(due.until().is_some());
    }
}
