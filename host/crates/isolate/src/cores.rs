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
    /// Those of this process.
    all: CpuSet,
    /// The one where it runs now.
    now: AtomicUsize,
}

impl Cores {
    /// All of this process's.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            all: sched_getaffinity(None)?,
            now: AtomicUsize::new(ANYWHERE),
        })
    }

    /// The numbers of this process's cores; at least one.
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

    /// Has the helper run on this core, and this thread until the result is dropped.
    pub(crate) fn share(&self, helper: &Resident, core: usize) -> Shared<'_> {
        self.place(helper, core);
        // Else the system would wake this thread on a core that is idle.
        sched_setaffinity(None, &one(core)).ok();
        Shared(self)
    }

    #[inline]
    fn place(&self, helper: &Resident, core: usize) {
        if self.now.load(Ordering::Relaxed) != core {
            self.set(helper, core);
        }
    }

    #[cold]
    fn set(&self, helper: &Resident, core: usize) {
        self.now.store(core, Ordering::Relaxed);
        let cores = if core == ANYWHERE {
            self.all
        } else {
            one(core)
        };
        // Where it fails, the system goes on choosing.
        let helper = i32::try_from(helper.id()).ok().and_then(Pid::from_raw);
        sched_setaffinity(helper, &cores).ok();
    }
}

fn one(core: usize) -> CpuSet {
    let mut cores = CpuSet::new();
    cores.set(core);
    cores
}

/// While it lives, this thread runs on its helper's core.
pub(crate) struct Shared<'a>(&'a Cores);

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        sched_setaffinity(None, &self.0.all).ok();
    }
}
