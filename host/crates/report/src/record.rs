//! The report of `tollgate bench` as one JSON object: its schema, field by field.
//!
//! The same types are used to read a report back, for drawing or comparing. Fields may be added
//! under the same schema name, but none is renamed or removed. A number that is unknown, or that
//! there are too few samples for, is null, never zero; if the reason is not obvious, a field beside
//! it gives it. Times are in nanoseconds, sizes in bytes, rates per second; fractions are from 0 to
//! 1.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Accuracy, Stages, Toll};

/// The schema of this report.
pub const SCHEMA: &str = "tollgate.bench/2";

/// The report of one benchmark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The name of this schema: [`SCHEMA`].
    pub schema: String,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// When it began, as RFC 3339 in UTC: `2026-11-23T18:25:00Z`.
    pub started: String,
    /// Why it ended before everything was measured; null if it did not.
    #[serde(default)]
    pub cut_short: Option<String>,
    /// Where it ran.
    pub machine: Machine,
    /// The plugin's file.
    pub plugin: File,
    /// The twin's library; null without `--twin`.
    pub twin: Option<File>,
    /// The models, in the order in which they were named.
    pub models: Vec<Model>,
    /// The frames that were used.
    pub inputs: Inputs,
    /// All settings.
    pub settings: Settings,
    /// The bound on latency.
    pub bound: Option<Bound>,
    /// One for each scenario and path.
    pub results: Vec<ScenarioResult>,
    /// One for each path and concurrency or rate that was swept, in the order asked for.
    pub sweep: Vec<SweepPoint>,
    /// The index in `sweep` of the headline point (see `report::headline`); null if there is none.
    #[serde(default)]
    pub best: Option<usize>,
    /// How many values and frames were right; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// One for each variant that was compared; empty without any.
    pub variants: Vec<Variant>,
    /// The chosen point; null if none was chosen.
    pub chosen: Option<Chosen>,
    /// The cost of taking one stamp of the ledger, calibrated at start.
    pub stamp_ns: f64,
}

/// Where it ran.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Tollgate's version.
    pub tollgate: String,
    /// Wasmtime's version.
    pub wasmtime: String,
    /// ONNX Runtime's version; null if it was not needed.
    pub onnxruntime: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name; null if the system does not tell.
    pub cpu: Option<String>,
    /// The machine's memory; null if the system does not tell.
    pub memory_bytes: Option<u64>,
    /// The system's name and kernel, such as `Linux 6.8.0`.
    pub os: String,
    /// The instruction set, such as `x86_64`.
    pub architecture: String,
}

/// A file, identified by its content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct File {
    /// The path as it was given.
    pub path: String,
    /// The file's size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A model.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Model {
    /// The name by which the plugin asks for it.
    pub name: String,
    /// Its file.
    pub file: File,
    /// The variant of the model, such as `fp32` or `int8`; null if none was given.
    pub variant: Option<String>,
}

/// The frames that were used, over and over again.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Inputs {
    /// The number of different frames.
    pub frames: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// All settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// How instances are used: `warm` or `fresh`.
    pub instances: String,
    /// Threads that run instances, each with its own.
    pub workers: usize,
    /// Sessions of each graph.
    pub sessions: usize,
    /// Threads inside one inference; null if the mode decides.
    pub threads: Option<usize>,
    /// `throughput` or `latency`.
    pub mode: String,
    /// The device that graphs were asked to run on.
    pub device: String,
    /// How far ONNX Runtime rewrites graphs: `none`, `basic`, `extended` or `all`.
    pub optimization: String,
    /// The largest batch on the batched path; null without batching.
    pub batch_max: Option<usize>,
    /// How long an inference waits for others; null without batching.
    pub batch_delay_ns: Option<u64>,
    /// The variant that ran; null if there is only one.
    pub variant: Option<String>,
    /// How many frames may wait for a worker.
    pub queue: usize,
    /// The seed for arrivals.
    pub seed: u64,
    /// The length of a window.
    pub window_ns: u64,
    /// The largest number of windows of a measurement.
    pub max_windows: u32,
    /// How far agreeing windows may differ, as a fraction.
    pub tolerance: f64,
}

/// A bound on latency, for a fraction of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The quantile that must keep the bound: 0.99.
    pub quantile: f64,
    /// The bound, from the scheduled arrival to the outputs.
    pub latency_ns: u64,
}

/// What a frame goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// ONNX Runtime alone, on tensors of the same type and dimensions as the plugin's.
    Native,
    /// The plugin's twin, which calls ONNX Runtime directly.
    Twin,
    /// The plugin in its sandbox.
    Plugin,
    /// The plugin in its sandbox, with its inferences merged with those of others.
    Batched,
}

/// How frames arrive; the names and definitions are those of MLPerf Inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// One frame after the other; the metric is the p90 of its latency.
    SingleStream,
    /// Queries of eight frames, one after the other; the metric is the p99 of a query's latency.
    MultiStream,
    /// Poisson arrivals; the metric is the highest rate whose p99 stays under the bound.
    Server,
    /// All frames at once; the metric is throughput.
    Offline,
}

/// The result of one path in one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// The path.
    pub path: Path,
    /// The scenario.
    pub scenario: Scenario,
    /// The scenario's own metric; null if there is none, with the reason in `problem`.
    pub metric: Option<Metric>,
    /// Why there is no metric, or what is wrong with it.
    pub problem: Option<Problem>,
    /// Latency of a query, from its scheduled arrival to its last output.
    pub latency_ns: Option<Percentiles>,
    /// Frames that were done, in all windows that count.
    pub frames: u64,
    /// Frames that the plugin reported an error for, or that failed with their instance.
    pub failed: u64,
    /// Frames that were refused on arrival, because the queue was full or their deadline could not
    /// be met.
    pub rejected: u64,
    /// Frames whose deadline passed before they were done.
    pub timed_out: u64,
    /// Frames that were done, per second.
    pub frames_per_second: f64,
    /// Inferences that were done, per second.
    pub inferences_per_second: f64,
    /// Frames done within the bound per second; null without a bound.
    pub goodput_per_second: Option<f64>,
    /// Frames that arrived per second; null in a closed loop.
    pub offered_per_second: Option<f64>,
    /// Processor time of the whole process for one inference.
    pub cpu_ns_per_inference: Option<f64>,
    /// Memory at the end of the last window.
    pub memory: Memory,
    /// The windows that count.
    pub windows: Windows,
    /// The energy of one inference.
    pub energy: Energy,
    /// Mean of each stage; null for paths without a ledger.
    pub stages_ns: Option<Stages>,
    /// What the boundary added; null for paths without one.
    pub toll: Option<Toll>,
}

/// Why there is no metric, or what is wrong with it. In the report it is only its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Problem {
    /// The sentence.
    pub text: String,
    /// What the run had too little of; `None` if more of nothing helps, and where a report was read
    /// back.
    pub lack: Option<Lack>,
}

/// What a run had too little of for a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Windows, or time in each of them.
    Windows,
    /// Time in a window.
    Window,
    /// Time that frames may take.
    Bound,
}

impl Problem {
    /// A problem of which it is known what the run had too little of.
    pub fn lacking(lack: Lack, text: String) -> Self {
        let lack = Some(lack);
        Self { text, lack }
    }
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self { text, lack: None }
    }
}

impl From<&str> for Problem {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Problem> for String {
    fn from(problem: Problem) -> Self {
        problem.text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A scenario's own metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name: `p90 latency`, `p99 latency of a query`, `rate`, `throughput`.
    pub name: String,
    /// The value, in `unit`.
    pub value: f64,
    /// `ns` or `frames/s`.
    pub unit: String,
    /// Whether a higher value is better.
    pub more_is_better: bool,
}

/// Percentiles, each null if there are too few samples for it (see `report::percentiles`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of all samples are below.
    pub p50: Option<u64>,
    /// 90 of 100 are below.
    pub p90: Option<u64>,
    /// 99 of 100 are below.
    pub p99: Option<u64>,
    /// 999 of 1,000 are below.
    pub p999: Option<u64>,
    /// The smallest sample.
    pub min: u64,
    /// The largest sample.
    pub max: u64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The number of samples.
    pub count: u64,
}

/// Memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The memory that the process occupies; null if the system does not tell.
    pub resident_bytes: Option<u64>,
    /// Linear memory of all instances of this path, touched or not.
    pub linear_bytes: u64,
    /// Instances that are kept for this path.
    pub instances: u64,
}

/// Windows, and how well they agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// How many were taken, without warm-up.
    pub taken: u32,
    /// How many of the last ones count.
    pub counted: u32,
    /// The length of the counted ones together, in seconds.
    pub seconds: f64,
    /// Whether the last three agreed within the tolerance.
    pub agreed: bool,
    /// How far apart three windows may be, as a fraction of the largest.
    pub tolerance: f64,
    /// How far apart the last three were; null with fewer than three.
    pub spread: Option<f64>,
}

/// The energy of one inference, or why it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Joules; null if they are unknown.
    pub joules_per_inference: Option<f64>,
    /// The counter that they were read from.
    pub source: Option<String>,
    /// Why they are unknown.
    pub reason: Option<String>,
}

/// The load of a path at one point of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// A number of clients, each with its own instance and waiting for each frame before the next.
    Concurrency(usize),
    /// A number of frames per second, whether or not a worker is free.
    Rate(f64),
}

/// One point of a sweep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The path.
    pub path: Path,
    /// The load.
    pub load: Load,
    /// The rate as a multiple of the rate that saturates this path; null if it was given as a
    /// number.
    pub of_saturation: Option<f64>,
    /// Frames that were done, per second.
    pub frames_per_second: f64,
    /// Frames done within the bound per second; null without a bound.
    pub goodput_per_second: Option<f64>,
    /// Frames that arrived per second; null for a concurrency.
    pub offered_per_second: Option<f64>,
    /// Latency of a frame, from its scheduled arrival to its outputs.
    pub latency_ns: Option<Percentiles>,
    /// Frames that were done.
    pub frames: u64,
    /// Frames that failed.
    pub failed: u64,
    /// Frames that were refused on arrival.
    pub rejected: u64,
    /// Frames whose deadline passed before they were done.
    pub timed_out: u64,
    /// Processor time of the whole process for one inference.
    pub cpu_ns_per_inference: Option<f64>,
    /// Memory when the point was measured.
    pub memory: Memory,
    /// The windows that count.
    pub windows: Windows,
    /// Mean of each stage; null for paths without a ledger.
    pub stages_ns: Option<Stages>,
}

/// The figures of one variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// Its name: `fp32`, `int8`.
    pub name: String,
    /// The size of its models.
    pub bytes: u64,
    /// How many values and frames were right; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// Latency in the single-stream scenario.
    pub latency_ns: Option<Percentiles>,
    /// Frames a second in the offline scenario.
    pub frames_per_second: Option<f64>,
    /// The joules of one inference, or why they are unknown.
    pub energy: Energy,
}

/// The point that was chosen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chosen {
    /// The path.
    pub path: Path,
    /// The load.
    pub load: Option<Load>,
    /// The settings.
    pub settings: Settings,
    /// The throughput.
    pub frames_per_second: Option<f64>,
    /// The p99 of latency.
    pub p99_ns: Option<u64>,
    /// Why this point was chosen.
    pub why: String,
}
