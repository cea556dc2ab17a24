//! `cargo xtask bench boundary`: what one inference pays to cross the boundary, ours beside upstream's.
//!
//! Four servers a workload, each in a process of its own, take turns: upstream's wasi-nn and our
//! runtime with the very same guest, our runtime with the `tollgate:nn` guest, and our native layer
//! over ONNX Runtime with no sandbox at all. A crossing is a call less ONNX Runtime's own run inside
//! that same call. A call is what one frame would make: the guest is entered, infers once, returns.
//!
//! A machine that others use too changes its speed by half from second to second. So turns are short,
//! every ratio is taken where both its parts were measured next to each other (inside one call, or
//! inside one round), and only then is the median over the rounds taken. The order of the turns
//! changes from round to round, so that nobody always follows the same neighbour.
//!
//! It knows the servers by their lines alone (see `tests/src/bin/boundary`): it links neither side.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use tollgate_stats::Rounds;

use crate::{shell, workspace::Workspace};
use server::{Micro, Round, Server};

pub mod against;
mod helpers;
mod jail;
mod languages;
pub mod peers;
mod server;

pub use helpers::helpers;
pub use jail::jail;
pub use languages::languages;

/// Turns that each server gets. Odd, so that a median is one of them.
const ROUNDS: usize = 101;
/// Rounds between two words on how far it is.
const SAY_EVERY: usize = 25;
/// Measurements of each small thing that stands beside the rows.
const MICRO_CALLS: usize = 100;
/// In the order of the first round.
const PATHS: [&str; 4] = ["upstream", "standard", "tollgate", "native"];

/// A model, and how many calls a turn has: enough to be warm, few enough to be short.
struct Workload {
    name: &'static str,
    model: &'static str,
    dimensions: &'static [u32],
    calls: usize,
}

const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "mobilenet_v2",
        model: "models/mobilenet_v2.onnx",
        dimensions: &[1, 3, 224, 224],
        calls: 5,
    },
    Workload {
        name: "mlp",
        model: "models/mlp.onnx",
        dimensions: &[1, 64],
        calls: 300,
    },
];

/// One path of one workload, as `--json` prints it. Times are nanoseconds for one inference, each the
/// median over the rounds of a round's median; a ratio likewise, so it is not exactly the quotient of
/// two such times.
#[derive(Serialize)]
struct Row {
    workload: &'static str,
    path: &'static str,
    /// What is left of a call when ONNX Runtime's run is taken out. Without a sandbox that is what
    /// our native layer adds.
    crossing_ns: f64,
    /// ONNX Runtime's run.
    infer_ns: f64,
    /// The call.
    total_ns: f64,
    /// The call without a sandbox.
    native_total_ns: f64,
    /// (crossing + infer) / infer, of each call.
    ratio_to_native: f64,
    upstream_crossing_ns: f64,
    /// The crossing, divided by upstream's in the same round.
    ratio_to_upstream: f64,
    spread: Spread,
}

/// The middle half of the rounds, and the single call that was disturbed least.
#[derive(Serialize)]
struct Spread {
    crossing_ns: [f64; 2],
    ratio_to_upstream: [f64; 2],
    least_crossing_ns: f64,
    /// By upstream's least.
    least_ratio_to_upstream: f64,
}

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// Something does not build, a server ends early, or it answers what was not asked.
pub fn boundary(json: bool) -> Result<()> {
    let setup = Setup::new("boundary")?;
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    for workload in &WORKLOADS {
        measure(&setup, workload, &mut rows, &mut notes)?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        notes.iter().for_each(|note| shell::say(note));
    } else {
        table(&rows);
        notes.iter().for_each(|note| println!("{note}"));
    }
    Ok(())
}

/// Where the things that the servers need lie.
struct Setup {
    workspace: Workspace,
    onnxruntime: PathBuf,
    ours: PathBuf,
    upstream: PathBuf,
}

impl Setup {
    /// Builds both sides, with the same profile. Ours is the program called `ours`.
    fn new(ours: &str) -> Result<Self> {
        let workspace = Workspace::find()?;
        let upstream = build_upstream(&workspace, "boundary-upstream")?;
        shell::step("our side", || {
            let mut cargo = workspace.cargo("build");
            // With the host named too, the features are those that it was built with, and nothing
            // compiles twice.
            cargo.args(["--package", "tollgate", "--package", "tollgate-tests"]);
            shell::run(cargo.args(["--bin", ours]))
        })?;
        Ok(Self {
            onnxruntime: onnx_runtime(&workspace)?,
            ours: built(ours)?,
            upstream,
            workspace,
        })
    }

    fn serve(&self, workload: &Workload, path: &'static str) -> Result<Server> {
        let guest = match path {
            "tollgate" => "guests/components/boundary-tollgate.wasm",
            _ => "guests/components/boundary-standard.wasm",
        };
        let what = serde_json::json!({
            "onnxruntime": self.onnxruntime,
            "component": self.workspace.target(guest),
            "model": self.workspace.target(workload.model),
            "input": "input",
            "dimensions": workload.dimensions,
        });
        let mut command = if path == "upstream" {
            Command::new(&self.upstream)
        } else {
            let mut command = Command::new(&self.ours);
            command.arg(path);
            command
        };
        Server::start(path, command.arg(what.to_string()))
    }
}

/// Builds one of upstream's programs, which are a workspace of their own.
pub fn build_upstream(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let peer = workspace.path("tests/peers/upstream");
    let target = peer.join("target");
    shell::step("upstream's side", || {
        let mut cargo = workspace.cargo("build");
        cargo.arg("--manifest-path").arg(peer.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(&target);
        shell::run(cargo.args(["--bin", name]))
    })?;
    Ok(target.join("debug").join(name))
}

/// A program of the workspace that Cargo has built.
pub fn built(name: &str) -> Result<PathBuf> {
    // This one lies in a folder of Cargo's target folder, wherever that was put.
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent);
    let target = target.context("xtask does not run from Cargo's target folder")?;
    Ok(target.join("debug").join(name))
}

/// The library that the host uses, for both sides.
pub fn onnx_runtime(workspace: &Workspace) -> Result<PathBuf> {
    let report = shell::read(workspace.host().args(["doctor", "--json"]))?;
    let report: Value = serde_json::from_str(&report).context("`tollgate doctor` wrote no JSON")?;
    let path = report.pointer("/onnxruntime/path").and_then(Value::as_str);
    Ok(path
        .context("`tollgate doctor` names no ONNX Runtime")?
        .into())
}

/// One path's rounds, each number a round's median.
#[derive(Default)]
struct Measured {
    crossing: Vec<f64>,
    infer: Vec<f64>,
    total: Vec<f64>,
    to_native: Vec<f64>,
    /// Of all calls of all rounds.
    least_crossing: f64,
}

impl Measured {
    fn add(&mut self, round: &Round) {
        let median = |of: fn(f64, f64) -> f64| {
            let calls = round.call_ns.iter().zip(&round.run_ns);
            quantile(calls.map(|(&call, &run)| of(call as f64, run as f64)), 0.5)
        };
        self.crossing.push(median(|call, run| call - run));
        self.infer.push(median(|_, run| run));
        self.total.push(median(|call, _| call));
        self.to_native.push(median(|call, run| call / run));
        let crossings = round.call_ns.iter().zip(&round.run_ns);
        let least = quantile(
            crossings.map(|(&call, &run)| call.saturating_sub(run) as f64),
            0.0,
        );
        let first = self.crossing.len() == 1;
        self.least_crossing = if first {
            least
        } else {
            least.min(self.least_crossing)
        };
    }
}

/// Measures one workload on all paths: their rows, and notes on what stands beside them.
fn measure(
    setup: &Setup,
    workload: &Workload,
    rows: &mut Vec<Row>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let mut servers = Vec::new();
    for path in PATHS {
        servers.push((setup.serve(workload, path)?, Measured::default()));
    }
    for (server, _) in &mut servers {
        server.round(workload.calls)?; // caches, clocks, pools
    }
    for round in 1..=ROUNDS {
        if round % SAY_EVERY == 1 {
            shell::say(&format!("{}: round {round} of {ROUNDS}", workload.name));
        }
        for (server, measured) in &mut servers {
            measured.add(&server.round(workload.calls)?);
        }
        servers.reverse();
        servers.rotate_left(1);
    }
    let of = |path| {
        let mut all = servers.iter().filter(|(server, _)| server.path == path);
        let found = all.next().map(|(_, measured)| measured);
        found.with_context(|| format!("nothing was measured on path `{path}`"))
    };
    let (upstream, native) = (of("upstream")?, of("native")?);
    for path in PATHS {
        rows.push(row(workload.name, path, of(path)?, upstream, native));
    }
    for (server, _) in &mut servers {
        if matches!(server.path, "standard" | "tollgate") {
            notes.push(note(
                workload.name,
                server.path,
                &server.micro(MICRO_CALLS)?,
            ));
        }
    }
    Ok(())
}

fn row(
    workload: &'static str,
    path: &'static str,
    it: &Measured,
    upstream: &Measured,
    native: &Measured,
) -> Row {
    let crossing = rounds(&it.crossing);
    let to_upstream = ratios(&it.crossing, &upstream.crossing);
    Row {
        workload,
        path,
        crossing_ns: crossing.median,
        infer_ns: rounds(&it.infer).median,
        total_ns: rounds(&it.total).median,
        native_total_ns: rounds(&native.total).median,
        ratio_to_native: rounds(&it.to_native).median,
        upstream_crossing_ns: rounds(&upstream.crossing).median,
        ratio_to_upstream: to_upstream.median,
        spread: Spread {
            crossing_ns: crossing.middle,
            ratio_to_upstream: to_upstream.middle,
            least_crossing_ns: it.least_crossing,
            least_ratio_to_upstream: it.least_crossing / upstream.least_crossing,
        },
    }
}

/// [`tollgate_stats::quantile`]; zero of none.
pub fn quantile(numbers: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    tollgate_stats::quantile(numbers, share).unwrap_or_default()
}

/// The median and the middle half of one number for each round; zeros without a round.
pub fn rounds(numbers: &[f64]) -> Rounds {
    Rounds::of(numbers.iter().copied()).unwrap_or_default()
}

/// As [`rounds`], of the ratio within each round.
pub fn ratios(numbers: &[f64], to: &[f64]) -> Rounds {
    Rounds::ratios(numbers.iter().copied(), to.iter().copied()).unwrap_or_default()
}

fn table(rows: &[Row]) {
    println!(
        "times in microseconds for one inference; in brackets the middle half of {ROUNDS} rounds\n"
    );
    println!(
        "{:<14}{:<10}{:>9} {:<18}{:>10}{:>11}{:>13} {:<14}",
        "workload", "path", "crossing", "", "infer", "to native", "to upstream", ""
    );
    for row in rows {
        let [low, high] = row.spread.crossing_ns.map(|ns| ns / 1000.0);
        let [least, most] = row.spread.ratio_to_upstream;
        println!(
            "{:<14}{:<10}{:>9.2} {:<18}{:>10.2}{:>11.4}{:>13.3} {:<14}",
            row.workload,
            row.path,
            row.crossing_ns / 1000.0,
            format!("({low:.2}..{high:.2})"),
            row.infer_ns / 1000.0,
            row.ratio_to_native,
            row.ratio_to_upstream,
            format!("({least:.3}..{most:.3})"),
        );
    }
    println!();
}

/// What stands beside a row: the smallest things, medians and the least.
fn note(workload: &str, path: &str, micro: &Micro) -> String {
    format!(
        "{workload} {path}: empty call {:.0} ns (least {:.0}), instantiate and drop {:.1} us \
         (least {:.1}), ledger {:.1} stamps of {:.1} ns = {:.0} ns an inference, nothing behind the \
         imports {:.0} ns (least {:.0})",
        micro.empty_call_ns,
        micro.least_empty_call_ns,
        micro.instantiate_drop_ns / 1000.0,
        micro.least_instantiate_drop_ns / 1000.0,
        micro.stamps_per_inference,
        micro.stamp_ns,
        micro.probe_ns_per_inference,
        micro.bare_call_ns,
        micro.least_bare_call_ns,
    )
}
