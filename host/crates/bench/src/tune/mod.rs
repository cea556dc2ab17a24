//! `tune`: the search for the settings that suit a plugin, its models and this machine.
//!
//! What is looked for is the highest throughput whose p99 stays within a bound and whose accuracy is
//! as high as was asked. Each candidate is a closed loop: so many workers, each with an instance, each
//! taking the next frame when it is done with one. So `workers` is the concurrency that the settings
//! are good for, and the p99 is that of frames which all find a worker.
//!
//! Rooms, each standing above what it uses: this one → `meter` (graphs, instances, windows), with the
//! pure ones beside it: `space` (the grid), `halving` → `levels`, `trial` (the search), `front` and
//! `choose` (what came of it), and `record`, `table` (how it is told).

pub mod choose;
pub mod front;
pub mod halving;
pub mod levels;
mod meter;
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

/// The search takes this part of the time that the whole grid takes. A fifth is what it may take;
/// setting up candidates for their first window comes on top.
const PART_OF_GRID: u32 = 6;

/// Instances that are kept ready between windows on so many cores, at most: those of a few candidates.
/// Each takes address space, of which small machines have little.
pub fn most_instances(cores: usize) -> usize {
    cores.saturating_mul(16).clamp(256, 1024)
}

/// What is to be found.
pub struct Task<'a> {
    /// The plugin, its frames, and one contender for each variant, with its accuracy.
    pub subject: &'a Subject,
    /// The files that variants are chosen from.
    pub models: &'a Models,
    /// Where to look.
    pub space: &'a Space,
    /// What is asked.
    pub ask: Ask,
    /// How long a candidate is measured where all of the grid is.
    pub full: Duration,
    /// Whether to measure the whole grid as well.
    pub exhaustive: bool,
    /// Instances that may be kept ready, as many as the engine has.
    pub instances: usize,
    /// What ends the search early.
    pub interrupt: &'a Interrupt,
}

/// What came of it, as the report has it.
pub struct Findings {
    /// One for each place of the grid.
    pub candidates: Vec<Candidate>,
    /// Which one to take, or why none.
    pub choice: Choice,
    /// What it took.
    pub search: Search,
    /// The whole grid, where that was asked for.
    pub check: Option<Check>,
}

/// What the search tells while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A rung of the search begins.
    Rung(Rung),
    /// The whole grid is measured.
    Grid(usize),
    /// A window is done.
    Window,
}

/// Searches, and measures the whole grid where that is asked for.
///
/// # Errors
///
/// The default settings cannot be measured; threads that cannot be had.
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
        // Set up anew, since that is part of the time which is compared.
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

/// How many readings a candidate's models get right.
fn accuracy(task: &Task<'_>, settings: &Settings) -> Option<Accuracy> {
    let default = place(&task.space.candidates, task.space.reference).variant;
    let variant = settings.variant.first().map(|choice| &*choice.variant);
    let variant = variant.filter(|_| settings.variant != default);
    let mut contenders = 0..task.subject.contenders();
    let contender = contenders.find(|&contender| task.subject.variant(contender) == variant);
    task.subject.accuracy(contender?)
}

/// What the choice is made from.
fn points(task: &Task<'_>, found: &Found) -> Vec<Point> {
    let trials = found.trials.iter().zip(&task.space.candidates);
    let point = |(trial, settings): (&Trial, &Settings)| Point {
        frames_per_second: trial.ratio * found.reference_per_second,
        p99_ns: trial.p99_ns(),
        held: trial.held(),
        accuracy: accuracy(task, settings).map(|accuracy| accuracy.readings),
        rungs: trial.rungs,
    };
    trials.map(point).collect()
}

/// The candidates as the report has them.
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

/// Holds the search against the whole grid.
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

/// The fastest of those that do what was asked; ties count for nothing here.
fn fastest(points: &[Point], ask: &Ask) -> Option<usize> {
    let good = points.iter().enumerate();
    let good = good.filter(|(_, point)| point.held && ask.allows(point));
    good.max_by(|(_, a), (_, b)| a.frames_per_second.total_cmp(&b.frames_per_second))
        .map(|(place, _)| place)
}
