//! Which of the machine's cores a thread runs on.

/// The core of the calling thread; none where the system does not say. It may be another one as soon
/// as this returns: good for guesses only.
#[cfg(target_os = "linux")]
pub(crate) fn here() -> Option<usize> {
    Some(rustix::thread::sched_getcpu())
}

/// The core of the calling thread; none where the system does not say.
#[cfg(not(target_os = "linux"))]
pub(crate) fn here() -> Option<usize> {
    None
}
