//! A piece of work for a helper, and what comes of it.

use std::fs::File;

use crate::{Bounds, Missing, Strength};

/// One piece of work for a helper of its own.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What makes the program a helper that does this. Two arguments follow, which [`crate::serve`] takes.
    pub arguments: &'a [&'a str],
    /// How much it may take.
    pub bounds: Bounds,
    /// What to do about layers that the machine lacks. [`Strength::Off`] is the caller's: then there is no helper.
    pub strength: Strength,
}

/// What a helper did.
#[derive(Debug)]
pub struct Done {
    /// Its result: a memory file that nobody can change any more.
    pub file: File,
    /// How many bytes that has.
    pub bytes: u64,
    /// The layers that the machine lacks.
    pub missing: Vec<Missing>,
}
