//! The scenarios: how frames arrive and which metric is reported, with the names and definitions of
//! MLPerf Inference. In each scenario the windows of all paths alternate.

use super::{
    Error,
    record::{Lack, Metric, Path, Problem, Scenario, ScenarioResult, Windows},
    result::{self, failures, too_short},
    rounds::{self, Compare, Plan},
    runner::Runner,
    server, subject,
    window::Measured,
};

/// The quantile that the single-stream scenario reports.
const SINGLE_STREAM: f64 = 0.9;

/// The quantile of a query's latency that the multi-stream scenario reports.
const MULTI_STREAM: f64 = 0.99;

/// Runs one scenario for these contenders, side by side.
///
/// # Errors
///
/// Threads or workers cannot be started. A metric that cannot be computed is no error: the result
/// then has a problem instead.
pub fn run(
    runner: &Runner,
    plan: &Plan,
    scenario: Scenario,
    contenders: &[usize],
) -> Result<Vec<ScenarioResult>, Error> {
    let clients = match scenario {
        Scenario::SingleStream => 1,
        _ => plan.workers,
    };
    for &contender in contenders {
        plan.warm_up(runner, contender, clients)?;
    }
    let interrupt = runner.interrupt();
    let stop = || interrupt.is_raised();
    let measured = match scenario {
        Scenario::SingleStream => {
            let rule = plan.rule(tollgate_stats::needed(SINGLE_STREAM));
            rounds::run(
                contenders,
                rule,
                Compare::Throughput,
                stop,
                |contender, _| plan.window(runner, contender, clients).closed(),
            )?
        }
        Scenario::MultiStream => {
            let rule = plan.rule(tollgate_stats::needed(MULTI_STREAM));
            rounds::run(
                contenders,
                rule,
                Compare::Throughput,
                stop,
                |contender, _| {
                    plan.window(runner, contender, clients)
                        .queries(plan.frame_at_most)
                },
            )?
        }
        Scenario::Offline => {
            let rule = plan.rule(1);
            rounds::run(
                contenders,
                rule,
                Compare::Throughput,
                stop,
                |contender, _| plan.window(runner, contender, clients).closed(),
            )?
        }
        Scenario::Server => return server::run(runner, plan, contenders),
    };
    let twin = twin_of(runner, contenders, &measured);
    let results = contenders.iter().zip(&measured);
    Ok(results
        // A contender that a signal kept from being measured at all is left out.
        .filter(|(_, (sum, _))| !stop() || sum.tally.frames() > 0)
        .map(|(&contender, (sum, windows))| {
            let mut result = result::of(runner, scenario, contender, sum, *windows, twin);
            (result.metric, result.problem) = match scenario {
                Scenario::SingleStream => latency(sum, SINGLE_STREAM, "p90 latency"),
                Scenario::MultiStream => latency(sum, MULTI_STREAM, "p99 latency of a query"),
                Scenario::Offline | Scenario::Server => throughput(sum),
            };
            result
        })
        .collect())
}

/// The twin's measurement from the same rounds.
fn twin_of<'a>(
    runner: &Runner,
    contenders: &[usize],
    measured: &'a [(Measured, Windows)],
) -> Option<&'a Measured> {
    let mut all = contenders.iter().zip(measured);
    let found = all.find(|(contender, _)| runner.subject().path(**contender) == Some(Path::Twin));
    found.map(|(_, (sum, _))| sum)
}

/// A latency as a metric, or the reason why there is none.
fn latency(measured: &Measured, quantile: f64, name: &str) -> (Option<Metric>, Option<Problem>) {
    match subject::at(measured.latency().as_ref(), quantile) {
        Some(value) => {
            let metric = Metric {
                name: name.to_owned(),
                value: value as f64,
                unit: "ns".to_owned(),
                more_is_better: false,
            };
            (Some(metric), failures(measured))
        }
        None => (None, Some(too_short(measured, quantile))),
    }
}

fn throughput(measured: &Measured) -> (Option<Metric>, Option<Problem>) {
    if measured.tally.frames() == 0 {
        let why = failures(measured).unwrap_or_else(|| {
            let text = "no frame was done in time for its window".to_owned();
            Problem::lacking(Lack::Window, text)
        });
        return (None, Some(why));
    }
    let metric = Metric {
        name: "throughput".to_owned(),
        value: measured.frames_per_second(),
        unit: "frames/s".to_owned(),
        more_is_better: true,
    };
    (Some(metric), failures(measured))
}
