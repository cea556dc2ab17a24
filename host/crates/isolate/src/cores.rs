//! On which core a helper runs. Where the host sleeps while the helper computes, both are quickest on one core: the
//! tensors are in its caches, and nobody has to be woken on another one.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use tollgate_jail::Resident;

/// Stands for all cores.
const ANYWHERE: usize = usize::MAX;

/// The cores of a helper's first thread. Its other threads, if it has any, run where the system has them.
pub(crate) struct Cores {
    /// Those of the thread that started it.
    all: CpuSet,
    /// The one where it runs now.
    now: AtomicUsize,
}

impl Cores {
    /// All of this thread's.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            all: sched_getaffinity(None)?,
            now: AtomicUsize::new(ANYWHERE),
        })
    }

    /// The numbers of this thread's cores; at least one.
    pub(crate) fn all() -> Vec<usize> {
        let all = sched_getaffinity(None).unwrap_or_default();
        let mut numbers: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|&core| all.is_set(core))
            .collect();
        if numbers.is_empty() {
            numbers.push(0);
        }
        numbers
    }

    /// Lets the system choose where the helper runs.
    #[inline]
    pub(crate) fn free(&self, helper: &Resident) {
        self.place(helper, ANYWHERE);
    }

    /// Has the helper run on this core, and this thread until the result is dropped; none if that cannot be had.
    pub(crate) fn share(&self, helper: &Resident, core: usize) -> Option<Shared> {
        let before = sched_getaffinity(None)
            .ok()
            .filter(|own| own.is_set(core))?;
        self.place(helper, core);
        // Else the system would wake this thread on a core that is idle.
        sched_setaffinity(None, &one(core)).ok()?;
        Some(Shared { before, core })
    }

    #[inline]
    fn place(&self, helper: &Resident, core: usize) {
        if self.now.load(Ordering::Relaxed) != core {
            self.set(helper, core);
        }
    }

    #[cold]
    fn set(&self, helper: &Resident, core: usize) {
        let cores = if core == ANYWHERE {
            self.all
        } else {
            one(core)
        };
        let helper = i32::try_from(helper.id()).ok().and_then(Pid::from_raw);
        // Where it fails, the system goes on choosing.
        if sched_setaffinity(helper, &cores).is_ok() {
            self.now.store(core, Ordering::Relaxed);
        }
    }
}

fn one(core: usize) -> CpuSet {
    let mut cores = CpuSet::new();
    cores.set(core);
    cores
}

/// While it lives, this thread runs on its helper's core.
pub(crate) struct Shared {
    before: CpuSet,
    core: usize,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Unless somebody else has moved it meanwhile.
        if sched_getaffinity(None).is_ok_and(|now| now == one(self.core)) {
            sched_setaffinity(None, &self.before).ok();
        }
    }
}
