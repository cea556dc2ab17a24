//! What is typed after `tollgate tune`.

use std::{num::NonZero, path::PathBuf, time::Duration};

use clap::Args;

use super::SubjectArgs;

/// `tollgate tune`. Settings that are typed are settled, and the search is among the others.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// What is run on what.
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// The bound: 99 of 100 frames must be done this soon
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub p99: Duration,

    /// A JSON file of file names and true readings; without it variants other than the default are left out
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// The share of readings that must be right; by default that of the default variant
    #[arg(long, value_name = "SHARE", value_parser = tollgate_deploy::values::portion, requires = "truth")]
    pub accuracy: Option<f64>,

    /// Where to write the settings that were found; standard output by default
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// How long one of all candidates is measured for the figures to be relied on; all of the search takes about a sixth of that for each
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration, default_value = "4s")]
    pub window: Duration,

    /// Measure all candidates at full length as well, to check what the search found
    #[arg(long)]
    pub exhaustive: bool,

    /// Write a page with all that was tried
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,

    /// Threads that run instances, each its own
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZero<usize>>,
}
