//! The report of a run as one JSON object: its schema, field by field.
//!
//! Fields may be added under the same schema name, but none is renamed or removed. An unknown
//! number is null, never zero.

use serde::{Deserialize, Serialize};

use crate::record::Percentiles;
use crate::truth::Score;

/// The report of one run, without `schema` and `outputs`, which are written during the run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The plugin's file.
    pub plugin: String,
    /// Why it ended before all frames were done; null if they were.
    pub cut_short: Option<String>,
    /// How many frames ran.
    pub frames: FrameCounts,
    /// How often the inputs were repeated.
    pub passes: Passes,
    /// How many values and frames were right in the first pass; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// Latency of the measured frames, from admission to outputs, in nanoseconds.
    pub latency_ns: Option<Percentiles>,
    /// Mean of each stage over the measured frames, in nanoseconds.
    pub stages_ns: Option<Stages>,
    /// Mean of the guest's time, split at its inferences, in nanoseconds.
    pub guest_split_ns: Option<GuestSplit>,
    /// Mean counts per frame of what crossed the boundary.
    pub crossings: Option<Crossings>,
    /// Inferences per frame.
    pub inferences: Option<Inferences>,
    /// What the boundary added to a frame.
    pub toll: Option<Toll>,
    /// The largest linear memory of an instance after a frame, in bytes; null for fresh instances.
    pub memory_bytes: Option<usize>,
    /// The time per frame that measuring itself takes, in nanoseconds, calibrated at start.
    pub probe_ns: Option<f64>,
    /// Frames whose outputs differ from the twin's; null without a twin.
    pub twin_differs: Option<u64>,
    /// Where it ran.
    pub host: Host,
    /// The first failed frames, in order; `frames.failed` counts all of them.
    pub failures: Vec<FailedFrame>,
    /// The number of failed frames that are not among `failures`.
    pub failures_left_out: u64,
}

/// How many frames ran.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct FrameCounts {
    /// All frames, over all passes.
    pub count: u64,
    /// Frames that failed, over all passes.
    pub failed: u64,
    /// The inputs of one pass.
    pub inputs: u64,
}

/// How often the inputs were repeated.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Passes {
    /// Passes that only warmed up: the first one, if there are more.
    pub warm_up: u32,
    /// Passes that count.
    pub measured: u32,
}

/// How many values and frames were right.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Accuracy {
    /// The fraction of values that were right, 0 to 1.
    #[serde(alias = "digits")]
    pub values: f64,
    /// The fraction of frames that were completely right, 0 to 1.
    #[serde(alias = "readings")]
    pub frames: f64,
    /// The counts behind the fractions.
    pub of: Score,
}

impl Accuracy {
    /// The fractions of a score; `None` if there was nothing to compare.
    pub fn of(score: Score) -> Option<Self> {
        (score.values > 0 && score.frames > 0).then(|| Self {
            values: score.values_right as f64 / score.values as f64,
            frames: score.frames_right as f64 / score.frames as f64,
            of: score,
        })
    }
}

/// The stages of a frame.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Stages {
    /// Waiting from admission until a worker takes it.
    pub queue: f64,
    /// Making a fresh instance.
    pub instantiate: f64,
    /// In guest code.
    pub guest: f64,
    /// Moving bytes and values into the host.
    pub lift: f64,
    /// Waiting for a batch.
    pub batch: f64,
    /// In ONNX Runtime.
    pub infer: f64,
    /// Moving bytes and values back into the guest.
    pub lower: f64,
    /// Other host time in crossings.
    pub glue: f64,
    /// In key-value buckets, including the disk.
    #[serde(default)]
    pub keyvalue: f64,
    /// Handing inferences over to a helper process and their outputs back.
    #[serde(default)]
    pub jail: f64,
    /// From admission to outputs, measured separately and not summed.
    pub total: f64,
}

/// Guest time, split at the frame's inferences.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GuestSplit {
    /// Before the first inference.
    pub guest_before: f64,
    /// Between inferences.
    pub guest_between: f64,
    /// After the last inference.
    pub guest_after: f64,
}

/// What crossed the boundary.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Crossings {
    /// Calls in both directions.
    pub per_frame: f64,
    /// Bytes from the guest to the host.
    pub bytes_in: f64,
    /// Bytes from the host to the guest.
    pub bytes_out: f64,
    /// Copies of tensors on their way in.
    pub copies_in: f64,
    /// Copies of tensors on their way out.
    pub copies_out: f64,
}

/// Inferences of a frame.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Inferences {
    /// The number of inferences.
    pub per_frame: f64,
    /// The largest batch that one of them was part of.
    pub max_batch: u64,
}

/// What the boundary added to a frame, in nanoseconds. Fields that need a twin are null without
/// one.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Toll {
    /// Host time in crossings, without inference.
    pub crossing_ns: f64,
    /// Guest time beyond the twin's for the same work.
    pub sandbox_ns: Option<f64>,
    /// The toll: the sum of the two.
    pub total_ns: Option<f64>,
    /// The twin's time for a frame.
    pub twin_total_ns: Option<f64>,
    /// The plugin's time for a frame, without queue and batch, divided by the twin's.
    pub ratio: Option<f64>,
    /// The toll computed as crossing plus sandbox.
    pub by_parts_ns: Option<f64>,
    /// The toll computed as a difference: the plugin's time without queue, batch and buckets, minus
    /// the twin's without buckets.
    pub by_difference_ns: Option<f64>,
}

/// Where it ran.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// Wasmtime's version.
    pub wasmtime: String,
    /// ONNX Runtime's version; null if it was not needed.
    pub onnxruntime: Option<String>,
    /// The device that graphs were asked to run on.
    pub device: String,
    /// Cores that this process may use.
    pub cores: usize,
}

/// One frame that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedFrame {
    /// The frame's number, counted over all passes from zero.
    pub sequence: u64,
    /// The pass that it belongs to, from zero.
    pub pass: u32,
    /// The frame's name.
    pub source: String,
    /// What failed: `input`, `refused`, `invalid-frame`, `inference`, `internal` (faults that the
    /// plugin reports), `trap`, `limit`, `deadline` (its instance failed), `twin`, or `host`.
    pub kind: &'static str,
    /// The reason, as one line of bounded length.
    pub message: String,
}
