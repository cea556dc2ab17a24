//! What is typed after `tollgate bench`.

use std::{num::NonZero, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::SubjectArgs;
use tollgate_deploy::values::Rate;

/// `tollgate bench`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Measuring")]
pub struct BenchArgs {
    /// What is run on what.
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// Compare variants of the models: `all`, or some by their names: fp32,int8
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub variants: Vec<String>,

    /// A file of settings, as `tollgate tune` writes it; what is typed beside it wins
    #[arg(long, value_name = "FILE", help_heading = "Instances")]
    pub settings: Option<PathBuf>,

    /// What to measure side by side
    #[arg(long, value_enum, value_delimiter = ',', default_value = "plugin")]
    pub paths: Vec<PathName>,

    /// How frames arrive, by MLPerf's definitions; `none` for a sweep alone
    ///
    /// Without it all of them are measured, `server` only where there is a `--p99`.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub scenario: Option<Vec<ScenarioName>>,

    /// Clients that each wait for their frame, to be gone through: 1,2,4,8
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub concurrency: Vec<NonZero<usize>>,

    /// Frames a second that arrive, to be gone through: 50,100,200; `2x` is twice what saturates
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = tollgate_deploy::values::rate)]
    pub rate: Vec<Rate>,

    /// The bound: 99 of 100 frames must be done this soon after they were due
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub p99: Option<Duration>,

    /// Threads that run instances, each its own [default: one for each core]
    #[arg(long, value_name = "N", help_heading = "Instances")]
    pub workers: Option<NonZero<usize>>,

    /// The plugin compiled natively, for the path `twin`
    #[arg(long, value_name = "LIB")]
    pub twin: Option<PathBuf>,

    /// A JSON file of what outputs should say by file name, to tell how many frames are right
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// How long one window is
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration, default_value = "1s")]
    pub window: Duration,

    /// How many windows to take at most until three in a row agree
    #[arg(long, value_name = "N", default_value = "10")]
    pub max_windows: NonZero<u32>,

    /// How far windows that agree may differ
    #[arg(long, value_name = "SHARE", value_parser = tollgate_deploy::values::share, default_value = "5%")]
    pub tolerance: f64,

    /// How many frames may wait for a worker
    #[arg(long, value_name = "N", default_value = "256")]
    pub queue: NonZero<usize>,

    /// What random arrivals are drawn from
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,

    /// Print one JSON object instead of tables
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Write the report as one web page that needs nothing else
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
}

/// A path by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PathName {
    /// ONNX Runtime alone, on tensors like the plugin's
    Native,
    /// The plugin compiled natively
    Twin,
    /// The plugin in its sandbox
    Plugin,
    /// The same, its inferences merged with those of others
    Batched,
}

/// A scenario by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScenarioName {
    /// One frame after the other: p90 of its latency
    SingleStream,
    /// Eight frames a query, one query after the other: p99 of its latency
    MultiStream,
    /// Poisson arrivals: the highest rate whose p99 keeps the bound
    Server,
    /// All frames at once: throughput
    Offline,
    /// None of them: a sweep alone
    None,
}
