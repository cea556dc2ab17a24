//! Benchmarks: the scenarios of MLPerf Inference, sweeps of load, and the record of what they showed.
//!
//! One run measures several paths side by side: ONNX Runtime alone, the twin, the plugin, the plugin
//! with its inferences merged with others'. They live in one process and take turns, window by
//! window, since a machine is not the same from one minute to the next. Latency counts from the moment
//! when a frame was due, never from when somebody got to it. A figure that its samples cannot carry is
//! not told.
//!
//! Whoever looks for a good configuration calls [`measure`] for each. Rooms, each standing above what
//! it uses: [`scenario`], [`sweep`] → `server` → [`rounds`] → `window` → [`runner`] → [`subject`] → `native`,
//! with the pure ones (`load`, `search`, `windows`) below. The [`record`] and the rule for percentiles are
//! `report`'s, which draws them.

mod closed_loop;
pub mod energy;
mod load;
pub mod machine;
mod native;
mod paths;
mod pending;
pub mod rounds;
pub mod runner;
pub mod scenario;
mod search;
mod server;
mod share;
pub mod subject;
pub mod sweep;
mod table;
pub mod tune;
mod window;
mod windows;

use std::io;

use tollgate_report::HistogramError;

pub use table::{path_name, scenario_name, table};
pub use tollgate_report::record;

/// Why a benchmark ends without figures. A figure that cannot be told is no reason.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to go round.
    #[error("there are no frames to measure with: name files or directories after the plugin")]
    NoFrames,
    /// A frame that the plugin can make nothing of.
    #[error(
        "the plugin fails on `{frame}`, and frames that fail measure nothing: leave it out ({reason})"
    )]
    Frame {
        /// The frame's name.
        frame: String,
        /// What the plugin or the runtime said.
        reason: String,
    },
    /// What the native path is to run is not known.
    #[error("the native path cannot be worked out: {reason}; leave `native` out of `--paths`")]
    Native {
        /// Why not.
        reason: String,
    },
    /// The server scenario without a bound.
    #[error(
        "the server scenario looks for the highest rate that keeps a bound: give one with `--p99`"
    )]
    NoBound,
    /// Nothing was done in a whole window.
    #[error("nothing was done in a window: {reason}")]
    Nothing {
        /// Why, as far as that is known.
        reason: String,
    },
    /// The system gives no more threads.
    #[error("cannot start one more thread: ask for fewer workers or less concurrency")]
    Spawn(#[source] io::Error),
    /// A worker could not be set up: its twin is none, or does not start.
    #[error(transparent)]
    Worker(tollgate_runtime::Error),
    /// A thread of ours panicked or is stuck.
    #[error(
        "a thread of the benchmark died, which is a fault of tollgate's own: report what it said above"
    )]
    Died,
    /// No histogram.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}
