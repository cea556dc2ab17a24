//! The queue of waiting inferences of one graph: which one is next, and which ones run with it.
//!
//! Higher priorities come first. Within a priority every owner gets an equal share of the rows that run,
//! no matter how many of its callers wait or how many rows each has. Within an owner, first come, first
//! served. This is start-time fair queueing: each entry has a virtual start time, where its owner's last
//! entry ends, and the entry with the earliest start is next. No entry waits for ever: each time that
//! [`PATIENCE`] runs began without it, it rises by one priority, and the entries of an owner that is
//! served start later and later.
//!
//! Plain bookkeeping: the caller must hold a lock, and nothing here depends on threads or on time.

use crate::{Caller, Owner};

/// How many runs may begin without an entry before it rises by one priority. It can rise by two, so an
/// entry of the lowest priority waits for at most sixteen runs, and for its owner's share.
const PATIENCE: u32 = 8;

pub(crate) struct FairQueue<T> {
    /// In the order of arrival.
    entries: Vec<Entry<T>>,
    /// The start of the entry that was last served.
    now: u64,
    /// Where the last entry of an owner ends, for owners for which that is after `now`.
    ends: Vec<(Owner, u64)>,
}

struct Entry<T> {
    ticket: T,
    caller: Caller,
    start: u64,
    passed: u32,
    overtaken: bool,
}

impl<T> Entry<T> {
    /// The entry with the smallest rank is next.
    fn rank(&self) -> (u32, u64) {
        let level = self.caller.priority.level();
        (level.saturating_sub(self.passed / PATIENCE), self.start)
    }
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            now: 0,
            ends: Vec::new(),
        }
    }
}

impl<T> FairQueue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.ticket)
    }

    /// Adds an inference with this number of rows.
    pub(crate) fn push(&mut self, ticket: T, caller: Caller, rows: u32) {
        let now = self.now;
        self.ends.retain(|&(_, end)| end > now);
        let rows = u64::from(rows.max(1));
        let start = match self.ends.iter_mut().find(|(o, _)| *o == caller.owner) {
            Some((_, end)) => std::mem::replace(end, end.saturating_add(rows)),
            None => {
                self.ends.push((caller.owner, now.saturating_add(rows)));
                now
            }
        };
        self.entries.push(Entry {
            ticket,
            caller,
            start,
            passed: 0,
            overtaken: false,
        });
    }

    /// The first of those that fit.
    pub(crate) fn first(&self, fits: impl Fn(&T) -> bool) -> Option<&T> {
        let fitting = self.entries.iter().filter(|entry| fits(&entry.ticket));
        let first = fitting.min_by_key(|entry| entry.rank())?;
        Some(&first.ticket)
    }

    /// The first of those that fit, or the second if that one is near and the first is not. An entry is
    /// overtaken like this only once, and never by one of a lower priority.
    pub(crate) fn first_near(
        &mut self,
        fits: impl Fn(&T) -> bool,
        near: impl Fn(&T) -> bool,
    ) -> Option<&T> {
        let fitting = self.entries.iter().enumerate();
        let fitting = fitting.filter(|(_, entry)| fits(&entry.ticket));
        let (mut first, mut second) = (None, None);
        for (place, entry) in fitting {
            let one = Some((entry.rank(), place));
            if first.is_none() || one < first {
                (first, second) = (one, first);
            } else if second.is_none() || one < second {
                second = one;
            }
        }
        let ((level, _), place) = first?;
        let entry = self.entries.get(place)?;
        let mut chosen = place;
        if !entry.overtaken
            && !near(&entry.ticket)
            && let Some(((other, _), second)) = second
            && other == level
            && self
                .entries
                .get(second)
                .is_some_and(|entry| near(&entry.ticket))
        {
            chosen = second;
            if let Some(entry) = self.entries.get_mut(place) {
                entry.overtaken = true;
            }
        }
        self.entries.get(chosen).map(|entry| &entry.ticket)
    }

    /// Removes the first of those that fit, to begin a run. All the others were passed over once more.
    pub(crate) fn next(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let next = self.take(fits)?;
        for entry in &mut self.entries {
            entry.passed = entry.passed.saturating_add(1);
        }
        Some(next)
    }

    /// Removes the first of those that fit, to be in a run that is about to begin.
    pub(crate) fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let fitting = self.entries.iter().enumerate();
        let (index, _) = fitting
            .filter(|(_, entry)| fits(&entry.ticket))
            .min_by_key(|(_, entry)| entry.rank())?;
        let entry = self.entries.remove(index);
        self.now = self.now.max(entry.start);
        self.rest();
        Some(entry.ticket)
    }

    /// Removes an inference that is no longer wanted; returns whether it was still in the queue.
    pub(crate) fn leave(&mut self, is: impl Fn(&T) -> bool) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| !is(&entry.ticket));
        let left = self.entries.len() < before;
        self.rest();
        left
    }

    /// Starts anew if the queue is empty: then earlier shares no longer count.
    fn rest(&mut self) {
        if self.entries.is_empty() {
            self.now = 0;
            self.ends.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Priority;

    fn caller(owner: Owner, priority: Priority) -> Caller {
        Caller { owner, priority }
    }

    fn drain(line: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| line.next(|_| true)).collect()
    }

    #[test]
    fn one_owner_is_served_in_the_order_of_arrival() {
        let mut line = FairQueue::default();
        for name in ["a", "b", "c"] {
            line.push(name, Caller::default(), 1);
        }
        assert_eq!(drain(&mut line), ["a", "b", "c"]);
        assert!(line.is_empty());
    }

    #[test]
    fn owners_take_turns_however_many_of_them_wait() {
        let (many, few) = (Owner::unique(), Owner::unique());
        let mut line = FairQueue::default();
        for name in ["m1", "m2", "m3", "m4"] {
            line.push(name, caller(many, Priority::Normal), 1);
        }
        for name in ["f1", "f2"] {
            line.push(name, caller(few, Priority::Normal), 1);
        }
        assert_eq!(drain(&mut line), ["m1", "f1", "m2", "f2", "m3", "m4"]);
    }

    #[test]
    fn an_owner_who_comes_back_at_once_does_not_starve_the_others() {
        let (eager, patient) = (Owner::unique(), Owner::unique());
        let mut line = FairQueue::default();
        for name in ["p1", "p2", "p3"] {
            line.push(name, caller(patient, Priority::Normal), 1);
        }
        let mut served = Vec::new();
        for _ in 0..6 {
            line.push("e", caller(eager, Priority::Normal), 1);
            served.extend(line.next(|_| true));
        }
        let theirs: Vec<_> = served.iter().filter(|name| **name != "e").collect();
        assert_eq!(theirs, [&"p1", &"p2", &"p3"], "{served:?}");
    }

    #[test]
    fn shares_are_counted_in_rows() {
        let (big, small) = (Owner::unique(), Owner::unique());
        let mut line = FairQueue::default();
        for name in ["b1", "b2"] {
            line.push(name, caller(big, Priority::Normal), 4);
        }
        for name in ["s1", "s2", "s3", "s4", "s5"] {
            line.push(name, caller(small, Priority::Normal), 1);
        }
        assert_eq!(drain(&mut line), ["b1", "s1", "s2", "s3", "s4", "b2", "s5"]);
    }

    #[test]
    fn the_urgent_go_first_and_the_others_are_not_forgotten() {
        let mut line = FairQueue::default();
        line.push("low", caller(Owner::default(), Priority::Low), 1);
        line.push("normal", Caller::default(), 1);
        let (mut served, eager) = (Vec::new(), Owner::unique());
        for _ in 0..40 {
            line.push("high", caller(eager, Priority::High), 1);
            served.extend(line.next(|_| true));
        }
        assert_eq!(served.first(), Some(&"high"));
        let place = |name| served.iter().position(|one| *one == name).unwrap();
        assert!(place("normal") < place("low"), "{served:?}");
        assert!(place("low") <= 2 * PATIENCE as usize + 2, "{served:?}");
    }

    #[test]
    fn the_second_goes_first_if_it_is_near_but_overtakes_nobody_twice() {
        let mut line = FairQueue::default();
        for name in ["far", "n1", "n2"] {
            line.push(name, Caller::default(), 1);
        }
        let near = |name: &&str| name.starts_with('n');
        let next = |line: &mut FairQueue<&'static str>| {
            let next = line.first_near(|_| true, near).copied();
            line.next(|name| Some(*name) == next)
        };
        assert_eq!(next(&mut line), Some("n1"));
        assert_eq!(next(&mut line), Some("far"), "not twice");
        line.push("high", caller(Owner::default(), Priority::High), 1);
        assert_eq!(next(&mut line), Some("high"), "not the urgent");
        assert_eq!(next(&mut line), Some("n2"));
        assert_eq!(next(&mut line), None);
    }

    #[test]
    fn who_goes_along_is_the_first_of_those_that_fit() {
        let mut line = FairQueue::default();
        for name in ["wide", "a", "b"] {
            line.push(name, Caller::default(), 1);
        }
        assert_eq!(line.take(|name| name.len() == 1), Some("a"));
        assert_eq!(line.take(|name| name.len() == 2), None);
        assert!(line.leave(|name| *name == "wide"));
        assert!(!line.leave(|name| *name == "wide"));
        assert_eq!(drain(&mut line), ["b"]);
    }
}
