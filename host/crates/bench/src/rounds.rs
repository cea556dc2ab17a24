//! Windows in rounds: each round has one window of each contender. The next round starts with the
//! next contender, so that changes of the machine's speed affect all of them alike.
//!
//! All contenders stop after the same round, and the same rounds count for all of them. So figures
//! that are compared were measured at the same time.

use std::time::Duration;

use super::{
    Error,
    record::{Bound, Windows},
    runner::Runner,
    window::{Measured, Window},
    windows::{self, Rule, Verdict},
};

/// How to measure; the same for all contenders.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The number of threads that run instances.
    pub workers: usize,
    /// The length of a window.
    pub window: Duration,
    /// The largest number of windows.
    pub max_windows: u32,
    /// How far agreeing windows may differ, as a fraction.
    pub tolerance: f64,
    /// The bound on latency, where there is one.
    pub bound: Option<Bound>,
    /// How many frames may wait for a worker.
    pub queue: std::num::NonZero<usize>,
    /// The seed for arrivals.
    pub seed: u64,
    /// The longest time that a frame may take, which bounds each wait for one.
    pub frame_at_most: Duration,
}

impl Plan {
    pub(super) fn rule(&self, samples: u64) -> Rule {
        Rule {
            tolerance: self.tolerance,
            samples,
            max_windows: self.max_windows.max(1) as usize,
        }
    }

    pub(super) fn window<'a>(
        &self,
        runner: &'a Runner,
        contender: usize,
        clients: usize,
    ) -> Window<'a> {
        Window {
            runner,
            contender,
            clients,
            length: self.window,
            bound_ns: self.bound.map(|bound| bound.latency_ns),
        }
    }

    /// Runs one closed-loop window that does not count, so that all instances exist and are warm.
    pub(super) fn warm_up(
        &self,
        runner: &Runner,
        contender: usize,
        clients: usize,
    ) -> Result<Measured, Error> {
        self.window(runner, contender, clients).closed()
    }
}

/// The number by which windows are compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compare {
    /// Frames per second.
    Throughput,
    /// The median latency.
    Median,
}

impl Compare {
    pub(super) fn of(self, measured: &Measured) -> windows::Window {
        measured.as_window(match self {
            Compare::Throughput => measured.frames_per_second(),
            // The histogram's own median is exact enough: it only decides when to stop.
            Compare::Median => measured.tally.histogram().value_at_quantile(0.5) as f64,
        })
    }
}

/// Runs rounds of windows until each contender's windows agree and hold enough samples, or until
/// `stop` says to end with what there is. `window` runs one window of a contender; its number is
/// the round's, from zero.
pub(super) fn run(
    contenders: &[usize],
    rule: Rule,
    compare: Compare,
    stop: impl Fn() -> bool,
    mut window: impl FnMut(usize, u32) -> Result<Measured, Error>,
) -> Result<Vec<(Measured, Windows)>, Error> {
    let mut series: Vec<Vec<Measured>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut seen: Vec<Vec<windows::Window>> = contenders.iter().map(|_| Vec::new()).collect();
    let counted = 'rounds: loop {
        let round = series.first().map_or(0, Vec::len);
        for turn in 0..contenders.len() {
            let place = (round + turn) % contenders.len();
            let (Some(&contender), Some(taken), Some(values)) = (
                contenders.get(place),
                series.get_mut(place),
                seen.get_mut(place),
            ) else {
                continue;
            };
            if stop() {
                break 'rounds usize::MAX;
            }
            let measured = window(contender, u32::try_from(round).unwrap_or(u32::MAX))?;
            if measured.seconds > 0.0 {
                values.push(compare.of(&measured));
                taken.push(measured);
            }
        }
        let verdicts = seen.iter().map(|values| match rule.judge(values) {
            Verdict::More => None,
            Verdict::Done(count) => Some(count),
        });
        // Finish only when all contenders are done, or else take another round.
        if let Some(counts) = verdicts.collect::<Option<Vec<_>>>() {
            break counts.into_iter().max().unwrap_or_default();
        }
    };
    series
        .iter()
        .zip(&seen)
        .map(|(taken, values)| {
            let mut sum = Measured::none()?;
            for measured in taken.iter().skip(taken.len().saturating_sub(counted)) {
                sum.merge(measured);
            }
            Ok((sum, rule.record(values, counted)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        tolerance: 0.05,
        samples: 0,
        max_windows: 10,
    };

    /// A window of one second in which this number of frames was done.
    fn measured(frames: f64) -> Result<Measured, Error> {
        let mut measured = Measured::none()?;
        (measured.seconds, measured.rate_seconds) = (1.0, frames);
        Ok(measured)
    }

    fn never() -> bool {
        false
    }

    #[test]
    fn what_is_cut_short_rests_on_the_windows_that_there_are() {
        let turns = std::cell::Cell::new(0);
        let stop = || turns.get() == 3;
        let results = run(&[0, 1], RULE, Compare::Throughput, stop, |_, _| {
            turns.set(turns.get() + 1);
            measured(100.0)
        });
        let counted: Vec<_> = results.unwrap().iter().map(|one| one.1.counted).collect();
        assert_eq!(counted, [1, 2], "the second one began the second round");
        let nothing = run(
            &[0],
            RULE,
            Compare::Throughput,
            || true,
            |_, _| measured(1.0),
        );
        let (sum, windows) = &nothing.unwrap()[0];
        assert_eq!(
            (windows.taken, sum.tally.frames(), windows.agreed),
            (0, 0, false)
        );
    }

    #[test]
    fn contenders_take_turns_and_stop_together() {
        let mut turns = Vec::new();
        let results = run(
            &[7, 9],
            RULE,
            Compare::Throughput,
            never,
            |contender, round| {
                turns.push(contender);
                // The second contender settles later.
                measured(match contender {
                    9 if round < 2 => 50.0 * f64::from(round + 1),
                    _ => 200.0,
                })
            },
        );
        let results = results.unwrap();
        assert_eq!(turns, [7, 9, 9, 7, 7, 9, 9, 7, 7, 9]);
        for (sum, windows) in results {
            assert_eq!(
                (windows.taken, windows.counted, windows.agreed),
                (5, 3, true)
            );
            assert!((sum.frames_per_second() - 200.0).abs() < 1e-9);
        }
    }

    #[test]
    fn who_never_agrees_ends_at_the_most_windows() {
        let mut odd = false;
        let results = run(&[0], RULE, Compare::Throughput, never, |_, _| {
            odd = !odd;
            measured(if odd { 100.0 } else { 200.0 })
        });
        let (_, windows) = &results.unwrap()[0];
        assert_eq!(
            (windows.taken, windows.counted, windows.agreed),
            (10, 10, false)
        );
    }
}
