//! How frames are admitted to a line: how many may wait, for how long, and with which priority.
//! Also why a frame is refused, and what is counted.

use std::{num::NonZero, time::Duration};

use tollgate_nn::Priority;

/// How much longer a frame waits for each step that its priority is lower.
pub const AGEING: Duration = Duration::from_millis(100);

/// The waiting time, in nanoseconds, that a priority subtracts from a frame's own.
pub(crate) fn handicap(priority: Priority) -> u64 {
    let step = u64::try_from(AGEING.as_nanos()).unwrap_or(u64::MAX);
    match priority {
        Priority::High => 0,
        Priority::Normal => step,
        Priority::Low => step.saturating_mul(2),
    }
}

/// The rules by which a line admits frames.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// How many frames may wait.
    pub capacity: NonZero<usize>,
    /// How soon after it was due a frame must be done; `None` if it may be late.
    pub deadline: Option<Duration>,
    /// The priority of the line's frames.
    pub priority: Priority,
}

/// Why a frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The queue is full, with this many waiting.
    #[error("the queue is full with {0} frames: send fewer, or try again later")]
    Full(usize),
    /// The frame would be done after its deadline.
    #[error(
        "its deadline of {0:?} cannot be met at this load: send fewer frames, or give them longer"
    )]
    OutOfReach(Duration),
    /// The deadline has passed or cannot be met any more.
    #[error("its deadline of {0:?} passed while it waited: send fewer frames, or give them longer")]
    Late(Duration),
    /// The line takes no more frames.
    #[error("no frames are taken any more")]
    Closed,
}

/// Counts of a line's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were admitted.
    pub admitted: u64,
    /// Frames refused because the queue was full.
    pub full: u64,
    /// Frames refused on arrival because their deadline could not be met.
    pub out_of_reach: u64,
    /// Frames that were admitted, and dropped when a worker took them because it was too late.
    pub late: u64,
    /// Frames that a worker processed.
    pub done: u64,
}
