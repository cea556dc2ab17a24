//! The server scenario: the highest rate of Poisson arrivals whose p99 keeps the bound.
//!
//! A rate holds if at most one in a hundred of the arrived frames took longer than the bound.
//! Refused and failed frames count as too long: refusing frames is no way to keep a bound. Each try
//! uses new windows with a new schedule and stops as soon as the result is clear. The rate at which
//! the search ends must then hold over windows that agree; if not, the next lower rates are tried.
//! The tries of all paths alternate.

use super::{
    Error,
    record::{Bound, Lack, Metric, Problem, Scenario, ScenarioResult, Windows},
    result::{self, failures, too_short},
    rounds::{Compare, Plan},
    runner::Runner,
    search::Search,
    window::{Arrivals, Measured},
    windows::Verdict,
};

/// The next rate, as a fraction, when the rate found does not hold.
const STEP_DOWN: f64 = 0.95;

/// How many such lower rates are tried.
const STEPS_DOWN: u32 = 6;

/// The rate where the search begins, as a fraction of the closed loop's.
const BEGIN: f64 = 0.7;

/// The search of one contender.
struct Try {
    contender: usize,
    search: Search,
    /// The result at the lowest rate so far: the best one to report if no rate holds.
    lowest: Option<(f64, Measured, u32)>,
}

/// Runs the scenario for these contenders.
pub(super) fn run(
    runner: &Runner,
    plan: &Plan,
    contenders: &[usize],
) -> Result<Vec<ScenarioResult>, Error> {
    let Some(bound) = plan.bound else {
        return Err(Error::NoBound);
    };
    let mut tries = Vec::new();
    for &contender in contenders {
        let saturated = saturation(runner, plan, contender);
        if runner.is_interrupted() {
            return Ok(Vec::new());
        }
        let saturated = saturated?;
        tries.push(Try {
            contender,
            search: Search::from(saturated * BEGIN),
            lowest: None,
        });
    }
    // Each try has another seed, which is the same for all paths.
    let mut turn = 0;
    loop {
        let mut going_on = false;
        for one in &mut tries {
            if let Some(rate) = one.search.next().filter(|_| !runner.is_interrupted()) {
                let (measured, windows) = judge(runner, plan, bound, one.contender, rate, turn)?;
                if runner.is_interrupted() {
                    break;
                }
                going_on = true;
                one.search.tell(rate, holds(&measured, bound));
                if one
                    .lowest
                    .as_ref()
                    .is_none_or(|(lowest, ..)| rate < *lowest)
                {
                    one.lowest = Some((rate, measured, windows));
                }
            }
        }
        turn += 1;
        if !going_on {
            break;
        }
    }
    let mut results = Vec::new();
    for one in tries {
        if runner.is_interrupted() {
            results.extend(unfinished(runner, plan, one));
            continue;
        }
        results.push(match one.search.best() {
            Some(rate) => confirm(runner, plan, bound, one.contender, rate)?,
            None => out_of_reach(runner, plan, bound, one)?,
        });
    }
    Ok(results)
}

/// The frames per second that a closed loop with all workers reaches.
pub(super) fn saturation(runner: &Runner, plan: &Plan, contender: usize) -> Result<f64, Error> {
    plan.warm_up(runner, contender, plan.workers)?;
    let measured = plan.window(runner, contender, plan.workers).closed()?;
    let rate = measured.frames_per_second();
    if rate > 0.0 && rate.is_finite() {
        return Ok(rate);
    }
    Err(Error::Nothing {
        problem: failures(&measured).unwrap_or_else(|| {
            let text = "a frame takes longer than a window".to_owned();
            Problem::lacking(Lack::Window, text)
        }),
    })
}

fn holds(measured: &Measured, bound: Bound) -> bool {
    measured.violations() as f64 <= allowed(measured.offered, bound)
}

/// How many of the `offered` frames may miss the bound.
fn allowed(offered: u64, bound: Bound) -> f64 {
    offered as f64 * (1.0 - bound.quantile)
}

fn arrivals(plan: &Plan, rate: f64, turn: u64) -> Arrivals {
    Arrivals {
        rate,
        seed: plan
            .seed
            .wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        queue: plan.queue,
        deadline: None,
    }
}

/// Takes windows at a rate until it is clear whether the rate holds.
fn judge(
    runner: &Runner,
    plan: &Plan,
    bound: Bound,
    contender: usize,
    rate: f64,
    turn: u64,
) -> Result<(Measured, u32), Error> {
    let needed = tollgate_stats::needed(bound.quantile);
    let mut sum = Measured::none()?;
    let mut windows = 0;
    while windows < plan.max_windows && !runner.is_interrupted() {
        let seed = turn * u64::from(plan.max_windows) + u64::from(windows);
        windows += 1;
        let arrivals = arrivals(plan, rate, seed);
        sum.merge(
            &plan
                .window(runner, contender, plan.workers)
                .open(arrivals)?,
        );
        // Already more frames have missed the bound than may in a full run: the rate cannot hold
        // any more.
        let lost = sum.violations() as f64 > allowed(needed.max(sum.offered), bound);
        if lost || sum.offered >= needed {
            break;
        }
    }
    Ok((sum, windows))
}

/// Confirms the rate that was found over windows that agree, or the next lower one that holds.
fn confirm(
    runner: &Runner,
    plan: &Plan,
    bound: Bound,
    contender: usize,
    found: f64,
) -> Result<ScenarioResult, Error> {
    let mut rate = found;
    let mut steps = 0;
    loop {
        let (sum, windows) = steady(runner, plan, bound, contender, rate, u64::from(steps))?;
        let enough = sum.offered >= tollgate_stats::needed(bound.quantile);
        let mut result = result::of(runner, Scenario::Server, contender, &sum, windows, None);
        if !enough {
            result.problem = Some(too_short(&sum, bound.quantile));
            return Ok(result);
        }
        if holds(&sum, bound) {
            result.metric = Some(Metric {
                name: "rate".to_owned(),
                value: rate,
                unit: "frames/s".to_owned(),
                more_is_better: true,
            });
            result.problem = failures(&sum);
            return Ok(result);
        }
        if steps == STEPS_DOWN {
            let text = format!(
                "no rate held over windows that follow each other: {}",
                share(&sum, rate, bound)
            );
            result.problem = Some(Problem::lacking(Lack::Bound, text));
            return Ok(result);
        }
        rate *= STEP_DOWN;
        steps += 1;
    }
}

/// Takes windows at one rate until they agree.
fn steady(
    runner: &Runner,
    plan: &Plan,
    bound: Bound,
    contender: usize,
    rate: f64,
    turn: u64,
) -> Result<(Measured, Windows), Error> {
    let rule = plan.rule(tollgate_stats::needed(bound.quantile));
    let (mut seen, mut taken) = (Vec::new(), Vec::new());
    let counted = loop {
        // Far from the seeds that the search used.
        let seed = (turn + 1) * 1_000_003 + seen.len() as u64;
        let window = plan.window(runner, contender, plan.workers);
        let measured: Measured = window.open(arrivals(plan, rate, seed))?;
        if runner.is_interrupted() {
            break seen.len();
        }
        seen.push(Compare::Median.of(&measured));
        taken.push(measured);
        if let Verdict::Done(count) = rule.judge(&seen) {
            break count;
        }
    };
    let mut sum = Measured::none()?;
    for measured in taken.iter().skip(taken.len().saturating_sub(counted)) {
        sum.merge(measured);
    }
    Ok((sum, rule.record(&seen, counted)))
}

/// The result of a search that a signal ended: the lowest rate that was tried, without a metric.
fn unfinished(runner: &Runner, plan: &Plan, one: Try) -> Option<ScenarioResult> {
    let (_, measured, taken) = one.lowest?;
    let windows = until_clear(plan, &measured, taken);
    let (contender, scenario) = (one.contender, Scenario::Server);
    let mut result = result::of(runner, scenario, contender, &measured, windows, None);
    result.problem = Some("the search for the highest rate was cut short".into());
    Some(result)
}

/// Describes windows that were taken until the result was clear, not until they agreed.
fn until_clear(plan: &Plan, measured: &Measured, taken: u32) -> Windows {
    Windows {
        taken,
        counted: taken,
        seconds: measured.seconds,
        agreed: false,
        tolerance: plan.tolerance,
        spread: None,
    }
}

/// The result when no rate held: the best one, which is the lowest that was tried.
fn out_of_reach(
    runner: &Runner,
    plan: &Plan,
    bound: Bound,
    one: Try,
) -> Result<ScenarioResult, Error> {
    let Some((rate, measured, taken)) = one.lowest else {
        return Err(Error::NoBound);
    };
    let windows = until_clear(plan, &measured, taken);
    let mut result = result::of(
        runner,
        Scenario::Server,
        one.contender,
        &measured,
        windows,
        None,
    );
    let text = format!("no rate keeps it: {}", share(&measured, rate, bound));
    result.problem = Some(Problem::lacking(Lack::Bound, text));
    Ok(result)
}

/// Says how far a rate was from keeping the bound.
fn share(measured: &Measured, rate: f64, bound: Bound) -> String {
    let missed = measured.violations() as f64 / measured.offered.max(1) as f64 * 100.0;
    let bound_ms = bound.latency_ns as f64 / 1e6;
    let median_ms = measured.tally.histogram().value_at_quantile(0.5) as f64 / 1e6;
    format!(
        "even at {rate:.1} frames/s {missed:.1} % of {} frames were not done within {bound_ms:.2} ms, \
         and half of those done took {median_ms:.2} ms or more",
        measured.offered
    )
}
