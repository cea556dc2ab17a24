//! Whether inferences of one graph are merged, and how many: the user's options, and what was decided when
//! the graph was loaded.
//!
//! Plain values. `calibrate` measures, and `batcher` merges.

use std::{fmt, num::NonZero, str::FromStr, time::Duration};

/// The user's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// Whether to merge.
    pub policy: BatchPolicy,
    /// The most rows in one run. Which size up to this is used is measured at load.
    pub max: NonZero<u32>,
    /// How long the first inference of a batch waits for others. Zero by default: then a batch has the
    /// inferences that wait when its turn comes, and those of callers that were answered together just
    /// before and ask again.
    pub delay: Duration,
}

impl Default for BatchOptions {
    fn default() -> Self {
        /// With more rows, a row is hardly cheaper, and all callers wait longer for the last one.
        const MAX: NonZero<u32> = NonZero::new(32).unwrap();
        Self {
            policy: BatchPolicy::default(),
            max: MAX,
            delay: Duration::ZERO,
        }
    }
}

/// Whether inferences of different callers are merged into one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchPolicy {
    /// Never.
    Off,
    /// Always. The user promises that rows are independent, for models whose graph does not show it. Trials
    /// may still refute that. A graph that cannot be batched does not load.
    On,
    /// If the model's graph shows that rows are independent, and measurements show that it pays.
    #[default]
    Auto,
}

impl BatchPolicy {
    const ALL: [BatchPolicy; 3] = [BatchPolicy::Auto, BatchPolicy::On, BatchPolicy::Off];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            BatchPolicy::Auto => "auto",
            BatchPolicy::On => "on",
            BatchPolicy::Off => "off",
        }
    }
}

impl fmt::Display for BatchPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BatchPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| format!("unknown batch policy `{text}`: expected auto, on or off"))
    }
}

/// What was decided for one graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The most rows in one run; 1 if inferences are not merged.
    pub max: u32,
    /// How long the first inference of a batch waits for others.
    pub delay: Duration,
    /// How long runs of different numbers of rows took at load, the smallest first; empty if nothing was
    /// measured.
    pub curve: Vec<BatchPoint>,
    /// Why inferences are not merged; none if they are.
    pub off: Option<String>,
    /// Whether any number of inferences run at the same time, each on its caller's thread: they are so
    /// short that waiting in a queue would cost more.
    pub unlimited: bool,
    /// Whether the model's graph itself shows that rows are independent. With [`BatchPolicy::On`],
    /// inferences are merged without that, since the user promises it.
    pub proven: bool,
}

/// One measured point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPoint {
    /// Rows in the run.
    pub rows: u32,
    /// How long the run took, in nanoseconds: the least of several runs.
    pub ns: u64,
}

impl Batching {
    /// Not merged, nothing measured.
    pub(crate) fn off(reason: impl Into<String>) -> Self {
        Self {
            max: 1,
            delay: Duration::ZERO,
            curve: Vec::new(),
            off: Some(reason.into()),
            unlimited: false,
            proven: false,
        }
    }

    /// Logs what was decided for a graph.
    pub(crate) fn report(&self, graph: &str, unproven: Option<&String>) {
        match (&self.off, unproven) {
            (Some(reason), _) => {
                tracing::info!(graph, "inferences are not merged: {reason}");
            }
            (None, Some(reason)) => tracing::warn!(
                graph,
                "inferences are merged at your word: the model does not show that its rows stay apart ({reason})"
            ),
            (None, None) => {
                let rows = self.max;
                tracing::info!(graph, rows, "inferences are merged: its rows stay apart");
            }
        }
    }

    /// Merged, up to this number of rows.
    pub(crate) fn on(max: u32, delay: Duration, curve: Vec<BatchPoint>) -> Self {
        Self {
            max,
            delay,
            curve,
            off: None,
            unlimited: false,
            proven: false,
        }
    }

    /// Decides by the measured times. Inferences are merged if it pays, up to the smallest number of rows
    /// that is about as good as the best: more would only make all callers wait longer.
    pub(crate) fn decide(curve: Vec<BatchPoint>, asked: &BatchOptions) -> Self {
        let Some((one, batches)) = curve.split_first() else {
            return Self::off("nothing was measured");
        };
        let alone = one.ns_a_row();
        let best = batches
            .iter()
            .map(BatchPoint::ns_a_row)
            .fold(alone, f64::min);
        let off = if best > alone * (1.0 - GAIN) {
            Some(format!(
                "it does not pay: a row takes {} alone and {} in the best batch",
                micros(alone),
                micros(best)
            ))
        } else if alone - best < HAND_OVER_NS {
            Some(format!(
                "one run takes {}, less than it takes to have somebody else do it",
                micros(alone)
            ))
        } else {
            None
        };
        if let Some(reason) = off {
            return Self {
                curve,
                ..Self::off(reason)
            };
        }
        let enough = batches.iter().find(|point| point.ns_a_row() <= best * 1.05);
        let max = enough.map_or(1, |point| point.rows);
        Self::on(max, asked.delay, curve)
    }

    /// How many rows to run at once if `rows` could: the measured size with the lowest time for each row,
    /// or all rows if that many were not measured.
    pub(crate) fn best_of(&self, rows: u32) -> u32 {
        let measured = self.curve.last().map_or(0, |point| point.rows);
        if rows > measured {
            return rows.min(self.max);
        }
        let sizes = self.curve.iter().filter(|point| point.rows <= rows);
        let best = sizes.min_by(|a, b| a.ns_a_row().total_cmp(&b.ns_a_row()));
        best.map_or(rows, |point| point.rows)
    }

    /// Whether inferences are known to be quick, and are not merged.
    pub(crate) fn is_quick(&self) -> bool {
        let one = self.curve.first();
        self.off.is_some() && one.is_some_and(|point| Self::is_quick_run(point.ns))
    }

    /// Whether a run of this length is so short that the time between two runs matters.
    pub(crate) fn is_quick_run(ns: u64) -> bool {
        ns < QUICK_NS
    }

    /// Whether a run of this length is too short to wait for a permit.
    pub(crate) fn is_short_run(ns: u64) -> bool {
        ns < SHORT_NS
    }

    /// Whether one run is so short that waiting in a queue would cost more than it saves.
    pub(crate) fn is_short(&self) -> bool {
        let one = self.curve.first();
        one.is_some_and(|point| point.rows == 1 && Self::is_short_run(point.ns))
    }
}

impl BatchPoint {
    fn ns_a_row(&self) -> f64 {
        self.ns as f64 / f64::from(self.rows.max(1))
    }
}

/// By which part a row must be cheaper in a batch than alone. A smaller gain would be lost to the copies,
/// and to the noise of the measurement.
const GAIN: f64 = 0.1;

/// What it costs, in nanoseconds, to have another caller run an inference: to go to sleep, to be woken, and
/// two copies.
const HAND_OVER_NS: f64 = 20_000.0;

/// Runs below this, in nanoseconds, are so short that the time between two runs matters.
const QUICK_NS: u64 = 1_000_000;

/// Runs below this, in nanoseconds, are too short to wait for a permit: waking the next caller costs as much.
const SHORT_NS: u64 = 50_000;

fn micros(ns: f64) -> String {
    format!("{:.1} us", ns / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decision for the times of 1, 2, 4, 8 and so on rows, in microseconds.
    fn decide(times: &[u64]) -> Batching {
        let point = |(place, us): (usize, &u64)| BatchPoint {
            rows: 1 << place,
            ns: us * 1000,
        };
        let curve = times.iter().enumerate().map(point).collect();
        Batching::decide(curve, &BatchOptions::default())
    }

    #[test]
    fn it_batches_what_pays_as_far_as_it_pays() {
        // A perceptron whose weights are read once for all rows.
        let wide = decide(&[90, 100, 120, 200, 320, 640]);
        assert_eq!((wide.max, wide.off), (16, None));
        assert_eq!(wide.curve.len(), 6);
        // It gains less than a tenth.
        let even = decide(&[9300, 18_500, 35_000]);
        assert_eq!(even.max, 1);
        assert!(even.off.unwrap().contains("does not pay"));
        let worse = decide(&[9300, 20_000]);
        assert!(worse.off.unwrap().contains("does not pay"));
    }

    #[test]
    fn a_batch_has_the_size_that_was_cheapest_a_row() {
        // A kernel that computes four rows at a time.
        let uneven = decide(&[160, 170, 200, 430, 780]);
        let sizes = [1, 2, 3, 4, 7, 8, 15].map(|rows| uneven.best_of(rows));
        assert_eq!((uneven.max, sizes), (4, [1, 2, 2, 4, 4, 4, 4]));
        let unmeasured = Batching::on(8, Duration::ZERO, Vec::new());
        assert_eq!([1, 5, 9].map(|rows| unmeasured.best_of(rows)), [1, 5, 8]);
    }

    #[test]
    fn what_is_too_short_runs_at_once() {
        let tiny = decide(&[4, 4, 4, 5, 5, 8]);
        assert!(tiny.is_short());
        assert!(tiny.off.unwrap().contains("less than it takes"));
        // Its runs are too long for that.
        assert!(!decide(&[90, 100]).is_short());
        assert!(decide(&[]).off.is_some());
    }

    #[test]
    fn names_go_there_and_back() {
        for policy in BatchPolicy::ALL {
            assert_eq!(policy.name().parse(), Ok(policy));
        }
        let error = "always".parse::<BatchPolicy>().unwrap_err();
        assert!(
            error.contains("`always`") && error.contains("auto"),
            "{error}"
        );
    }
}
