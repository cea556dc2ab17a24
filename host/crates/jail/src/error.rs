//! Why a helper has no result.

use std::{io, time::Duration};

/// Why a helper has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system starts no helper.
    #[error("a helper process cannot be {what}")]
    Start {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The machine lacks a layer, and all were asked for; or it has no helpers at all.
    #[error("this machine lacks a layer of the jail: {0}")]
    Layer(String),
    /// The helper's own answer: the job cannot be done.
    #[error("{0}")]
    Refused(String),
    /// It was not done in time.
    #[error("it was not done within {} s", .0.as_secs())]
    Late(Duration),
    /// It needed more memory than it may have.
    #[error("it needs more than {} MiB of memory", .0 >> 20)]
    Memory(u64),
    /// Its result is larger than it may be.
    #[error("its result has more than {} MiB", .0 >> 20)]
    Result(u64),
    /// The helper died: its native code crashed, or somebody killed it.
    #[error("the helper process for it died ({0})")]
    Died(String),
}
