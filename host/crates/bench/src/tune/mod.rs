//! `tune`: the search for the settings that suit a plugin, its models and this machine.
//!
//! It looks for the highest throughput whose p99 keeps a bound and whose accuracy is high enough.
//! Each candidate is measured in a closed loop: each worker has one instance and takes the next
//! frame when it is done with one. So `workers` is the concurrency that the settings are good for,
//! and the p99 is that of frames that never wait for a worker.
//!
//! Modules, each above what it uses: this one → `meter` (graphs, instances, windows). Beside it are
//! the pure ones: `space` (the grid), `halving` → `levels`, `trial` (the search), `front` and
//! `choose` (the result), and `record`, `table`, `page` (the report).

pub mod choose;
pub mod front;
pub mod halving;
pub mod levels;
mod meter;
pub mod page;
pub mod record;
pub mod space;
pub mod table;
pub mod trial;

use std::time::Duration;

use self::{
    choose::{Ask, Choice, Point, choose},
    front::{Place, front},
    halving::{Found, Plan, Rung},
    meter::Meter,
    record::{Candidate, Check, InGrid, Search},
    space::Space,
    trial::Trial,
};
use super::{Error, subject::Subject};
use tollgate_deploy::models::Models;
use tollgate_deploy::settings::Settings;
use tollgate_dispatch::Interrupt;
use tollgate_report::{Accuracy, percentiles};

/// The search gets this part of the time that the whole grid would take. The goal is at most a
/// fifth, and setting up candidates for their first window takes extra time.
const PART_OF_GRID: u32 = 6;

/// The largest number of instances that are kept ready between windows on this many cores: those of
/// a few candidates. Each takes address space, of which small machines have little.
pub fn most_instances(cores: usize) -> usize {
    cores.saturating_mul(16).clamp(256, 1024)
}

/// What to search for, and with what.
pub struct Task<'a> {
    /// The plugin, its frames, and one contender for each variant, with its accuracy.
    pub subject: &'a Subject,
    /// The files that variants are selected from.
    pub models: &'a Models,
    /// The grid to search.
    pub space: &'a Space,
    /// The requirements.
    pub ask: Ask,
    /// How long each candidate is measured when the whole grid is.
    pub full: Duration,
    /// Whether to measure the whole grid as well.
    pub exhaustive: bool,
    /// How many instances may be kept ready, the same as the engine has.
    pub instances: usize,
    /// What ends the search early.
    pub interrupt: &'a Interrupt,
}

/// The findings, in the form of the report.
pub struct Findings {
    /// One for each place in the grid.
    pub candidates: Vec<Candidate>,
    /// The recommended candidate, or why there is none.
    pub choice: Choice,
    /// What the search took.
    pub search: Search,
    /// The check against the whole grid, if it was asked for.
    pub check: Option<Check>,
}

/// A step of the search, for reporting progress.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A rung of the search begins.
    Rung(Rung),
    /// The measuring of the whole grid begins.
    Grid(usize),
    /// A window is done.
    Window,
}

/// Searches, and measures the whole grid if that is asked for.
///
/// # Errors
///
/// The default settings cannot be measured, or threads cannot be started.
pub fn tune(
    task: &Task<'_>,
    mut tell: impl FnMut(Step),
) -> Result<Findings, halving::Error<Error>> {
    let Space {
        candidates,
        reference,
    } = task.space;
    let count = candidates.len();
    let grid = task.full * u32::try_from(count).unwrap_or(u32::MAX);
    let mut meter = Meter::new(
        task.subject,
        task.models,
        task.instances,
        task.interrupt.clone(),
    );
    let bound_ns = task.ask.bound_ns;
    let plan = Plan {
        budget: grid / PART_OF_GRID,
        bound_ns,
    };
    let tell = std::cell::RefCell::new(&mut tell);
    let say = |step| (tell.borrow_mut())(step);
    let found = halving::search(
        count,
        *reference,
        plan,
        |rung| say(Step::Rung(rung)),
        |one, window| {
            say(Step::Window);
            meter.window(&place(candidates, one), window)
        },
    )?;
    let points = points(task, &found);
    let choice = choose(&points, *reference, &task.ask);
    let search = Search {
        grid: count,
        full_seconds: task.full.as_secs_f64(),
        grid_seconds: grid.as_secs_f64(),
        seconds: found.spent,
        of_grid: found.spent / grid.as_secs_f64(),
    };
    let mut described = describe(task, &found, &points);
    let check = if task.exhaustive && !task.interrupt.is_raised() {
        say(Step::Grid(count));
        // Set up again, since set-up time is part of the comparison.
        meter.clear();
        let whole = halving::exhaust(count, *reference, bound_ns, task.full, |one, window| {
            say(Step::Window);
            meter.window(&place(candidates, one), window)
        })?;
        let in_grid = self::points(task, &whole);
        for (candidate, point) in described.iter_mut().zip(&in_grid) {
            candidate.grid = Some(InGrid {
                frames_per_second: point.frames_per_second,
                seen_p99_ns: point.p99_ns,
                kept_bound: point.held,
            });
        }
        Some(check(task, &choice, found.spent, whole.spent, &in_grid))
    } else {
        None
    };
    Ok(Findings {
        candidates: described,
        choice,
        search,
        check,
    })
}

fn place(candidates: &[Settings], one: usize) -> Settings {
    candidates.get(one).cloned().unwrap_or_default()
}

/// How many frames are right with a candidate's models.
fn accuracy(task: &Task<'_>, settings: &Settings) -> Option<Accuracy> {
    let default = place(&task.space.candidates, task.space.reference).variant;
    let variant = settings.variant.first().map(|choice| &*choice.variant);
    let variant = variant.filter(|_| settings.variant != default);
    let mut contenders = 0..task.subject.contenders();
    let contender = contenders.find(|&contender| task.subject.variant(contender) == variant);
    task.subject.accuracy(contender?)
}

/// The points that the choice is made from.
fn points(task: &Task<'_>, found: &Found) -> Vec<Point> {
    let trials = found.trials.iter().zip(&task.space.candidates);
    let point = |(trial, settings): (&Trial, &Settings)| Point {
        frames_per_second: trial.ratio * found.reference_per_second,
        p99_ns: trial.p99_ns(),
        held: trial.held(),
        accuracy: accuracy(task, settings).map(|accuracy| accuracy.frames),
        rungs: trial.rungs,
    };
    trials.map(point).collect()
}

/// The candidates in the form of the report.
fn describe(task: &Task<'_>, found: &Found, points: &[Point]) -> Vec<Candidate> {
    let places: Vec<Option<Place>> = points
        .iter()
        .map(|point| {
            Some(Place {
                frames_per_second: point.frames_per_second,
                p99_ns: point.p99_ns?,
                accuracy: point.accuracy,
            })
        })
        .collect();
    let front = front(&places);
    let trials = found.trials.iter().zip(points).zip(front);
    trials
        .zip(&task.space.candidates)
        .map(|(((trial, point), on_front), settings)| Candidate {
            settings: settings.clone(),
            frames_per_second: point.frames_per_second,
            of_reference: trial.ratio,
            latency_ns: percentiles::of(trial.latency()),
            seen_p99_ns: point.p99_ns,
            kept_bound: point.held,
            accuracy: accuracy(task, settings),
            on_front,
            eligible: task.ask.allows(point),
            rungs: trial.rungs,
            frames: trial.frames(),
            failed: trial.failed(),
            seconds: trial.seconds(),
            joules_per_inference: trial.joules_per_inference(),
            problem: trial.problem.clone(),
            grid: None,
        })
        .collect()
}

/// Compares the search with the whole grid.
fn check(
    task: &Task<'_>,
    choice: &Choice,
    search_seconds: f64,
    grid_seconds: f64,
    points: &[Point],
) -> Check {
    let best = fastest(points, &task.ask);
    let winner = match choice {
        Choice::Found { winner, .. } => points.get(*winner),
        Choice::Nothing { .. } => None,
    };
    let best_rate = best
        .and_then(|best| points.get(best))
        .map(|point| point.frames_per_second);
    let winner_rate = winner.map(|point| point.frames_per_second);
    Check {
        seconds: grid_seconds,
        search_of_grid: search_seconds / grid_seconds,
        best,
        best_frames_per_second: best_rate,
        winner_frames_per_second: winner_rate,
        winner_of_best: best_rate
            .zip(winner_rate)
            .map(|(best, winner)| winner / best),
        winner_kept_bound: winner.map(|point| point.held),
    }
}

/// The fastest candidate that meets the requirements; ties are not considered here.
fn fastest(points: &[Point], ask: &Ask) -> Option<usize> {
    let good = points.iter().enumerate();
    let good = good.filter(|(_, point)| point.held && ask.allows(point));
    good.max_by(|(_, a), (_, b)| a.frames_per_second.total_cmp(&b.frames_per_second))
        .map(|(place, _)| place)
}
