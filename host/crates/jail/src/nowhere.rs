//! Where there are no helpers: not on Linux.

use std::{fs::File, process::ExitCode};

use crate::{Bounds, Error, Missing, Strength};

/// One piece of work for a helper of its own.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What makes the program a helper.
    pub arguments: &'a [&'a str],
    /// How much it may take.
    pub bounds: Bounds,
    /// What to do about layers that the machine lacks.
    pub strength: Strength,
}

/// What a helper did.
#[derive(Debug)]
pub struct Done {
    /// Its result.
    pub file: File,
    /// How many bytes that has.
    pub bytes: u64,
    /// The layers that the machine lacks.
    pub missing: Vec<Missing>,
}

impl Job<'_> {
    /// There are no helpers here.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn run(&self, _input: &[u8]) -> Result<Done, Error> {
        Err(Error::Layer("there are helpers on Linux only".to_owned()))
    }
}

/// There are no helpers here.
pub fn serve(
    _arguments: [&str; 2],
    _work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> ExitCode {
    ExitCode::FAILURE
}

/// There is nothing to try.
pub fn probe() -> String {
    String::new()
}
