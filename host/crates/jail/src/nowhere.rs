//! Where there are no helpers: not on Linux.

use std::{path::Path, process::ExitCode};

use crate::{Done, Error, Job};

/// There is no such file here.
pub const ITSELF: &str = "/proc/self/exe";

impl Job<'_> {
    /// There are no helpers here.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn run(&self, _input: &[u8]) -> Result<Done, Error> {
        Err(Error::Layer("there are helpers on Linux only".to_owned()))
    }

    /// There are no helpers here.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn run_apart(&self, _program: &Path, input: &[u8]) -> Result<Done, Error> {
        self.run(input)
    }
}

/// There are no helpers here.
pub fn serve(
    _arguments: [&str; 2],
    _work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> ExitCode {
    ExitCode::FAILURE
}

/// There are no helpers here.
pub fn serve_apart(
    arguments: [&str; 2],
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> ExitCode {
    serve(arguments, work)
}

/// There is nothing to try.
pub fn probe() -> String {
    String::new()
}
