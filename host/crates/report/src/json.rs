//! The report of a run as one JSON object: its schema, field by field.
//!
//! Fields may be added under the same schema name; none is renamed or taken away. A number that is
//! not known is null, never zero.

use serde::{Deserialize, Serialize};

use crate::record::Percentiles;
use crate::truth::Score;

/// The report of one run, but for `schema` and `outputs`, which are written while it goes on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The plugin's file.
    pub plugin: String,
    /// Why it ended before all frames were done; null where they were.
    pub cut_short: Option<String>,
    /// How many frames ran.
    pub frames: FrameCounts,
    /// How often the inputs were gone through.
    pub passes: Passes,
    /// How many readings were right in the first pass; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// Latency of the measured frames, from admission to their outputs, in nanoseconds.
    pub latency_ns: Option<Percentiles>,
    /// Mean of each stage over the measured frames, in nanoseconds.
    pub stages_ns: Option<Stages>,
    /// Mean of the guest's time, split by its inferences, in nanoseconds.
    pub guest_split_ns: Option<GuestSplit>,
    /// Means per frame of what crossed the boundary.
    pub crossings: Option<Crossings>,
    /// Inferences per frame.
    pub inferences: Option<Inferences>,
    /// What the boundary added to a frame.
    pub toll: Option<Toll>,
    /// The most linear memory that an instance had after a frame, in bytes; null for fresh instances.
    pub memory_bytes: Option<usize>,
    /// What measuring itself took of a frame, in nanoseconds, calibrated at start.
    pub probe_ns: Option<f64>,
    /// Frames whose outputs differ from the twin's; null without a twin.
    pub twin_differs: Option<u64>,
    /// Where it ran.
    pub host: Host,
    /// The first frames that failed, in their order; `frames.failed` counts all of them.
    pub failures: Vec<FailedFrame>,
    /// Frames that failed and are not among `failures`.
    pub failures_left_out: u64,
}

/// How many frames ran.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct FrameCounts {
    /// All of them, over all passes.
    pub count: u64,
    /// Those that failed, over all passes.
    pub failed: u64,
    /// The inputs of one pass.
    pub inputs: u64,
}

/// How often the inputs were gone through.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Passes {
    /// Passes that only warmed up: the first one when there are more.
    pub warm_up: u32,
    /// Passes that the numbers rest on.
    pub measured: u32,
}

/// How many were right.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Accuracy {
    /// The share of digits that were right, 0 to 1.
    pub digits: f64,
    /// The share of readings that were right whole, 0 to 1.
    pub readings: f64,
    /// What the shares rest on.
    pub of: Score,
}

impl Accuracy {
    /// The shares of a score; none where there was nothing to compare.
    pub fn of(score: Score) -> Option<Self> {
        (score.digits > 0 && score.readings > 0).then(|| Self {
            digits: score.digits_right as f64 / score.digits as f64,
            readings: score.readings_right as f64 / score.readings as f64,
            of: score,
        })
    }
}

/// The stages of a frame.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Stages {
    /// Admission to worker.
    pub queue: f64,
    /// A fresh instance.
    pub instantiate: f64,
    /// Inside guest code.
    pub guest: f64,
    /// Bytes and values into the host.
    pub lift: f64,
    /// Waiting for a batch.
    pub batch: f64,
    /// ONNX Runtime's run.
    pub infer: f64,
    /// Bytes and values back into the guest.
    pub lower: f64,
    /// Host time in crossings that is none of these.
    pub glue: f64,
    /// In key-value buckets, the disk's time included.
    #[serde(default)]
    pub keyvalue: f64,
    /// Admission to outputs, taken by itself and not added up.
    pub total: f64,
}

/// Guest time, split by the frame's inferences.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GuestSplit {
    /// Before the first.
    pub guest_before: f64,
    /// Between them.
    pub guest_between: f64,
    /// After the last.
    pub guest_after: f64,
}

/// What crossed the boundary.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Crossings {
    /// Calls, either way.
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
    /// How many.
    pub per_frame: f64,
    /// The largest batch that one of them went with.
    pub max_batch: u64,
}

/// What the boundary added to a frame, in nanoseconds. What only a twin tells is null without one.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Toll {
    /// Host time in crossings, inference left out.
    pub crossing_ns: f64,
    /// Guest time above the twin's for the same work.
    pub sandbox_ns: Option<f64>,
    /// The toll: the two together.
    pub total_ns: Option<f64>,
    /// The twin's time for a frame.
    pub twin_total_ns: Option<f64>,
    /// The plugin's time for a frame, queue and batch left out, over the twin's.
    pub ratio: Option<f64>,
    /// The toll as crossing plus sandbox.
    pub by_parts_ns: Option<f64>,
    /// The toll as the plugin's time, queue, batch and buckets left out, minus the twin's without
    /// buckets.
    pub by_difference_ns: Option<f64>,
}

/// Where it ran.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// Wasmtime's version.
    pub wasmtime: String,
    /// ONNX Runtime's version; null where none was needed.
    pub onnxruntime: Option<String>,
    /// The device that graphs were asked to run on.
    pub device: String,
    /// Cores that this process may use.
    pub cores: usize,
}

/// One frame that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedFrame {
    /// Its number, counted over all passes from zero.
    pub sequence: u64,
    /// The pass it belongs to, from zero.
    pub pass: u32,
    /// Its name.
    pub source: String,
    /// What failed: `input`, `refused`, `invalid-frame`, `inference`, `internal` (the plugin's own
    /// faults), `trap`, `limit`, `deadline` (its instance's end), `twin`, or `host`.
    pub kind: &'static str,
    /// Why, in one line of bounded length.
    pub message: String,
}
