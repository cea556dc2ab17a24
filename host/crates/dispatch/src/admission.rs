//! How frames are admitted to a line: how many may wait, until when, how urgent they are; why one is
//! refused, and what is counted.

use std::{num::NonZero, time::Duration};

use tollgate_nn::Priority;

/// How much longer a frame waits for each step that its priority is below another's.
pub const AGEING: Duration = Duration::from_millis(100);

/// What frames of a priority stand back by, in nanoseconds.
pub(crate) fn handicap(priority: Priority) -> u64 {
    let step = u64::try_from(AGEING.as_nanos()).unwrap_or(u64::MAX);
    match priority {
        Priority::High => 0,
        Priority::Normal => step,
        Priority::Low => step.saturating_mul(2),
    }
}

/// How a line's frames are admitted.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// Frames that may wait.
    pub capacity: NonZero<usize>,
    /// How soon after it was due a frame must be done; none where late is as good as in time.
    pub deadline: Option<Duration>,
    /// How urgent they are.
    pub priority: Priority,
}

/// Why a frame is not worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many wait as may.
    #[error("the queue is full with {0} frames: send fewer, or try again later")]
    Full(usize),
    /// It would be too late when it is done.
    #[error(
        "its deadline of {0:?} cannot be met at this load: send fewer frames, or give them longer"
    )]
    OutOfReach(Duration),
    /// It is too late already.
    #[error("its deadline of {0:?} passed while it waited: send fewer frames, or give them longer")]
    Late(Duration),
    /// The run is over.
    #[error("no frames are taken any more")]
    Closed,
}

/// What was counted of a line's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Let in.
    pub admitted: u64,
    /// Refused, since the queue was full.
    pub full: u64,
    /// Refused on arrival, since their deadline was out of reach.
    pub out_of_reach: u64,
    /// Let in, and dropped when their turn came: it was too late.
    pub late: u64,
    /// Worked on.
    pub done: u64,
}
