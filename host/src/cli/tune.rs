//! What is typed after `tollgate tune`.

use std::{num::NonZero, path::PathBuf, time::Duration};

use clap::Args;

use super::{GrantArgs, Grantable, GraphArgs, LimitArgs};
use crate::values::{self, ModelArg};

/// `tollgate tune`. Settings that are typed are settled, and the search is among the others.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// The plugin: a WebAssembly component
    pub plugin: PathBuf,

    /// Files, directories (their files by name, hidden ones left out) or `-` for standard input
    pub inputs: Vec<PathBuf>,

    /// A model and the name the plugin asks for it by, or one variant of it; can be given several times
    #[arg(long, value_name = "NAME[:VARIANT]=PATH", value_parser = values::model)]
    pub model: Vec<ModelArg>,

    /// The bound: 99 of 100 frames must be done this soon
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub p99: Duration,

    /// A JSON file of file names and true readings; without it variants other than the default are left out
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// The share of readings that must be right; by default that of the default variant
    #[arg(long, value_name = "SHARE", value_parser = values::portion, requires = "truth")]
    pub accuracy: Option<f64>,

    /// Where to write the settings that were found; standard output by default
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// How long one of all candidates is measured for the figures to be relied on; all of the search takes about a sixth of that for each
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "4s")]
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

    /// The ONNX Runtime library to load
    #[arg(long, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,

    /// Threads that run instances, each its own
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZero<usize>>,

    /// Use a fresh instance for every frame
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub fresh: Option<bool>,

    /// How graphs run.
    #[command(flatten)]
    pub graph: GraphArgs,

    /// Grant what is not granted by itself
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<Grantable>,

    /// What the plugin may reach.
    #[command(flatten)]
    pub grants: GrantArgs,

    /// What a guest may use.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Compile the plugin anew and keep nothing
    #[arg(long)]
    pub no_cache: bool,
}
