//! The cores that this process may use, and which of them a thread runs on.

use std::{sync::LazyLock, thread};

/// How many cores this process may use: what the system says, its limits on the process included, when it is
/// first asked; 1 if it does not say.
pub fn cores() -> usize {
    static CORES: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    *CORES
}

/// The core of the calling thread; none if the system does not say. The thread may move to another core as
/// soon as this returns, so this is only a hint.
#[cfg(target_os = "linux")]
pub(crate) fn here() -> Option<usize> {
    Some(rustix::thread::sched_getcpu())
}

/// The core of the calling thread: not known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn here() -> Option<usize> {
    None
}
