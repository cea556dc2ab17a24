//! Log lines for the host, and configuration values from it.

use crate::{backend, bucket::StoreError};

/// The severity of a log line, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Each step in detail.
    Trace,
    /// Information for finding a mistake.
    Debug,
    /// Information for normal operation.
    Info,
    /// Something may go wrong.
    Warn,
    /// Something went wrong.
    Error,
    /// Nothing works any more.
    Critical,
}

/// Logs one line; `context` groups related lines and may be empty. This is a crossing. The line is
/// dropped without the grant, and beyond the host's limits.
pub fn log(level: Level, context: &str, message: &str) {
    backend::log(level, context, message);
}

/// The configuration value of a key; `None` if there is no such key, or nothing was granted. This
/// is a crossing, so read it once, when the plugin is made.
///
/// # Errors
/// [`StoreError::Other`], on hosts that get values from elsewhere.
pub fn config(key: &str) -> Result<Option<String>, StoreError> {
    backend::config(key)
}
