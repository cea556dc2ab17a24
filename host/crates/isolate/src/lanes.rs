//! The lanes of a helper, which callers take in turns.

use std::{
    ops::{Deref, DerefMut},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tollgate_nn::clock::Deadline;

use crate::{helper::lock, lane::Lane};

/// How long a caller sleeps at most before it looks at its deadline.
const LOOK: Duration = Duration::from_millis(10);

/// The lanes of a helper.
pub(crate) struct Lanes {
    /// Those that nobody has.
    free: Mutex<Vec<usize>>,
    returned: Condvar,
    /// Each is locked by the one caller that has it.
    all: Vec<Mutex<Busy>>,
}

/// A lane, and what the last answer on it was.
pub(crate) struct Busy {
    lane: Lane,
    pub(crate) answer: Vec<u32>,
}

/// A lane that one caller has.
pub(crate) struct Taken<'a> {
    lanes: &'a Lanes,
    index: usize,
    busy: MutexGuard<'a, Busy>,
}

impl Lanes {
    pub(crate) fn new(lanes: Vec<Lane>) -> Self {
        let all: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                Mutex::new(Busy {
                    lane,
                    answer: Vec::new(),
                })
            })
            .collect();
        Self {
            free: Mutex::new((0..all.len()).rev().collect()),
            returned: Condvar::new(),
            all,
        }
    }

    /// Takes one, and waits if all are taken; none past the deadline.
    #[inline]
    pub(crate) fn take(&self, deadline: Option<Deadline>) -> Option<Taken<'_>> {
        let mut free = lock(&self.free);
        loop {
            if let Some(index) = free.pop() {
                drop(free);
                let busy = lock(self.all.get(index)?);
                return Some(Taken {
                    lanes: self,
                    index,
                    busy,
                });
            }
            let left = deadline.map_or(LOOK, |deadline| deadline.left().min(LOOK));
            if left.is_zero() {
                return None;
            }
            let waited = self.returned.wait_timeout(free, left);
            free = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Taken<'_> {
    /// Which it is.
    pub(crate) fn index(&self) -> usize {
        self.index
    }
}

impl Deref for Taken<'_> {
    type Target = Busy;

    #[inline]
    fn deref(&self) -> &Busy {
        &self.busy
    }
}

impl DerefMut for Taken<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Busy {
        &mut self.busy
    }
}

impl Deref for Busy {
    type Target = Lane;

    #[inline]
    fn deref(&self) -> &Lane {
        &self.lane
    }
}

impl DerefMut for Busy {
    #[inline]
    fn deref_mut(&mut self) -> &mut Lane {
        &mut self.lane
    }
}

impl Drop for Taken<'_> {
    #[inline]
    fn drop(&mut self) {
        // Whoever takes it next waits the few instructions until it is unlocked.
        lock(&self.lanes.free).push(self.index);
        self.lanes.returned.notify_one();
    }
}
