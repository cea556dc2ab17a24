//! The lanes of a helper, which callers take in turns.

use std::{
    ops::{Deref, DerefMut},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
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
    /// Those whose caller has gone without its answer, and since when.
    parked: Mutex<Vec<(usize, Instant)>>,
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
    /// Whether its answer is still to come.
    owed: bool,
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
            parked: Mutex::default(),
            all,
        }
    }

    /// Takes those back whose answer has come by now. Gives how long the oldest of the others has been waited for.
    pub(crate) fn take_back(&self) -> Option<Duration> {
        let mut parked = lock(&self.parked);
        if parked.is_empty() {
            return None;
        }
        parked.retain(|&(index, _)| {
            let come = self.all.get(index).is_none_or(|busy| lock(busy).has_come());
            if come {
                self.put_back(index);
            }
            !come
        });
        parked.iter().map(|(_, since)| since.elapsed()).max()
    }

    fn put_back(&self, index: usize) {
        lock(&self.free).push(index);
        self.returned.notify_one();
    }

    /// Takes one, and waits if all are taken; none past the deadline.
    #[inline]
    pub(crate) fn take(&self, deadline: Option<Deadline>) -> Option<Taken<'_>> {
        let mut free = lock(&self.free);
        let mut looked = true;
        loop {
            if let Some(index) = free.pop() {
                drop(free);
                let busy = lock(self.all.get(index)?);
                return Some(Taken {
                    lanes: self,
                    index,
                    owed: false,
                    busy,
                });
            }
            if !looked {
                drop(free);
                self.take_back();
                free = lock(&self.free);
            }
            looked = !looked;
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
    /// Leaves it without its answer: nobody has it before that has come.
    pub(crate) fn park(&mut self) {
        self.owed = true;
    }

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
        if self.owed {
            lock(&self.lanes.parked).push((self.index, Instant::now()));
        } else {
            // Whoever takes it next waits the few instructions until it is unlocked.
            self.lanes.put_back(self.index);
        }
    }
}
