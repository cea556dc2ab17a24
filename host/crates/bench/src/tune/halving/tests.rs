//! Simulated candidates with known speed, plus noise, drift and slow frames by bad luck. The tests
//! check how near the search comes to the best, and in how much of the grid's time.

use super::*;
use crate::tune::choose::{Ask, Choice, Point, choose};

/// The true speed of a candidate.
#[derive(Clone, Copy)]
struct Truth {
    per_second: f64,
    latency_ns: f64,
}

/// The fraction of frames that a busy machine delays to three times their length.
const DISTURBED: f64 = 0.001;

/// How far other frames vary, as the standard deviation of a logarithm.
const SPREAD: f64 = 0.05;

/// The machine's speed at a time: up to a quarter more or less than usual.
fn drift(seconds: f64) -> f64 {
    1.0 + 0.25 * (seconds * 0.7).sin()
}

/// The set-up time of each first window, in seconds.
const SET_UP: f64 = 0.005;

/// A simulated machine, whose speed drifts and which never repeats a value.
struct Machine {
    truths: Vec<Truth>,
    random: fastrand::Rng,
    clock: f64,
    seen: Vec<bool>,
}

impl Machine {
    fn new(truths: Vec<Truth>, seed: u64) -> Self {
        Self {
            seen: vec![false; truths.len()],
            truths,
            random: fastrand::Rng::with_seed(seed),
            clock: 0.0,
        }
    }

    /// Near enough to a normal distribution.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0
    }

    fn window(&mut self, one: usize, window: Duration) -> Result<Outcome, ()> {
        let Truth {
            per_second,
            latency_ns,
        } = self.truths[one];
        let seconds = window.as_secs_f64();
        let drift = drift(self.clock);
        let noise = (0.03 * self.normal()).exp();
        let frames = (per_second * seconds * drift * noise).round().max(1.0) as usize;
        let latencies_ns = (0..frames)
            .map(|_| {
                let spread = (SPREAD * self.normal()).exp() / drift.sqrt();
                let disturbed = if self.random.f64() < DISTURBED {
                    3.0
                } else {
                    1.0
                };
                (latency_ns * spread * disturbed) as u64
            })
            .collect();
        let set_up = if std::mem::replace(&mut self.seen[one], true) {
            0.0
        } else {
            SET_UP
        };
        self.clock += seconds + set_up;
        Ok(Outcome::Measured(Sample {
            latencies_ns,
            seconds,
            spent: seconds + set_up,
            ..Sample::default()
        }))
    }
}

/// Workers in rows, batches in columns: throughput saturates, latency grows with the workers.
fn landscape(rows: usize, columns: usize) -> Vec<Truth> {
    let mut truths = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let workers = (row + 1) as f64;
            let gain = 1.0 + 0.35 * column as f64 / (1.0 + 0.3 * column as f64);
            let per_second = 400.0 * gain * workers / (1.0 + 0.45 * workers);
            truths.push(Truth {
                per_second,
                latency_ns: workers / per_second * 1e9,
            });
        }
    }
    truths
}

const FULL: Duration = Duration::from_secs(4);

/// The search's result as a fraction of the best that keeps the bound, and the search's time as a
/// fraction of the grid's.
fn search_for(truths: &[Truth], bound_ns: u64, seed: u64) -> (f64, f64) {
    let grid = FULL.as_secs_f64() * truths.len() as f64;
    let plan = Plan {
        budget: Duration::from_secs_f64(grid / 6.0),
        bound_ns,
    };
    let mut machine = Machine::new(truths.to_vec(), seed);
    let found = search(
        truths.len(),
        0,
        plan,
        |_| {},
        |one, window| machine.window(one, window),
    )
    .unwrap();
    let points: Vec<Point> = found
        .trials
        .iter()
        .map(|trial| Point {
            frames_per_second: trial.ratio * found.reference_per_second,
            p99_ns: trial.p99_ns(),
            held: trial.held(),
            accuracy: None,
            rungs: trial.rungs,
        })
        .collect();
    let ask = Ask {
        bound_ns,
        accuracy: None,
    };
    let Choice::Found { winner, .. } = choose(&points, 0, &ask) else {
        panic!("seed {seed}: nothing found")
    };
    let best = truths
        .iter()
        .filter(|truth| surely_holds(truth, bound_ns))
        .map(|truth| truth.per_second)
        .fold(0.0, f64::max);
    (truths[winner].per_second / best, found.spent / grid)
}

/// Whether it keeps the bound with a margin: when the machine is slowest, frames three deviations
/// off still keep it, except disturbed ones.
fn surely_holds(truth: &Truth, bound_ns: u64) -> bool {
    truth.latency_ns * (3.0 * SPREAD).exp() / 0.75_f64.sqrt() < bound_ns as f64
}

#[test]
fn lands_near_the_best_in_a_fifth_of_the_grids_time() {
    for (rows, columns) in [(8, 4), (12, 3), (6, 2), (16, 8)] {
        let truths = landscape(rows, columns);
        for bound_ns in [6_000_000, 12_000_000, 1_000_000_000] {
            for seed in 0..5 {
                let (near, time) = search_for(&truths, bound_ns, seed);
                let what = format!("{rows} x {columns}, {bound_ns} ns, seed {seed}");
                assert!(near >= 0.95, "{what}: {near:.3} of the best");
                assert!(time <= 0.2, "{what}: {time:.3} of the time");
            }
        }
    }
}

#[test]
fn the_whole_grid_is_measured_alike() {
    let truths = landscape(4, 2);
    let mut machine = Machine::new(truths.clone(), 3);
    let found = exhaust(truths.len(), 0, 1_000_000_000, FULL, |one, window| {
        machine.window(one, window)
    })
    .unwrap();
    for (trial, truth) in found.trials.iter().zip(&truths) {
        assert!((trial.seconds() - FULL.as_secs_f64()).abs() < 1e-6);
        let ratio = truth.per_second / truths[0].per_second;
        assert!((trial.ratio / ratio - 1.0).abs() < 0.05);
    }
    assert!(found.spent >= FULL.as_secs_f64() * 8.0);
}

#[test]
fn rungs_shrink_and_the_default_is_in_each() {
    assert_eq!(rungs(40), [40, 14, 5, 3]);
    assert_eq!(rungs(10), [10, 4]);
    assert_eq!(rungs(4), [4]);
    assert_eq!(rungs(1), [1]);
    // The default is by far the slowest.
    let mut truths = landscape(6, 3);
    truths[0].per_second = 1.0;
    let mut machine = Machine::new(truths.clone(), 1);
    let mut told = Vec::new();
    let found = search(
        truths.len(),
        0,
        Plan {
            budget: Duration::from_secs(10),
            bound_ns: u64::MAX,
        },
        |rung| told.push(rung),
        |one, window| machine.window(one, window),
    )
    .unwrap();
    assert_eq!(found.trials[0].rungs, told.len());
    let sizes: Vec<usize> = told.iter().map(|rung| rung.candidates).collect();
    assert_eq!(sizes, [18, 7, 4]);
}

#[test]
fn what_is_refused_is_out_and_says_why() {
    let truths = landscape(4, 2);
    let mut machine = Machine::new(truths.clone(), 1);
    let plan = Plan {
        budget: Duration::from_secs(5),
        bound_ns: u64::MAX,
    };
    let found = search(
        truths.len(),
        0,
        plan,
        |_| {},
        |one, window| {
            if one == 7 {
                return Ok(Outcome::Refused("no such device".to_owned()));
            }
            machine.window(one, window)
        },
    )
    .unwrap();
    assert_eq!(found.trials[7].problem.as_deref(), Some("no such device"));
    assert!(!found.trials[7].held() && found.trials[7].p99_ns().is_none());

    let refused = search(
        2,
        1,
        plan,
        |_| {},
        |_, _| -> Result<Outcome, ()> { Ok(Outcome::Refused("no".to_owned())) },
    );
    assert!(matches!(refused, Err(Error::Reference(reason)) if reason == "no"));
    let broken = search(2, 1, plan, |_| {}, |_, _| Err("broken"));
    assert!(matches!(broken, Err(Error::Measure("broken"))));
}
