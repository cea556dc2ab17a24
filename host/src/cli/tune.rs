//! What is typed after `tollgate tune`.

use std::{num::NonZero, path::PathBuf, time::Duration};

use clap::Args;

use super::SubjectArgs;

/// `tollgate tune`. Settings that are typed are settled, and the search is among the others.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct TuneArgs {
    /// What is run on what.
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// The bound: 99 of 100 frames must be done this soon
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub p99: Duration,

    /// A JSON file of what outputs should say by file name; without it variants other than the default are left out
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// The share of frames that must be right; by default that of the default variant
    #[arg(long, value_name = "SHARE", value_parser = tollgate_deploy::values::portion, requires = "truth")]
    pub accuracy: Option<f64>,

    /// Where to write the settings that were found [default: standard output]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// How long a candidate is measured for its figures to be relied on
    ///
    /// All of the search takes about a sixth of that for each candidate.
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration, default_value = "4s")]
    pub window: Duration,

    /// Measure all candidates at full length as well, to check what the search found
    #[arg(long)]
    pub exhaustive: bool,

    /// Write a page with all that was tried
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,

    /// Print one JSON object instead of tables
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Threads that run instances, each its own
    #[arg(long, value_name = "N", help_heading = "Instances")]
    pub workers: Option<NonZero<usize>>,
}
