//! `cargo xtask bench peers`: how many guests at once fare, ours beside upstream's and Python's.
//!
//! Five servers a workload and number of guests, each in a process of its own, take turns. In a turn
//! all guests of one server call without a pause, one inference a call, on the same model and the
//! same inputs; a turn has a lead that is not counted. Before the first turn all servers must have
//! given the same answer to the same input.
//!
//! - `upstream`: Wasmtime's wasi-nn with its ONNX backend, a thread and a store for each guest, all on
//!   one graph. It keeps that graph's session behind a mutex, and its session has ONNX Runtime's default
//!   of as many threads as there are cores. That default is also what serves it best: with one inference
//!   at a time, threads inside it are the only way to the other cores. It cannot be set from outside.
//! - `python`: ONNX Runtime's own package, a thread for each guest, all on one session with one thread
//!   inside an inference, as ours has; the inferences of different threads run at the same time.
//! - `native`: our own layer over ONNX Runtime, a thread for each guest, no sandbox and no batching.
//! - `concurrent`: our sandboxes running the very guest that upstream runs, batching off.
//! - `batched`: the same, with the batcher as it is by default.
//!
//! Numbers are medians over the turns; a ratio is taken within a round, where both its parts were
//! measured next to each other, and then its median over the rounds. The order of turns changes from
//! round to round. A percentile is one turn's: of fewer than a hundred calls the 99th is the slowest.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::{
    Setup, quantile, ratios, rounds,
    server::{Load, Server},
};
use crate::{python, shell};

/// In the order of the first round.
const PATHS: [&str; 5] = ["upstream", "python", "native", "concurrent", "batched"];

/// What `bench peers` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON array
    #[arg(long)]
    json: bool,

    /// Two short rounds of everything: shows that it works, and no figure worth keeping
    #[arg(long)]
    quick: bool,

    /// Measure this workload only; may be given again for others
    #[arg(long, value_name = "WORKLOAD", value_parser = WORKLOADS.map(|workload| workload.name))]
    only: Vec<String>,
}

/// A model, and how it is measured with how many guests.
struct Workload {
    name: &'static str,
    input: &'static str,
    dimensions: &'static [u32],
    points: [Point; 2],
}

/// So many guests, in turns that are long enough for a hundred calls where those are long, and rounds
/// enough for a steady median.
#[derive(Clone, Copy)]
struct Point {
    guests: u32,
    measured_ms: u64,
    rounds: usize,
}

const fn point(guests: u32, measured_ms: u64, rounds: usize) -> Point {
    Point {
        guests,
        measured_ms,
        rounds,
    }
}

const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "mobilenet_v2",
        input: "input",
        dimensions: &[1, 3, 224, 224],
        points: [point(1, 500, 9), point(8, 1000, 15)],
    },
    Workload {
        name: "resnet18",
        input: "input",
        dimensions: &[1, 3, 224, 224],
        points: [point(1, 1000, 7), point(8, 2000, 9)],
    },
    Workload {
        name: "mlp",
        input: "input",
        dimensions: &[1, 64],
        points: [point(1, 200, 15), point(8, 200, 15)],
    },
    Workload {
        name: "mlp1024",
        input: "input",
        dimensions: &[1, 784],
        points: [point(1, 200, 15), point(16, 400, 21)],
    },
    Workload {
        name: "digits",
        input: "digits",
        dimensions: &[1, 1, 16, 16],
        points: [point(1, 200, 15), point(8, 200, 15)],
    },
];

/// One path of one workload with so many guests, as `--json` prints it.
#[derive(Serialize)]
struct Row {
    workload: &'static str,
    guests: u32,
    path: &'static str,
    /// How many inferences are merged into one run at most; null where the path merges none.
    merges: Option<u32>,
    /// Of all guests together.
    inferences_per_s: f64,
    /// What a guest waits for one, from its call to the answer.
    p50_ns: f64,
    p99_ns: f64,
    ratio_throughput_to_upstream: f64,
    ratio_p99_to_upstream: f64,
    /// By our own sandboxes without batching.
    ratio_throughput_to_concurrent: f64,
    spread: Spread,
}

/// The middle half of the rounds, how many those were, and what a percentile rests on.
#[derive(Serialize)]
struct Spread {
    rounds: usize,
    /// Calls in the round that had the fewest.
    least_calls: usize,
    inferences_per_s: [f64; 2],
    p99_ns: [f64; 2],
    ratio_throughput_to_upstream: [f64; 2],
    ratio_p99_to_upstream: [f64; 2],
    ratio_throughput_to_concurrent: [f64; 2],
}

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// Something does not build, a server ends early, or two of them compute different things.
pub fn run(args: &Args) -> Result<()> {
    let servers = Servers::new()?;
    let mut rows = Vec::new();
    for workload in &WORKLOADS {
        if !args.only.is_empty() && !args.only.iter().any(|name| name == workload.name) {
            continue;
        }
        for point in workload.points {
            let point = if args.quick {
                Point {
                    measured_ms: point.measured_ms / 4,
                    rounds: 2,
                    ..point
                }
            } else {
                point
            };
            measure(&servers, workload, point, &mut rows)?;
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        table(&rows);
    }
    Ok(())
}

/// What the servers are started from.
struct Servers {
    setup: Setup,
    python: std::path::PathBuf,
}

impl Servers {
    fn new() -> Result<Self> {
        let setup = Setup::new("peers")?;
        let python = python::ensure(&setup.workspace, &python::ONNX_RUNTIME)?;
        Ok(Self { setup, python })
    }

    fn start(&self, workload: &Workload, guests: u32, path: &'static str) -> Result<Server> {
        let Setup {
            workspace,
            onnxruntime,
            ours,
            upstream,
        } = &self.setup;
        let what = serde_json::json!({
            "onnxruntime": onnxruntime,
            "component": workspace.target("guests/components/boundary-standard.wasm"),
            "model": workspace.target(&format!("models/{}.onnx", workload.name)),
            "input": workload.input,
            "dimensions": workload.dimensions,
            "guests": guests,
        });
        let mut command = match path {
            "upstream" => Command::new(upstream),
            "python" => Command::new(&self.python),
            _ => Command::new(ours),
        };
        match path {
            "upstream" => {}
            "python" => {
                let script = workspace.path("tests/peers/python/server.py");
                command.arg("-B").arg(script);
            }
            _ => {
                command.arg(path);
            }
        }
        Server::start(path, command.arg(what.to_string()))
    }
}

/// One path's rounds.
#[derive(Default)]
struct Measured {
    per_second: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    least_calls: Option<usize>,
}

impl Measured {
    fn add(&mut self, load: &Load, measured_ms: u64) {
        let calls = load.latency_ns.len();
        let at = |q| quantile(load.latency_ns.iter().map(|&ns| ns as f64), q);
        self.per_second
            .push(calls as f64 * 1000.0 / measured_ms as f64);
        self.p50.push(at(0.5));
        self.p99.push(at(0.99));
        self.least_calls = Some(self.least_calls.map_or(calls, |least| least.min(calls)));
    }
}

/// Measures one workload with so many guests on all paths.
fn measure(
    servers: &Servers,
    workload: &Workload,
    point: Point,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let Point {
        guests,
        measured_ms,
        rounds,
    } = point;
    shell::say(&format!(
        "{}, {guests} at once: {rounds} rounds of {measured_ms} ms",
        workload.name
    ));
    let mut all = Vec::new();
    for path in PATHS {
        all.push((servers.start(workload, guests, path)?, Measured::default()));
    }
    compare(all.iter().map(|(server, _)| server))?;
    // Threads start, caches fill and processors wake up in it.
    let lead_ms = (measured_ms / 8).max(20);
    for _ in 0..rounds {
        for (server, measured) in &mut all {
            measured.add(&server.load(lead_ms, measured_ms)?, measured_ms);
        }
        all.reverse();
        all.rotate_left(1);
    }
    all.sort_by_key(|(server, _)| PATHS.iter().position(|path| *path == server.path));
    let of = |path| {
        let found = all.iter().find(|(server, _)| server.path == path);
        let found = found.map(|(_, measured)| measured);
        found.with_context(|| format!("nothing was measured on path `{path}`"))
    };
    let (upstream, concurrent) = (of("upstream")?, of("concurrent")?);
    for (server, measured) in &all {
        rows.push(row(
            workload.name,
            guests,
            server,
            measured,
            upstream,
            concurrent,
        ));
    }
    Ok(())
}

/// Holds the servers' first answers against each other: what computes something else is no peer.
fn compare<'a>(mut servers: impl Iterator<Item = &'a Server>) -> Result<()> {
    let first = servers.next().context("there are no servers")?;
    for other in servers {
        let (Some(a), Some(b)) = (first.ready.answer, other.ready.answer) else {
            continue;
        };
        ensure!(
            (a - b).abs() <= 1e-3 * a.abs().max(1.0),
            "path `{}` answers {a} and path `{}` {b} to the same input: they do not compute the same",
            first.path,
            other.path
        );
        let (a, b) = (&first.ready.onnxruntime, &other.ready.onnxruntime);
        if a != b {
            shell::say(&format!(
                "note: path `{}` has ONNX Runtime {a}, path `{}` has {b}",
                first.path, other.path
            ));
        }
    }
    Ok(())
}

fn row(
    workload: &'static str,
    guests: u32,
    server: &Server,
    it: &Measured,
    upstream: &Measured,
    concurrent: &Measured,
) -> Row {
    let per_second = rounds(&it.per_second);
    let own_p99 = rounds(&it.p99);
    let throughput = ratios(&it.per_second, &upstream.per_second);
    let p99 = ratios(&it.p99, &upstream.p99);
    let to_concurrent = ratios(&it.per_second, &concurrent.per_second);
    Row {
        workload,
        guests,
        path: server.path,
        merges: server.ready.merged.filter(|&merged| merged > 1),
        inferences_per_s: per_second.median,
        p50_ns: rounds(&it.p50).median,
        p99_ns: own_p99.median,
        ratio_throughput_to_upstream: throughput.median,
        ratio_p99_to_upstream: p99.median,
        ratio_throughput_to_concurrent: to_concurrent.median,
        spread: Spread {
            rounds: it.per_second.len(),
            least_calls: it.least_calls.unwrap_or_default(),
            inferences_per_s: per_second.middle,
            p99_ns: own_p99.middle,
            ratio_throughput_to_upstream: throughput.middle,
            ratio_p99_to_upstream: p99.middle,
            ratio_throughput_to_concurrent: to_concurrent.middle,
        },
    }
}

fn table(rows: &[Row]) {
    println!(
        "latencies in milliseconds; in brackets the middle half of the rounds; after `batched` how many \
         inferences are merged into one at most\n"
    );
    println!(
        "{:<13}{:>6} {:<14}{:>12}{:>10}{:>10}{:>12} {:<13}{:>14} {:<13}{:>14}",
        "workload",
        "guests",
        "path",
        "inferences/s",
        "p50",
        "p99",
        "/ upstream",
        "",
        "p99 / upstream",
        "",
        "/ concurrent"
    );
    for row in rows {
        let path = match row.merges {
            Some(merges) => format!("{} ({merges})", row.path),
            None => row.path.to_owned(),
        };
        let spread = |[low, high]: [f64; 2]| format!("({low:.2}..{high:.2})");
        println!(
            "{:<13}{:>6} {:<14}{:>12.0}{:>10.3}{:>10.3}{:>12.2} {:<13}{:>14.3} {:<13}{:>14.2}",
            row.workload,
            row.guests,
            path,
            row.inferences_per_s,
            row.p50_ns / 1e6,
            row.p99_ns / 1e6,
            row.ratio_throughput_to_upstream,
            spread(row.spread.ratio_throughput_to_upstream),
            row.ratio_p99_to_upstream,
            spread(row.spread.ratio_p99_to_upstream),
            row.ratio_throughput_to_concurrent,
        );
    }
}
