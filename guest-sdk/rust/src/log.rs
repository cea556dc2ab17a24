//! What the host is told, and what it tells: log lines and configuration values.

use crate::{backend, bucket::StoreError};

/// How much a log line matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// What every step is and does.
    Trace,
    /// What somebody wants to know who looks for a mistake.
    Debug,
    /// What somebody wants to know who watches.
    Info,
    /// Something may go wrong.
    Warn,
    /// Something went wrong.
    Error,
    /// Nothing works any more.
    Critical,
}

/// Logs one line; `context` groups lines that belong together, and may be empty. It takes a crossing.
/// Without the grant, and beyond the host's limits, nobody sees it.
pub fn log(level: Level, context: &str, message: &str) {
    backend::log(level, context, message);
}

/// The configuration value of a key; none where there is no such key, or nothing was granted. It takes
/// a crossing: read it once, when the plugin is made.
///
/// # Errors
/// [`StoreError::Other`], on hosts whose values come from elsewhere.
pub fn config(key: &str) -> Result<Option<String>, StoreError> {
    backend::config(key)
}
