//! `cargo xtask bench boundary`: what one inference pays to cross the boundary, ours beside upstream's.
//!
//! Four servers a workload, each in a process of its own, take turns: upstream's wasi-nn and our
//! runtime with the very same guest, our runtime with the `tollgate:nn` guest, and ONNX Runtime with
//! no sandbox at all. A crossing is a call less ONNX Runtime's own run inside that same call, each
//! side by its own clock readings, so the machine's slow minutes fall on both parts of the difference.
//! A number is the median over the rounds of each round's median; [`Spread`] says how far the rounds
//! lay apart, and what the least disturbed single call gave.
//!
//! It knows the servers by their lines alone (see `tests/src/bin/boundary`): it links neither side.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{shell, workspace::Workspace};
use server::{Micro, Round, Server};

mod server;

/// Turns that each server gets. Odd, so that a median is one of them.
const ROUNDS: usize = 15;
/// Measurements of each small thing that stands beside the rows.
const MICRO_CALLS: usize = 100;
/// The order of the first round; each later round begins one further on.
const PATHS: [&str; 4] = ["upstream", "standard", "tollgate", "native"];

/// A model, and how to measure it. `times` inferences a call spread the cost of the outer call, which
/// is no part of an inference, over a model that takes microseconds.
struct Workload {
    name: &'static str,
    model: &'static str,
    dimensions: &'static [u32],
    calls: usize,
    times: u32,
}

const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "mobilenet_v2",
        model: "models/mobilenet_v2.onnx",
        dimensions: &[1, 3, 224, 224],
        calls: 25,
        times: 1,
    },
    Workload {
        name: "mlp",
        model: "models/mlp.onnx",
        dimensions: &[1, 64],
        calls: 2000,
        times: 1,
    },
];

/// One path of one workload, as `--json` prints it. Times are nanoseconds for one inference.
#[derive(Serialize)]
struct Row {
    workload: &'static str,
    path: &'static str,
    /// What is left of a call when ONNX Runtime's run is taken out.
    crossing_ns: f64,
    /// ONNX Runtime's run.
    infer_ns: f64,
    /// The call.
    total_ns: f64,
    /// The call without a sandbox.
    native_total_ns: f64,
    /// (crossing + infer) / infer.
    ratio_to_native: f64,
    upstream_crossing_ns: f64,
    ratio_to_upstream: f64,
    spread: Spread,
}

/// How far the rounds' medians lay apart, in nanoseconds of crossing; `least` is the single call
/// that was disturbed least.
#[derive(Serialize, Clone, Copy)]
struct Spread {
    least: f64,
    lower_quartile: f64,
    upper_quartile: f64,
    /// The least of upstream's, divided.
    least_ratio_to_upstream: f64,
}

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// Something does not build, a server ends early, or it answers what was not asked.
pub fn boundary(json: bool) -> Result<()> {
    let setup = Setup::new()?;
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
    /// Builds both sides, with the same profile.
    fn new() -> Result<Self> {
        let workspace = Workspace::find()?;
        let peer = workspace.path("tests/peers/upstream");
        shell::step("upstream's side of the boundary", || {
            let mut cargo = workspace.cargo("build");
            cargo.arg("--manifest-path").arg(peer.join("Cargo.toml"));
            shell::run(cargo.arg("--target-dir").arg(peer.join("target")))
        })?;
        shell::step("our side of the boundary", || {
            let mut cargo = workspace.cargo("build");
            // With the host named too, the features are those that it was built with, and nothing
            // compiles twice.
            cargo.args(["--package", "tollgate", "--package", "tollgate-tests"]);
            shell::run(cargo.args(["--bin", "boundary"]))
        })?;
        // This program lies in a folder of Cargo's target folder, wherever that was put.
        let program = std::env::current_exe()?;
        let target = program.parent().and_then(Path::parent);
        let target = target.context("xtask does not run from Cargo's target folder")?;
        Ok(Self {
            onnxruntime: onnx_runtime(&workspace)?,
            ours: target.join("debug/boundary"),
            upstream: peer.join("target/debug/boundary-upstream"),
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

/// The library that the host uses, for both sides.
fn onnx_runtime(workspace: &Workspace) -> Result<PathBuf> {
    let report = shell::read(workspace.host().args(["doctor", "--json"]))?;
    let report: Value = serde_json::from_str(&report).context("`tollgate doctor` wrote no JSON")?;
    let path = report.pointer("/onnxruntime/path").and_then(Value::as_str);
    Ok(path
        .context("`tollgate doctor` names no ONNX Runtime")?
        .into())
}

/// One path's rounds, each number a round's median for one inference.
#[derive(Default)]
struct Measured {
    crossing: Vec<f64>,
    infer: Vec<f64>,
    total: Vec<f64>,
    /// Of all calls of all rounds.
    least_crossing: f64,
}

impl Measured {
    fn add(&mut self, round: &Round, times: u32) {
        let each = |ns: u64| ns as f64 / f64::from(times);
        let calls = round.call_ns.iter().zip(&round.run_ns);
        let mut crossing: Vec<f64> = calls
            .map(|(&call, &run)| each(call.saturating_sub(run)))
            .collect();
        let mut infer: Vec<f64> = round.run_ns.iter().map(|&run| each(run)).collect();
        let mut total: Vec<f64> = round.call_ns.iter().map(|&call| each(call)).collect();
        let least = quantile(&mut crossing, 0.0);
        if self.crossing.is_empty() || least < self.least_crossing {
            self.least_crossing = least;
        }
        self.crossing.push(quantile(&mut crossing, 0.5));
        self.infer.push(quantile(&mut infer, 0.5));
        self.total.push(quantile(&mut total, 0.5));
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
        server.round(workload.calls, workload.times)?; // caches, clocks, pools
    }
    for round in 1..=ROUNDS {
        shell::say(&format!("{}: round {round} of {ROUNDS}", workload.name));
        for (server, measured) in &mut servers {
            measured.add(
                &server.round(workload.calls, workload.times)?,
                workload.times,
            );
        }
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
    let at = |numbers: &[f64], q| quantile(&mut numbers.to_vec(), q);
    let crossing_ns = at(&it.crossing, 0.5);
    let infer_ns = at(&it.infer, 0.5);
    let upstream_crossing_ns = at(&upstream.crossing, 0.5);
    Row {
        workload,
        path,
        crossing_ns,
        infer_ns,
        total_ns: at(&it.total, 0.5),
        native_total_ns: at(&native.total, 0.5),
        ratio_to_native: (crossing_ns + infer_ns) / infer_ns,
        upstream_crossing_ns,
        ratio_to_upstream: crossing_ns / upstream_crossing_ns,
        spread: Spread {
            least: it.least_crossing,
            lower_quartile: at(&it.crossing, 0.25),
            upper_quartile: at(&it.crossing, 0.75),
            least_ratio_to_upstream: it.least_crossing / upstream.least_crossing,
        },
    }
}

/// The number below which the share `q` of `numbers` lies; zero of none.
fn quantile(numbers: &mut [f64], q: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1) as f64;
    let index = (last * q).round() as usize;
    numbers.get(index).copied().unwrap_or(0.0)
}

fn table(rows: &[Row]) {
    println!("times in microseconds for one inference; quartiles over {ROUNDS} rounds\n");
    println!(
        "{:<14}{:<10}{:>10}{:>18}{:>10}{:>12}{:>11}{:>13}",
        "workload", "path", "crossing", "quartiles", "least", "infer", "to native", "to upstream"
    );
    for row in rows {
        let us = |ns: f64| format!("{:.2}", ns / 1000.0);
        let quartiles = format!(
            "{}..{}",
            us(row.spread.lower_quartile),
            us(row.spread.upper_quartile)
        );
        println!(
            "{:<14}{:<10}{:>10}{:>18}{:>10}{:>12}{:>11.4}{:>13.3}",
            row.workload,
            row.path,
            us(row.crossing_ns),
            quartiles,
            us(row.spread.least),
            us(row.infer_ns),
            row.ratio_to_native,
            row.ratio_to_upstream
        );
    }
}

/// What stands beside a row: the smallest things, medians and the least.
fn note(workload: &str, path: &str, micro: &Micro) -> String {
    format!(
        "{workload} {path}: empty call {:.0} ns (least {:.0}), instantiate and drop {:.1} us \
         (least {:.1}), ledger {:.1} stamps of {:.1} ns = {:.0} ns an inference",
        micro.empty_call_ns,
        micro.least_empty_call_ns,
        micro.instantiate_drop_ns / 1000.0,
        micro.least_instantiate_drop_ns / 1000.0,
        micro.stamps_per_inference,
        micro.stamp_ns,
        micro.probe_ns_per_inference,
    )
}
