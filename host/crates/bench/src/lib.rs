//! Benchmarks: the scenarios of MLPerf Inference, sweeps of load, and the record of the results.
//!
//! One run measures several paths side by side: ONNX Runtime alone, the twin, the plugin, and the
//! plugin with its inferences merged with those of others. All paths live in one process and are
//! measured in turns, window by window, because a machine's speed changes from one minute to the
//! next. Latency counts from the moment when a frame was due, not from when a worker took it. A
//! figure that there are too few samples for is not reported.
//!
//! Modules, each above what it uses:
//! [`scenario`], [`sweep`] → `server` → [`rounds`] → `window` → [`runner`] → [`subject`] →
//! `native`, over the pure ones (`load`, `search`, `windows`). The [`record`] and the rule for
//! percentiles belong to `report`, which draws them.
//!
//! ```
//! use tollgate_bench::machine;
//!
//! // What a report says of the machine that it was made on.
//! let machine = machine::describe(None);
//! assert_eq!(machine.cores, tollgate_nn::cores());
//! ```

mod closed_loop;
pub mod energy;
pub mod identity;
mod load;
pub mod machine;
mod native;
mod paths;
mod pending;
mod result;
pub mod rounds;
pub mod runner;
pub mod scenario;
mod search;
mod server;
mod share;
pub mod subject;
pub mod sweep;
pub mod tune;
mod window;
mod windows;

use std::io;

use tollgate_report::HistogramError;

pub use tollgate_report::record;

/// Why a benchmark ends without figures. A single figure that cannot be reported is no such error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no frames to measure with.
    #[error("there are no frames to measure with")]
    NoFrames,
    /// The plugin fails on a frame.
    #[error(
        "the plugin fails on `{frame}`, and frames that fail measure nothing: leave it out ({reason})"
    )]
    Frame {
        /// The frame's name.
        frame: String,
        /// What the plugin or the runtime reported.
        reason: String,
    },
    /// It cannot be worked out what the native path should run.
    #[error("the native path cannot be worked out: {reason}")]
    Native {
        /// Why not.
        reason: String,
    },
    /// The server scenario was given no bound.
    #[error("the server scenario looks for the highest rate that keeps a bound, and has none")]
    NoBound,
    /// No frame was done in a whole window.
    #[error("nothing was done in a window: {problem}")]
    Nothing {
        /// Why, as far as it is known.
        problem: record::Problem,
    },
    /// The system could not start another thread.
    #[error("cannot start one more thread: ask for fewer workers or less concurrency")]
    Spawn(#[source] io::Error),
    /// A worker could not be set up: the twin is not valid or does not start.
    #[error(transparent)]
    Worker(tollgate_twin::Error),
    /// One of our own threads panicked or hangs.
    #[error(
        "a thread of the benchmark died, which is a fault of tollgate's own: report what it said above"
    )]
    Died,
    /// No histogram.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}
