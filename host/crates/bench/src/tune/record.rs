//! The report of `tollgate tune` as one JSON object: its schema, field by field.
//!
//! As with a benchmark's report: fields may be added under the same schema name, none is renamed or
//! taken away; a number that is not known is null; times are nanoseconds unless their name says
//! seconds; shares are from 0 to 1. Settings have the names and values of the options.

use serde::{Deserialize, Serialize};

use crate::record::{Bound, Energy, File, Inputs, Machine, Model, Percentiles};
use tollgate_deploy::settings::Settings;
use tollgate_report::Accuracy;

/// The schema of this report.
pub const SCHEMA: &str = "tollgate.tune/1";

/// The report of one search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Names this shape: [`SCHEMA`].
    pub schema: String,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// When it began, as RFC 3339 in UTC.
    pub started: String,
    /// Why the search ended early, so that its answer is the best of what was measured until then; null
    /// where it did not.
    #[serde(default)]
    pub cut_short: Option<String>,
    /// Where it ran.
    pub machine: Machine,
    /// The plugin's file.
    pub plugin: File,
    /// The models' files, all variants of them.
    pub models: Vec<Model>,
    /// The frames that went round.
    pub inputs: Inputs,
    /// What the p99 must stay within.
    pub bound: Bound,
    /// The share of readings that must be right; null where that did not matter.
    pub accuracy: Option<f64>,
    /// The candidates, in the order of the grid.
    pub candidates: Vec<Candidate>,
    /// The place of the default settings among them.
    pub reference: usize,
    /// The place of the settings to take; null where none do what was asked.
    pub winner: Option<usize>,
    /// The place of those that come nearest, where none do what was asked.
    pub nearest: Option<usize>,
    /// Why these and no others.
    pub why: String,
    /// Energy for one inference with the settings to take or the nearest, or why it is not known.
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
    /// The settings, in full.
    pub settings: Settings,
    /// Frames that were done per second, the machine's drift taken off.
    pub frames_per_second: f64,
    /// The same as a multiple of the default settings'.
    pub of_reference: f64,
    /// Latency of a frame, from a worker's taking it to its outputs.
    pub latency_ns: Option<Percentiles>,
    /// The latency that 99 of a hundred of the frames kept that there were, however few.
    pub seen_p99_ns: Option<u64>,
    /// Whether it kept the bound.
    pub kept_bound: bool,
    /// How many readings were right with its models; null without `--truth`.
    pub accuracy: Option<Accuracy>,
    /// Whether no other one is better in everything.
    pub on_front: bool,
    /// Whether it may be recommended: it can be measured, and is as accurate as was asked.
    pub eligible: bool,
    /// Rungs of the search that it was measured in.
    pub rungs: usize,
    /// Frames that were done.
    pub frames: u64,
    /// Frames that failed.
    pub failed: u64,
    /// How long its windows were, together, in seconds.
    pub seconds: f64,
    /// Energy for one inference, all that the machine used counted in; null where `energy` of the
    /// report says why, or where it could not be measured.
    pub joules_per_inference: Option<f64>,
    /// Why it could not be measured.
    pub problem: Option<String>,
    /// What it did where the whole grid was measured; null without `--exhaustive`.
    pub grid: Option<InGrid>,
}

/// What a candidate did where the whole grid was measured.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct InGrid {
    /// Frames that were done per second, the machine's drift taken off.
    pub frames_per_second: f64,
    /// The latency that 99 of a hundred of the frames kept that there were.
    pub seen_p99_ns: Option<u64>,
    /// Whether it kept the bound.
    pub kept_bound: bool,
}

/// What was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// A variant, a device, batches.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// What the search took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Search {
    /// Candidates in the grid.
    pub grid: usize,
    /// How long a candidate is measured where all of the grid is, in seconds.
    pub full_seconds: f64,
    /// How long the whole grid takes at that, in seconds, setting up left out.
    pub grid_seconds: f64,
    /// How long the search took, setting up included, in seconds.
    pub seconds: f64,
    /// The search's time as a share of the grid's.
    pub of_grid: f64,
}

/// The whole grid, measured to check the search.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Check {
    /// How long it took, setting up included, in seconds.
    pub seconds: f64,
    /// The search's time as a share of that.
    pub search_of_grid: f64,
    /// The place of the candidate that the whole grid recommends; null where there is none.
    pub best: Option<usize>,
    /// That candidate's frames per second, as measured in the grid.
    pub best_frames_per_second: Option<f64>,
    /// What the search recommends, as measured in the grid.
    pub winner_frames_per_second: Option<f64>,
    /// The second as a share of the first.
    pub winner_of_best: Option<f64>,
    /// Whether what the search recommends kept the bound in the grid as well.
    pub winner_kept_bound: Option<bool>,
}
