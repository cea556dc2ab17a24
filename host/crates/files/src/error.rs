//! Why a file or a folder cannot be written.

use std::{io, path::PathBuf};

/// Why something cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A folder for outputs that cannot be made or written to.
    #[error("cannot write outputs to `{}`, name a folder that you may write to", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An output.
    #[error("cannot write the output `{}`", file.display())]
    Output {
        /// Its file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A single file.
    #[error("cannot write {what} to `{}`, name a file in a folder that you may write to", file.display())]
    File {
        /// What it would hold.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl WriteError {
    /// The system's reason.
    pub fn reason(&self) -> &io::Error {
        match self {
            Self::Folder { source, .. }
            | Self::Output { source, .. }
            | Self::File { source, .. } => source,
        }
    }
}
