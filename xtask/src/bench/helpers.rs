//! `cargo xtask bench helpers`: what the SDK's picture helpers take in the sandbox, beside the twin.
//!
//! A test guest (`tests/guests/helpers`) runs one helper as often as a frame tells it to, and `tollgate run` hands each
//! frame to the sandboxed guest and to its twin in turn. What is compared is time inside guest code alone, the
//! ledger's `guest` stage, so no crossing is in it. A run lasts a fraction of a second; the cases take turns, and
//! each ratio is one run's. The median over the runs is given, and the middle half of them. A twin that answers anything
//! else than the sandbox is an error.
//!
//! Decoding a JPEG is no helper of ours: it is reported beside them, and no bound is set for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::rounds;
use crate::{shell, workspace::Workspace};

/// Runs of each case. Odd, so that a median is one of them.
const ROUNDS: usize = 15;
/// Frames of a run that are measured, and one more that warms up.
const FRAMES: usize = 10;
/// The picture that is decoded.
const JPEG: &str = "examples/meter-reader/frames/meter-000.jpg";

/// One thing to measure: what the guest is told, around how often it is to do it.
struct Case {
    helper: &'static str,
    case: &'static str,
    /// Calls a frame: together about a millisecond.
    times: u32,
    arguments: &'static str,
}

const fn case(
    helper: &'static str,
    case: &'static str,
    times: u32,
    arguments: &'static str,
) -> Case {
    Case {
        helper,
        case,
        times,
        arguments,
    }
}

const CASES: [Case; 11] = [
    case(
        "resize",
        "640x480 to 224x224, RGB",
        4,
        "640 480 3 224 224 bilinear",
    ),
    case(
        "resize",
        "320x240 to 96x96, grey",
        32,
        "320 240 1 96 96 bilinear",
    ),
    case(
        "resize",
        "20x30 to 28x28, grey",
        256,
        "20 30 1 28 28 bilinear",
    ),
    case(
        "resize",
        "25x30 to 16x16, grey",
        256,
        "25 30 1 16 16 bilinear",
    ),
    case(
        "crop",
        "480x360 of 640x480, RGB",
        64,
        "640 480 3 80 60 480 360",
    ),
    case(
        "crop",
        "24x30 of 240x60, grey",
        4096,
        "240 60 1 17 11 24 30",
    ),
    case("crop", "7x9 of 240x60, grey", 8192, "240 60 1 17 11 7 9"),
    case("hwc-to-chw", "224x224, RGB", 32, "224 224 3"),
    case("normalize", "224x224, RGB", 32, "224 224 3"),
    case("grayscale", "640x480, RGB", 16, "640 480 3"),
    case("jpeg", "288x84, colour to luma", 16, ""),
];

/// One case, as `--json` prints it. Times are nanoseconds for one call, medians over the rounds; so is the ratio,
/// which is therefore not exactly their quotient.
#[derive(Serialize)]
struct Row {
    helper: &'static str,
    case: &'static str,
    sandbox_ns: f64,
    twin_ns: f64,
    /// The sandbox's time over the twin's, in the same run.
    ratio: f64,
    spread: Spread,
}

/// The middle half of the rounds.
#[derive(Serialize)]
struct Spread {
    sandbox_ns: [f64; 2],
    twin_ns: [f64; 2],
    ratio: [f64; 2],
}

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// A run fails, or the twin's results are not the sandbox's.
pub fn helpers(workspace: &Workspace, json: bool) -> Result<()> {
    let folder = workspace.target("bench/helpers");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let mut all = Vec::new();
    for (place, case) in CASES.iter().enumerate() {
        let frame = folder.join(format!("{place:02}-{}", case.helper));
        let mut bytes = format!("{} {} {}\n", case.helper, case.times, case.arguments).into_bytes();
        if case.helper == "jpeg" {
            bytes.extend(fs::read(workspace.path(JPEG)).context("the example's first frame")?);
        }
        fs::write(&frame, bytes).with_context(|| format!("cannot write `{}`", frame.display()))?;
        all.push((case, frame, Vec::new()));
    }
    let host = super::built("tollgate")?;
    for round in 0..ROUNDS {
        if round % 5 == 0 {
            shell::say(&format!("round {} of {ROUNDS}", round + 1));
        }
        for (case, frame, measured) in &mut all {
            let run = run(workspace, &host, frame);
            let [sandbox, twin] = run.with_context(|| format!("{}, {}", case.helper, case.case))?;
            let calls = f64::from(case.times);
            measured.push([sandbox / calls, twin / calls, sandbox / twin]);
        }
    }
    let rows: Vec<Row> = all.iter().map(|(case, _, runs)| row(case, runs)).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        table(&rows);
    }
    Ok(())
}

/// One run: nanoseconds of a frame in the sandboxed guest and in its twin.
fn run(workspace: &Workspace, host: &Path, frame: &PathBuf) -> Result<[f64; 2]> {
    let mut command = Command::new(host);
    command
        .arg("run")
        .arg(workspace.target("guests/components/helpers.wasm"))
        .arg("--twin")
        .arg(workspace.target("guests/twins/helpers.so"))
        .args(["--json", "--workers", "1", "--repeat"])
        .arg((FRAMES + 1).to_string())
        .arg(frame);
    let report: Value = serde_json::from_str(&shell::read(&mut command)?)
        .context("`tollgate run` wrote no JSON")?;
    ensure!(
        report.get("twin_differs").and_then(Value::as_u64) == Some(0),
        "the twin's result differs from the sandbox's: run the tests"
    );
    let number = |path: &str| {
        let number = report.pointer(path).and_then(Value::as_f64);
        number.with_context(|| format!("`tollgate run` reports no `{path}`"))
    };
    Ok([number("/stages_ns/guest")?, number("/toll/twin_total_ns")?])
}

fn row(case: &Case, runs: &[[f64; 3]]) -> Row {
    let [sandbox, twin, ratio] = [0, 1, 2].map(|which| {
        let numbers: Vec<f64> = runs
            .iter()
            .filter_map(|run| run.get(which))
            .copied()
            .collect();
        rounds(&numbers)
    });
    Row {
        helper: case.helper,
        case: case.case,
        sandbox_ns: sandbox.median,
        twin_ns: twin.median,
        ratio: ratio.median,
        spread: Spread {
            sandbox_ns: sandbox.middle,
            twin_ns: twin.middle,
            ratio: ratio.middle,
        },
    }
}

fn table(rows: &[Row]) {
    println!(
        "times in microseconds for one call; in brackets the middle half of {ROUNDS} rounds\n"
    );
    println!(
        "{:<12}{:<26}{:>9}{:>9}{:>8}",
        "helper", "case", "sandbox", "twin", "ratio"
    );
    for row in rows {
        let [low, high] = row.spread.ratio;
        println!(
            "{:<12}{:<26}{:>9.2}{:>9.2}{:>8.3} ({low:.3}..{high:.3})",
            row.helper,
            row.case,
            row.sandbox_ns / 1000.0,
            row.twin_ns / 1000.0,
            row.ratio,
        );
    }
}
