//! `cargo xtask bench languages`: what one inference pays to cross the boundary, from each language's SDK.
//!
//! The guest `repeat` does the same inferences of the same small model in every language, each in a server of its own
//! (`tests/src/bin/languages`); the servers take turns, so that whatever else the machine does meets all of them. An
//! inference's crossing is what a frame of many inferences takes more than a frame of none, without ONNX Runtime's runs, divided by
//! their number: the guest's own work for a call is in it, a frame's way in and out is not. Ratios are taken inside a
//! round, and only then is the median over the rounds.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use super::{built, onnx_runtime, quantile, ratios, rounds, server::Server};
use crate::{shell, workspace::Workspace};

/// Turns that each server gets. Odd, so that a median is one of them.
const ROUNDS: usize = 101;
/// Rounds between two words on how far it is.
const SAY_EVERY: usize = 25;

/// One server.
struct Path {
    lang: &'static str,
    interface: &'static str,
    guest: &'static str,
    how: char,
    /// Inferences of a frame, and frames of a turn: about a millisecond together.
    inferences: u8,
    frames: usize,
}

const fn path(
    lang: &'static str,
    (interface, how): (&'static str, char),
    guest: &'static str,
    (inferences, frames): (u8, usize),
) -> Path {
    Path {
        lang,
        interface,
        guest,
        how,
        inferences,
        frames,
    }
}

/// The interfaces, and the guest's words for them.
const TOLLGATE_NN: (&str, char) = ("tollgate:nn", 'i');
const WASI_NN: (&str, char) = ("wasi:nn", 'c');
const PREVIEW1: (&str, char) = ("wasi_ephemeral_nn", 'i');

const MANY: (u8, usize) = (50, 5);
const FEW: (u8, usize) = (5, 2);

const PATHS: [Path; 14] = [
    path("rust", TOLLGATE_NN, "repeat", MANY),
    path("c", TOLLGATE_NN, "repeat-c", MANY),
    path("cpp", TOLLGATE_NN, "repeat-cpp", MANY),
    path("zig", TOLLGATE_NN, "repeat-zig", MANY),
    path("python", TOLLGATE_NN, "repeat-python", FEW),
    path("js", TOLLGATE_NN, "repeat-js", FEW),
    path("rust", WASI_NN, "repeat", MANY),
    path("c", WASI_NN, "repeat-c", MANY),
    path("cpp", WASI_NN, "repeat-cpp", MANY),
    path("zig", WASI_NN, "repeat-zig", MANY),
    path("python", WASI_NN, "repeat-python", FEW),
    path("js", WASI_NN, "repeat-js", FEW),
    path("rust", PREVIEW1, "preview1-repeat", MANY),
    path("assemblyscript", PREVIEW1, "repeat-assemblyscript", MANY),
];

/// One path, as `--json` prints it. Times are nanoseconds for one inference, each the median over the rounds; a ratio
/// likewise, so it is not exactly the quotient of two such times.
#[derive(Serialize)]
struct Row {
    lang: &'static str,
    interface: &'static str,
    crossing_ns: f64,
    infer_ns: f64,
    /// The crossing, divided by that of Rust by the same interface in the same round.
    ratio_to_rust: f64,
    /// Likewise, by that of Rust as a component on standard wasi:nn.
    ratio_to_rust_standard: f64,
    spread: Spread,
}

/// The middle half of the rounds.
#[derive(Serialize)]
struct Spread {
    crossing_ns: [f64; 2],
    ratio_to_rust: [f64; 2],
    ratio_to_rust_standard: [f64; 2],
}

/// A server and what its rounds gave.
struct Measured {
    path: &'static Path,
    server: Server,
    crossing: Vec<f64>,
    infer: Vec<f64>,
}

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// The servers do not build, one ends early, or it answers what was not asked.
pub fn languages(workspace: &Workspace, json: bool) -> Result<()> {
    shell::step("the servers", || {
        let mut cargo = workspace.cargo("build");
        // With the host named too, nothing compiles twice.
        cargo.args(["--package", "tollgate", "--package", "tollgate-tests"]);
        shell::run(cargo.args(["--bin", "languages"]))
    })?;
    let (program, onnxruntime) = (built("languages")?, onnx_runtime(workspace)?);
    let mut all = Vec::new();
    for path in &PATHS {
        let what = serde_json::json!({
            "onnxruntime": onnxruntime,
            "component": workspace.target(&format!("guests/components/{}.wasm", path.guest)),
            "model": workspace.target("models/mlp.onnx"),
            "cache": workspace.target("tmp/steady"),
            "how": path.how,
        });
        let mut server = Server::start(path.lang, Command::new(&program).arg(what.to_string()))?;
        server.round_of(path.frames, path.inferences)?; // caches, clocks, pools
        all.push(Measured {
            path,
            server,
            crossing: Vec::new(),
            infer: Vec::new(),
        });
    }
    for round in 1..=ROUNDS {
        if round % SAY_EVERY == 1 {
            shell::say(&format!("round {round} of {ROUNDS}"));
        }
        for measured in &mut all {
            measured.turn()?;
        }
        // The order changes, so that nobody always follows the same neighbour.
        all.reverse();
        all.rotate_left(1);
    }
    let mut rows = Vec::new();
    for path in &PATHS {
        rows.push(row(&all, path)?);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        table(&rows);
    }
    Ok(())
}

impl Measured {
    fn turn(&mut self) -> Result<()> {
        let Path {
            inferences, frames, ..
        } = *self.path;
        let none = self.server.round_of(frames, 0)?;
        let many = self.server.round_of(frames, inferences)?;
        let frame = quantile(none.call_ns.iter().map(|&call| call as f64), 0.5);
        let calls = many.call_ns.iter().zip(&many.run_ns);
        let outside = calls.map(|(&call, &run)| call as f64 - run as f64);
        let inferences = f64::from(inferences);
        self.crossing
            .push((quantile(outside, 0.5) - frame) / inferences);
        let runs = many.run_ns.iter().map(|&run| run as f64 / inferences);
        self.infer.push(quantile(runs, 0.5));
        Ok(())
    }
}

fn row(all: &[Measured], path: &Path) -> Result<Row> {
    let of = |lang: &str, interface: &str| {
        let mut found = all
            .iter()
            .filter(|one| one.path.lang == lang && one.path.interface == interface);
        let found = found.next();
        found.with_context(|| format!("nothing was measured of `{lang}` by `{interface}`"))
    };
    let own = of(path.lang, path.interface)?;
    let crossing = rounds(&own.crossing);
    let to_rust = ratios(&own.crossing, &of("rust", path.interface)?.crossing);
    let to_standard = ratios(&own.crossing, &of("rust", WASI_NN.0)?.crossing);
    Ok(Row {
        lang: path.lang,
        interface: path.interface,
        crossing_ns: crossing.median,
        infer_ns: rounds(&own.infer).median,
        ratio_to_rust: to_rust.median,
        ratio_to_rust_standard: to_standard.median,
        spread: Spread {
            crossing_ns: crossing.middle,
            ratio_to_rust: to_rust.middle,
            ratio_to_rust_standard: to_standard.middle,
        },
    })
}

fn table(rows: &[Row]) {
    println!(
        "times in microseconds for one inference of the MLP; in brackets the middle half of {ROUNDS} rounds\n"
    );
    println!(
        "{:<16}{:<19}{:>9} {:<18}{:>8}{:>9} {:<16}{:>23}",
        "language", "interface", "crossing", "", "infer", "to Rust", "", "to Rust, standard"
    );
    for row in rows {
        let [low, high] = row.spread.crossing_ns.map(|ns| ns / 1000.0);
        let [least, most] = row.spread.ratio_to_rust;
        let [least_standard, most_standard] = row.spread.ratio_to_rust_standard;
        println!(
            "{:<16}{:<19}{:>9.2} {:<18}{:>8.2}{:>9.3} {:<16}{:>9.3} ({least_standard:.3}..{most_standard:.3})",
            row.lang,
            row.interface,
            row.crossing_ns / 1000.0,
            format!("({low:.2}..{high:.2})"),
            row.infer_ns / 1000.0,
            row.ratio_to_rust,
            format!("({least:.3}..{most:.3})"),
            row.ratio_to_rust_standard,
        );
    }
}
