//! The report of `tollgate bench` as one JSON object: its schema, field by field.
//!
//! The same types are read back by whoever draws or compares reports. Fields may be added under the
//! same schema name; none is renamed or taken away. A number that is not known, or that the samples
//! cannot carry, is null, never zero, and where a person would ask why, a field beside it says so.
//! Times are nanoseconds, sizes bytes, rates per second; shares are from 0 to 1.

use serde::{Deserialize, Serialize};

use crate::{Accuracy, Stages, Toll};

/// The schema of this report.
pub const SCHEMA: &str = "tollgate.bench/1";

/// The report of one benchmark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Names this shape: [`SCHEMA`].
    pub schema: String,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// When it began, as RFC 3339 in UTC: `2026-11-23T18:25:00Z`.
    pub started: String,
    /// Why it ended before all was measured that was asked for; null where it did not.
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
    /// The frames that went round.
    pub inputs: Inputs,
    /// How everything was set.
    pub settings: Settings,
    /// What counts as in time.
    pub bound: Option<Bound>,
    /// One for each scenario and path.
    pub results: Vec<ScenarioResult>,
    /// One for each path and concurrency or rate that was swept, in the order asked for.
    pub sweep: Vec<SweepPoint>,
    /// The place in `sweep` of the point to tell first (see `report::headline`); null where none is.
    #[serde(default)]
    pub best: Option<usize>,
    /// How many readings were right; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// One for each variant that was compared; empty without any.
    pub variants: Vec<Variant>,
    /// The point that was chosen, by whoever chooses; null where nobody did.
    pub chosen: Option<Chosen>,
    /// What taking one stamp of the ledger costs, calibrated at start.
    pub stamp_ns: f64,
}

/// Where it ran.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Tollgate's version.
    pub tollgate: String,
    /// Wasmtime's version.
    pub wasmtime: String,
    /// ONNX Runtime's version; null where none was needed.
    pub onnxruntime: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name; null where the system does not say.
    pub cpu: Option<String>,
    /// The machine's memory; null where the system does not say.
    pub memory_bytes: Option<u64>,
    /// The system's name and kernel, such as `Linux 6.8.0`.
    pub os: String,
    /// The instruction set, such as `x86_64`.
    pub architecture: String,
}

/// A file, told from others by its content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct File {
    /// Where it lies, as it was named.
    pub path: String,
    /// How large it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A model.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Model {
    /// The name that the plugin asks for it by.
    pub name: String,
    /// Its file.
    pub file: File,
    /// Which variant of the model it is: `fp32`, `int8`; null where nobody said.
    pub variant: Option<String>,
}

/// The frames that went round and round.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Inputs {
    /// How many different ones.
    pub frames: u64,
    /// Their bytes, together.
    pub bytes: u64,
}

/// How everything was set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// How instances are used: `warm` or `fresh`.
    pub instances: String,
    /// Threads that run instances, each its own.
    pub workers: usize,
    /// Sessions of each graph.
    pub sessions: usize,
    /// Threads inside one inference; null where the mode says.
    pub threads: Option<usize>,
    /// `throughput` or `latency`.
    pub mode: String,
    /// The device that graphs were asked to run on.
    pub device: String,
    /// How far ONNX Runtime rewrites graphs: `none`, `basic`, `extended` or `all`.
    pub optimization: String,
    /// The largest batch on the batched path; null where nothing is batched.
    pub batch_max: Option<usize>,
    /// How long an inference waits for company; null where nothing is batched.
    pub batch_delay_ns: Option<u64>,
    /// The variant that ran; null where there is one only.
    pub variant: Option<String>,
    /// Frames that may wait for a worker.
    pub queue: usize,
    /// What the arrivals are drawn from.
    pub seed: u64,
    /// How long a window is.
    pub window_ns: u64,
    /// Windows that a measurement takes at most.
    pub max_windows: u32,
    /// How far windows that agree may differ, as a share.
    pub tolerance: f64,
}

/// What counts as in time: this share of frames, this soon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The quantile that is held to it: 0.99.
    pub quantile: f64,
    /// From the scheduled arrival to the outputs.
    pub latency_ns: u64,
}

/// What a frame goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// ONNX Runtime alone, on tensors of the type and dimensions that the plugin hands it.
    Native,
    /// The plugin's twin, which calls ONNX Runtime directly.
    Twin,
    /// The plugin in its sandbox.
    Plugin,
    /// The plugin in its sandbox, its inferences merged with those of others.
    Batched,
}

/// How frames arrive; the names and definitions are MLPerf Inference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// One frame after the other; the metric is the p90 of its latency.
    SingleStream,
    /// Eight frames a query, one query after the other; the metric is the p99 of a query's latency.
    MultiStream,
    /// Poisson arrivals; the metric is the highest rate whose p99 stays under the bound.
    Server,
    /// All frames at once; the metric is throughput.
    Offline,
}

/// What one path did in one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// What the frames went through.
    pub path: Path,
    /// How they arrived.
    pub scenario: Scenario,
    /// The scenario's own metric; null where there is none, and `problem` says why.
    pub metric: Option<Metric>,
    /// Why there is no metric, or what is wrong with it.
    pub problem: Option<String>,
    /// Latency of a query, from its scheduled arrival to its last output.
    pub latency_ns: Option<Percentiles>,
    /// Frames that were done, in all windows that count.
    pub frames: u64,
    /// Frames that a plugin could make nothing of, or that failed with their instance.
    pub failed: u64,
    /// Frames that were refused on arrival, since the queue was full or their deadline out of reach.
    pub rejected: u64,
    /// Frames whose deadline passed before they were done.
    pub timed_out: u64,
    /// Frames that were done, per second.
    pub frames_per_second: f64,
    /// Inferences that were done, per second.
    pub inferences_per_second: f64,
    /// Frames that were done within the bound, per second; null without a bound.
    pub goodput_per_second: Option<f64>,
    /// Frames that arrived, per second; null where the next one arrives when one is done.
    pub offered_per_second: Option<f64>,
    /// Processor time of the whole process for one inference.
    pub cpu_ns_per_inference: Option<f64>,
    /// Memory when the last window ended.
    pub memory: Memory,
    /// The windows that it rests on.
    pub windows: Windows,
    /// Energy for one inference.
    pub energy: Energy,
    /// Mean of each stage; null on paths that have no ledger.
    pub stages_ns: Option<Stages>,
    /// What the boundary added; null on paths that have none.
    pub toll: Option<Toll>,
}

/// A scenario's own metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// What it is: `p90 latency`, `p99 latency of a query`, `rate`, `throughput`.
    pub name: String,
    /// How much, in `unit`.
    pub value: f64,
    /// `ns` or `frames/s`.
    pub unit: String,
    /// Whether more of it is better.
    pub more_is_better: bool,
}

/// Percentiles, each null where the count cannot carry it (see `bench::percentiles`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of all are below.
    pub p50: Option<u64>,
    /// Nine of ten.
    pub p90: Option<u64>,
    /// 99 of a hundred.
    pub p99: Option<u64>,
    /// 999 of a thousand.
    pub p999: Option<u64>,
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// The arithmetic mean.
    pub mean: f64,
    /// What they rest on.
    pub count: u64,
}

/// Memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the process has in memory; null where the system does not say.
    pub resident_bytes: Option<u64>,
    /// Linear memory of all instances on this path, touched or not.
    pub linear_bytes: u64,
    /// Instances that are kept on this path.
    pub instances: u64,
}

/// Windows, and how well they agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// How many were taken, the warm-up left out.
    pub taken: u32,
    /// How many of them, the last ones, the numbers rest on.
    pub counted: u32,
    /// How long those were, together, in seconds.
    pub seconds: f64,
    /// Whether the last three agreed within the tolerance.
    pub agreed: bool,
    /// How far apart three windows may be, as a share of the largest.
    pub tolerance: f64,
    /// How far apart the last three were; null with fewer.
    pub spread: Option<f64>,
}

/// Energy for one inference, or why it is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Joules; null where `reason` says why.
    pub joules_per_inference: Option<f64>,
    /// The counter that they come from.
    pub source: Option<String>,
    /// Why they are not known.
    pub reason: Option<String>,
}

/// How much was asked of a path at one point of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// So many clients, each with its own instance, each waiting for its frame before the next.
    Concurrency(usize),
    /// So many frames a second, whoever is ready for them.
    Rate(f64),
}

/// One point of a sweep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SweepPoint {
    /// What the frames went through.
    pub path: Path,
    /// How much was asked.
    pub load: Load,
    /// The rate as a multiple of the rate at which this path is saturated; null where it was given
    /// as it is.
    pub of_saturation: Option<f64>,
    /// Frames that were done, per second.
    pub frames_per_second: f64,
    /// Frames that were done within the bound, per second; null without a bound.
    pub goodput_per_second: Option<f64>,
    /// Frames that arrived, per second; null for a concurrency.
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
    /// The windows that it rests on.
    pub windows: Windows,
    /// Mean of each stage; null on paths that have no ledger.
    pub stages_ns: Option<Stages>,
}

/// One variant beside the others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// Its name: `fp32`, `int8`.
    pub name: String,
    /// The bytes of its models.
    pub bytes: u64,
    /// How many readings were right; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// Latency in the single-stream scenario.
    pub latency_ns: Option<Percentiles>,
    /// Frames a second in the offline scenario.
    pub frames_per_second: Option<f64>,
    /// Joules for one inference, or why they are not known.
    pub energy: Energy,
}

/// The point that was chosen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chosen {
    /// What the frames go through.
    pub path: Path,
    /// How much of it.
    pub load: Option<Load>,
    /// The settings that it has.
    pub settings: Settings,
    /// Its throughput.
    pub frames_per_second: Option<f64>,
    /// The latency that it keeps.
    pub p99_ns: Option<u64>,
    /// Why it and no other.
    pub why: String,
}
