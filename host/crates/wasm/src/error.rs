//! Why a file is refused before it is compiled.

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes begin as WebAssembly, but cannot be read to their end.
    #[error("not valid WebAssembly at byte {offset}: {reason}; build or copy it again")]
    Unreadable {
        /// Where.
        offset: u64,
        /// What the parser said.
        reason: String,
    },

    /// Its structure would cost its compiler, or another reader, too much time or memory.
    #[error("it is not compiled: expected at most {limit} {what}, {came} came; build it smaller")]
    Structure {
        /// What is counted.
        what: &'static str,
        /// How many are accepted.
        limit: u64,
        /// How many came, as far as was counted.
        came: u64,
    },
}
