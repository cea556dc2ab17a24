//! Sweeps: the same entrants at one load after the other, to see where more of it stops to pay.
//!
//! A concurrency is a closed loop of so many clients, each with its own instance. A rate is Poisson
//! arrivals through the gateway's own queue, which refuses what cannot be done within the bound:
//! what is then done in time a second is the goodput, and at overload it should stay where it was.

use std::time::Duration;

use super::{
    Error,
    crew::Crew,
    record::{Load, Path, SweepPoint, Windows},
    rounds::{self, Compare, Plan},
    server,
    window::{Arrivals, Measured},
};
use crate::values::Rate;

/// So many clients, one point for each entrant.
///
/// # Errors
///
/// Threads or workers that cannot be had.
pub fn concurrency(
    crew: &mut Crew,
    plan: &Plan,
    clients: usize,
    entrants: &[usize],
) -> Result<Vec<SweepPoint>, Error> {
    for &entrant in entrants {
        plan.warm_up(crew, entrant, clients)?;
    }
    let measured = rounds::run(entrants, plan.rule(1), Compare::Throughput, |entrant, _| {
        plan.window(crew, entrant, clients).closed()
    })?;
    let points = entrants.iter().zip(measured);
    Ok(points
        .map(|(&entrant, (sum, windows))| {
            point(
                crew,
                entrant,
                Load::Concurrency(clients),
                None,
                &sum,
                windows,
            )
        })
        .collect())
}

/// Frames a second, one point for each entrant and rate; for each rate paths take turns.
///
/// # Errors
///
/// As [`concurrency`], and nothing done in the window that measures the saturation.
pub fn rates(
    crew: &mut Crew,
    plan: &Plan,
    rates: &[Rate],
    entrants: &[usize],
    mut said: impl FnMut(Rate),
) -> Result<Vec<SweepPoint>, Error> {
    let mut saturation = Vec::new();
    for &entrant in entrants {
        saturation.push(server::saturation(crew, plan, entrant)?);
    }
    let deadline = plan
        .bound
        .map(|bound| Duration::from_nanos(bound.latency_ns));
    let mut points = Vec::new();
    for &asked in rates {
        said(asked);
        let of = |entrant: usize| match asked {
            Rate::PerSecond(rate) => rate,
            Rate::OfSaturation(times) => {
                let place = entrants.iter().position(|&one| one == entrant);
                let known = place.and_then(|place| saturation.get(place));
                known.copied().unwrap_or_default() * times
            }
        };
        let rule = plan.rule(1);
        let measured = rounds::run(entrants, rule, Compare::Throughput, |entrant, round| {
            let window = plan.window(crew, entrant, plan.workers);
            window.open(Arrivals {
                rate: of(entrant),
                seed: plan.seed.wrapping_add(u64::from(round)),
                queue: plan.queue,
                deadline,
            })
        })?;
        for (&entrant, (sum, windows)) in entrants.iter().zip(measured) {
            let times = match asked {
                Rate::PerSecond(_) => None,
                Rate::OfSaturation(times) => Some(times),
            };
            let load = Load::Rate(of(entrant));
            points.push(point(crew, entrant, load, times, &sum, windows));
        }
    }
    Ok(points)
}

fn point(
    crew: &Crew,
    entrant: usize,
    load: Load,
    of_saturation: Option<f64>,
    measured: &Measured,
    windows: Windows,
) -> SweepPoint {
    let path = crew.rig().path(entrant).unwrap_or(Path::Plugin);
    let sandboxed = matches!(path, Path::Plugin | Path::Batched);
    let open = matches!(load, Load::Rate(_));
    let a_second = |count: u64| count as f64 / measured.seconds.max(f64::MIN_POSITIVE);
    SweepPoint {
        path,
        load,
        of_saturation,
        frames_per_second: measured.frames_per_second(),
        goodput_per_second: measured.bounded.then(|| a_second(measured.in_bound)),
        offered_per_second: open.then(|| a_second(measured.offered)),
        latency_ns: measured.latency(),
        frames: measured.tally.frames(),
        failed: measured.failed,
        rejected: measured.rejected,
        timed_out: measured.timed_out,
        cpu_ns_per_inference: measured.cpu_ns_per_inference(),
        memory: measured.memory,
        windows,
        stages_ns: sandboxed.then(|| measured.tally.stages()).flatten(),
    }
}
