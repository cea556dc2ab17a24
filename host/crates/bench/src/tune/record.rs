//! The report of `tollgate tune` as one JSON object: its schema, field by field.
//!
//! As in a benchmark's report, fields may be added under the same schema name, but none is renamed
//! or removed. An unknown number is null. Times are nanoseconds unless the name says seconds.
//! Fractions are from 0 to 1. Settings have the names and values of the options.

use serde::{Deserialize, Serialize};

use crate::record::{Bound, Energy, File, Inputs, Machine, Model, Percentiles};
use tollgate_deploy::settings::Settings;
use tollgate_report::Accuracy;

/// The schema of this report.
pub const SCHEMA: &str = "tollgate.tune/2";

/// The report of one search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The name of this schema: [`SCHEMA`].
    pub schema: String,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// When it began, as RFC 3339 in UTC.
    pub started: String,
    /// Why the search ended early, so that its answer is the best of what was measured until then;
    /// null if it did not.
    #[serde(default)]
    pub cut_short: Option<String>,
    /// Where it ran.
    pub machine: Machine,
    /// The plugin's file.
    pub plugin: File,
    /// The models' files, with all variants.
    pub models: Vec<Model>,
    /// The frames that were used.
    pub inputs: Inputs,
    /// The bound on the p99.
    pub bound: Bound,
    /// The fraction of frames that must be right; null if that did not matter.
    pub accuracy: Option<f64>,
    /// The candidates, in the order of the grid.
    pub candidates: Vec<Candidate>,
    /// The index of the default settings among the candidates.
    pub reference: usize,
    /// The index of the recommended settings; null if none meet the requirements.
    pub winner: Option<usize>,
    /// The index of the nearest settings, if none meet the requirements.
    pub nearest: Option<usize>,
    /// The reason for this choice.
    pub why: String,
    /// The energy of one inference with the recommended or nearest settings, or why it is unknown.
    pub energy: Energy,
    /// What was left out of the search, and why.
    pub excluded: Vec<Excluded>,
    /// What the search took.
    pub search: Search,
    /// The whole grid at full length; null without `--exhaustive`.
    pub check: Option<Check>,
}

/// One candidate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Candidate {
    /// The settings, with no default left open.
    pub settings: Settings,
    /// Frames done per second, with the machine's drift removed.
    pub frames_per_second: f64,
    /// The same as a multiple of the default settings'.
    pub of_reference: f64,
    /// The latency of a frame, from when a worker takes it to its outputs.
    pub latency_ns: Option<Percentiles>,
    /// The p99 of the observed frames, however few there were.
    pub seen_p99_ns: Option<u64>,
    /// Whether it kept the bound.
    pub kept_bound: bool,
    /// How many values and frames are right with its models; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// Whether it is on the Pareto front: no other candidate beats it.
    pub on_front: bool,
    /// Whether it may be recommended: it can be measured and is accurate enough.
    pub eligible: bool,
    /// The number of rungs of the search in which it was measured.
    pub rungs: usize,
    /// Frames that were done.
    pub frames: u64,
    /// Frames that failed.
    pub failed: u64,
    /// The length of all its windows together, in seconds.
    pub seconds: f64,
    /// The energy of one inference, including all that the machine used. Null where the report's
    /// `energy` says why, or where it could not be measured.
    pub joules_per_inference: Option<f64>,
    /// Why it could not be measured.
    pub problem: Option<String>,
    /// Its figures when the whole grid was measured; null without `--exhaustive`.
    pub grid: Option<InGrid>,
}

/// The figures of a candidate when the whole grid was measured.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct InGrid {
    /// Frames done per second, with the machine's drift removed.
    pub frames_per_second: f64,
    /// The p99 of the observed frames.
    pub seen_p99_ns: Option<u64>,
    /// Whether it kept the bound.
    pub kept_bound: bool,
}

/// Something that was left out of the search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// What it is: a variant, a device, batches.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// What the search took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Search {
    /// The number of candidates in the grid.
    pub grid: usize,
    /// How long each candidate is measured when the whole grid is, in seconds.
    pub full_seconds: f64,
    /// How long the whole grid takes at that length, in seconds, without set-up.
    pub grid_seconds: f64,
    /// How long the search took, in seconds, with set-up.
    pub seconds: f64,
    /// The search's time as a fraction of the grid's.
    pub of_grid: f64,
}

/// The whole grid, measured to check the search.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Check {
    /// How long it took, in seconds, with set-up.
    pub seconds: f64,
    /// The search's time as a fraction of that.
    pub search_of_grid: f64,
    /// The index of the candidate that the whole grid recommends; null if there is none.
    pub best: Option<usize>,
    /// That candidate's frames per second, measured in the grid.
    pub best_frames_per_second: Option<f64>,
    /// The frames per second of the search's recommendation, measured in the grid.
    pub winner_frames_per_second: Option<f64>,
    /// The recommendation's frames per second as a fraction of the best.
    pub winner_of_best: Option<f64>,
    /// Whether the search's recommendation kept the bound in the grid too.
    pub winner_kept_bound: Option<bool>,
}
