//! Which of the machine's cores a thread runs on.

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
