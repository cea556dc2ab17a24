//! Sweeps: the same contenders at many loads, to show where more load stops paying off.
//!
//! A load is either a concurrency or a rate. A concurrency is a closed loop with a number of
//! clients, each with its own instance. A rate is Poisson arrivals through the gateway's own queue,
//! which refuses frames that cannot be done within the bound. The frames done in time per second
//! are the goodput, which should stay constant under overload.
//!
//! The windows of all points alternate, so that their throughputs can be compared. Memory is read
//! before that, while the runner grows from point to point: later all instances exist.

use std::time::Duration;

use super::{
    Error,
    record::{Load, Memory, Path, SweepPoint, Windows},
    rounds::{self, Compare, Plan},
    runner::Runner,
    server,
    window::{Arrivals, Measured},
};
use tollgate_deploy::values::Rate;

/// The load at one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
    /// A number of clients.
    Clients(usize),
    /// A number of frames per second.
    Arrivals(Rate),
}

/// One point to measure.
struct Point {
    contender: usize,
    load: Load,
    of_saturation: Option<f64>,
    memory: Memory,
}

/// Measures each contender at each load; the points come in the order of the loads.
///
/// # Errors
///
/// Threads or workers cannot be started, or no frame was done in the window that measures the
/// saturation.
pub fn run(
    runner: &Runner,
    plan: &Plan,
    asked: &[Asked],
    contenders: &[usize],
) -> Result<Vec<SweepPoint>, Error> {
    let mut points = Vec::new();
    'loads: for &load in asked {
        for &contender in contenders {
            let point = prepare(runner, plan, load, contender, &points);
            if runner.is_interrupted() {
                break 'loads;
            }
            points.push(point?);
        }
    }
    let interrupt = runner.interrupt();
    let stop = || interrupt.is_raised();
    let places: Vec<usize> = (0..points.len()).collect();
    let rule = plan.rule(1);
    let measured = rounds::run(&places, rule, Compare::Throughput, stop, |place, round| {
        let point = points.get(place).ok_or(Error::Died)?;
        match point.load {
            Load::Concurrency(clients) => plan.window(runner, point.contender, clients).closed(),
            Load::Rate(rate) => {
                let window = plan.window(runner, point.contender, plan.workers);
                window.open(Arrivals {
                    rate,
                    seed: plan.seed.wrapping_add(u64::from(round)),
                    queue: plan.queue,
                    deadline: plan
                        .bound
                        .map(|bound| Duration::from_nanos(bound.latency_ns)),
                })
            }
        }
    })?;
    let points = points.iter().zip(measured);
    Ok(points
        // A point that a signal kept from being measured at all is left out.
        .filter(|(_, (sum, _))| !stop() || sum.tally.frames() > 0)
        .map(|(point, (sum, windows))| tell(runner, point, &sum, windows))
        .collect())
}

/// Warms a point up, and computes its rate where it is given as a multiple of the saturation.
fn prepare(
    runner: &Runner,
    plan: &Plan,
    asked: Asked,
    contender: usize,
    before: &[Point],
) -> Result<Point, Error> {
    let (load, of_saturation) = match asked {
        Asked::Clients(clients) => (Load::Concurrency(clients), None),
        Asked::Arrivals(Rate::PerSecond(rate)) => (Load::Rate(rate), None),
        Asked::Arrivals(Rate::OfSaturation(times)) => {
            // Measured once: all multiples refer to the same rate.
            let known = before.iter().find_map(|point| match point.load {
                Load::Rate(rate) if point.contender == contender => {
                    Some(rate / point.of_saturation?)
                }
                _ => None,
            });
            let saturation = match known {
                Some(rate) => rate,
                None => server::saturation(runner, plan, contender)?,
            };
            (Load::Rate(saturation * times), Some(times))
        }
    };
    let clients = match load {
        Load::Concurrency(clients) => clients,
        Load::Rate(_) => plan.workers,
    };
    let memory = plan.warm_up(runner, contender, clients)?.memory;
    Ok(Point {
        contender,
        load,
        of_saturation,
        memory,
    })
}

fn tell(runner: &Runner, point: &Point, measured: &Measured, windows: Windows) -> SweepPoint {
    let path = runner
        .subject()
        .path(point.contender)
        .unwrap_or(Path::Plugin);
    let sandboxed = matches!(path, Path::Plugin | Path::Batched);
    let open = matches!(point.load, Load::Rate(_));
    let a_second = |count: u64| count as f64 / measured.seconds.max(f64::MIN_POSITIVE);
    SweepPoint {
        path,
        load: point.load,
        of_saturation: point.of_saturation,
        frames_per_second: measured.frames_per_second(),
        goodput_per_second: measured.bounded.then(|| a_second(measured.in_bound)),
        offered_per_second: open.then(|| a_second(measured.offered)),
        latency_ns: measured.latency(),
        frames: measured.tally.frames(),
        failed: measured.failed,
        rejected: measured.rejected,
        timed_out: measured.timed_out,
        cpu_ns_per_inference: measured.cpu_ns_per_inference(),
        memory: point.memory,
        windows,
        stages_ns: sandboxed.then(|| measured.tally.stages()).flatten(),
    }
}
