//! `cargo xtask bench against REVISION`: what this checkout costs beside an earlier one.
//!
//! The earlier revision is checked out and built under `target/against`, with the same profile, unless a
//! folder of programs is given. Both
//! programs then run this checkout's guests and models, so that only the host differs. The servers of
//! `bench boundary` and `bench peers` take turns, and so do whole runs of the meter reader; every
//! ratio is of two measurements that stand next to each other, and the median over the rounds is given.
//! A ratio above one means that this checkout is slower.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::{WORKLOADS, built, onnx_runtime, quantile, ratios, rounds, server::Server};
use crate::{shell, workspace::Workspace};

/// Rounds of the short calls. Odd, so that a median is one of them.
const CALL_ROUNDS: usize = 101;
/// Rounds of many guests at once.
const LOAD_ROUNDS: usize = 15;
/// Runs of the meter reader.
const FRAME_ROUNDS: usize = 11;
/// Passes over the meter reader's frames in a run; the first is not measured.
const PASSES: &str = "6";

/// What `bench against` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The revision to compare with: anything that `git rev-parse` knows, or a folder with programs built earlier
    revision: String,

    /// The meter reader that both sides run, where the earlier host lacks what this checkout's imports
    #[arg(long, value_name = "COMPONENT")]
    meter_reader: Option<PathBuf>,

    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Many guests at once on one model.
struct Load {
    model: &'static str,
    input: &'static str,
    dimensions: &'static [u32],
    guests: u32,
    measured_ms: u64,
}

const LOADS: [Load; 2] = [
    Load {
        model: "mobilenet_v2",
        input: "input",
        dimensions: &[1, 3, 224, 224],
        guests: 8,
        measured_ms: 1000,
    },
    Load {
        model: "mlp1024",
        input: "input",
        dimensions: &[1, 784],
        guests: 16,
        measured_ms: 400,
    },
];

/// One thing measured on both sides, as `--json` prints it. The ratio is the median of the rounds' ratios.
#[derive(Serialize)]
struct Row {
    what: String,
    now_ns: f64,
    before_ns: f64,
    /// Now, divided by before in the same round.
    ratio: f64,
    /// The middle half of the rounds.
    spread: [f64; 2],
    rounds: usize,
}

/// Where one side's programs lie.
struct Side {
    programs: PathBuf,
}

/// What both sides share.
struct Setup {
    workspace: Workspace,
    onnxruntime: PathBuf,
    meter_reader: PathBuf,
    now: Side,
    before: Side,
}

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// The revision is not known or does not build, a server ends early, or a run fails.
pub fn run(args: &Args) -> Result<()> {
    let setup = Setup::new(args)?;
    let mut rows = Vec::new();
    for workload in &WORKLOADS {
        for path in ["standard", "tollgate", "native"] {
            calls(&setup, workload, path, &mut rows)?;
        }
    }
    for load in &LOADS {
        for path in ["concurrent", "batched"] {
            rows.push(many(&setup, load, path)?);
        }
    }
    // Told at the end: by then the other rows are measured, and are printed.
    let compared = frames(&setup).context(
        "the meter reader is not compared: an earlier host may lack what this checkout's plugin imports: name an earlier plugin with `--meter-reader`",
    );
    let failed = match compared {
        Ok(compared) => {
            rows.extend(compared);
            Ok(())
        }
        Err(error) => Err(error),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        table(&rows);
    }
    failed
}

impl Setup {
    fn new(args: &Args) -> Result<Self> {
        let workspace = Workspace::find()?;
        shell::step("this checkout", || build(&workspace.path("")))?;
        let before = earlier(&workspace, &args.revision)?;
        let now = built("tollgate")?;
        let programs = now.parent().context("a program without a folder")?;
        Ok(Self {
            onnxruntime: onnx_runtime(&workspace)?,
            meter_reader: args
                .meter_reader
                .clone()
                .unwrap_or_else(|| workspace.target("guests/components/meter-reader.wasm")),
            now: Side {
                programs: programs.to_owned(),
            },
            before: Side { programs: before },
            workspace,
        })
    }

    /// The same server on both sides: this checkout's first.
    fn pair(&self, program: &str, path: &'static str, what: &Value) -> Result<[Server; 2]> {
        let start = |side: &Side| {
            let mut command = Command::new(side.programs.join(program));
            Server::start(path, command.arg(path).arg(what.to_string()))
        };
        Ok([start(&self.now)?, start(&self.before)?])
    }
}

fn build(root: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args([
        "build",
        "--package",
        "tollgate",
        "--package",
        "tollgate-tests",
        "--bins",
    ]);
    shell::run(&mut cargo)
}

/// The folder with the earlier programs: as given, or built from the revision.
fn earlier(workspace: &Workspace, revision: &str) -> Result<PathBuf> {
    let given = Path::new(revision);
    if given.join("tollgate").is_file() {
        return Ok(given.to_owned());
    }
    let checkout = check_out(workspace, revision)?;
    shell::step("the earlier revision", || build(&checkout))?;
    Ok(checkout.join("target/debug"))
}

/// A checkout of the revision in a folder of its own, made once.
fn check_out(workspace: &Workspace, revision: &str) -> Result<PathBuf> {
    let root = workspace.path("");
    let mut git = Command::new("git");
    git.current_dir(&root)
        .args(["rev-parse", "--verify", "--end-of-options"])
        .arg(format!("{revision}^{{commit}}"));
    let commit = shell::read(&mut git)?;
    let commit = commit.trim();
    let folder = workspace.target("against").join(commit);
    if !folder.join("Cargo.toml").is_file() {
        let parent = workspace.target("against");
        fs::create_dir_all(&parent)
            .with_context(|| format!("cannot create `{}`", parent.display()))?;
        let mut git = Command::new("git");
        git.current_dir(&root)
            .args(["worktree", "add", "--force", "--detach"]);
        shell::run(git.arg(&folder).arg(commit))?;
    }
    Ok(folder)
}

/// One caller: the crossing and the whole call.
fn calls(
    setup: &Setup,
    workload: &super::Workload,
    path: &'static str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let name = format!("{}, {path}", workload.name);
    shell::say(&format!("{name}: {CALL_ROUNDS} rounds"));
    let guest = match path {
        "tollgate" => "guests/components/boundary-tollgate.wasm",
        _ => "guests/components/boundary-standard.wasm",
    };
    let what = json!({
        "onnxruntime": setup.onnxruntime,
        "component": setup.workspace.target(guest),
        "model": setup.workspace.target(workload.model),
        "input": "input",
        "dimensions": workload.dimensions,
    });
    let mut servers = setup.pair("boundary", path, &what)?;
    for server in &mut servers {
        server.round(workload.calls)?; // caches, clocks, pools
    }
    let mut crossing = Pairs::default();
    let mut total = Pairs::default();
    for round in 0..CALL_ROUNDS {
        let both = turn(&mut servers, round, |server| {
            let round = server.round(workload.calls)?;
            let calls = round.call_ns.iter().zip(&round.run_ns);
            let crossings = calls.map(|(call, run)| call.saturating_sub(*run) as f64);
            let totals = round.call_ns.iter().map(|&call| call as f64);
            Ok([quantile(crossings, 0.5), quantile(totals, 0.5)])
        })?;
        let [[now_crossing, now_total], [before_crossing, before_total]] = both;
        crossing.add(now_crossing, before_crossing);
        total.add(now_total, before_total);
    }
    rows.push(crossing.row(format!("{name}: crossing")));
    rows.push(total.row(format!("{name}: whole call")));
    Ok(())
}

/// Many guests at once: the time that one inference takes of all.
fn many(setup: &Setup, load: &Load, path: &'static str) -> Result<Row> {
    let name = format!("{}, {} guests, {path}", load.model, load.guests);
    shell::say(&format!("{name}: {LOAD_ROUNDS} rounds"));
    let what = json!({
        "onnxruntime": setup.onnxruntime,
        "component": setup.workspace.target("guests/components/boundary-standard.wasm"),
        "model": setup.workspace.target(&format!("models/{}.onnx", load.model)),
        "input": load.input,
        "dimensions": load.dimensions,
        "guests": load.guests,
    });
    let mut servers = setup.pair("peers", path, &what)?;
    let lead_ms = (load.measured_ms / 8).max(20);
    let mut pairs = Pairs::default();
    for round in 0..LOAD_ROUNDS {
        let [now, before] = turn(&mut servers, round, |server| {
            let answered = server.load(lead_ms, load.measured_ms)?.latency_ns.len();
            Ok(load.measured_ms as f64 * 1e6 / answered as f64)
        })?;
        pairs.add(now, before);
    }
    Ok(pairs.row(format!("{name}: time per inference")))
}

/// The meter reader, as a user runs it: a frame, and its time outside guest code and inference.
fn frames(setup: &Setup) -> Result<[Row; 2]> {
    shell::say(&format!("meter reader: {FRAME_ROUNDS} rounds"));
    let example = setup.workspace.path("examples/meter-reader");
    let mut sides = [&setup.now, &setup.before];
    let mut total = Pairs::default();
    let mut crossing = Pairs::default();
    let pictures = pictures(&example.join("frames"))?;
    for round in 0..FRAME_ROUNDS {
        let [now, before] = turn(&mut sides, round, |side| {
            let mut command = Command::new(side.programs.join("tollgate"));
            command
                .arg("run")
                .arg(&setup.meter_reader)
                .arg("--model")
                .arg(format!(
                    "digits={}",
                    example.join("models/digits.onnx").display()
                ))
                .args(["--json", "--workers", "1", "--repeat", PASSES])
                .args(&pictures);
            let report: Value = serde_json::from_str(&shell::read(&mut command)?)
                .context("`tollgate run` wrote no JSON")?;
            let stage = |name: &str| {
                let number = report
                    .pointer(&format!("/stages_ns/{name}"))
                    .and_then(Value::as_f64);
                number.with_context(|| format!("`tollgate run` reports no stage `{name}`"))
            };
            let crossing = stage("lift")? + stage("lower")? + stage("glue")?;
            Ok([crossing + stage("guest")? + stage("infer")?, crossing])
        })?;
        total.add(now[0], before[0]);
        crossing.add(now[1], before[1]);
    }
    Ok([
        total.row("meter reader: frame".to_owned()),
        crossing.row("meter reader: crossing".to_owned()),
    ])
}

/// The pictures in a folder, in order.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut pictures = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jpg") {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}

/// Measures both sides, in an order that changes from round to round; the result is in the order of `sides`.
fn turn<S, T>(
    sides: &mut [S; 2],
    round: usize,
    mut measure: impl FnMut(&mut S) -> Result<T>,
) -> Result<[T; 2]> {
    let [now, before] = sides;
    if round.is_multiple_of(2) {
        let first = measure(now)?;
        Ok([first, measure(before)?])
    } else {
        let first = measure(before)?;
        Ok([measure(now)?, first])
    }
}

/// One thing measured on both sides, round by round.
#[derive(Default)]
struct Pairs {
    now: Vec<f64>,
    before: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, now: f64, before: f64) {
        self.now.push(now);
        self.before.push(before);
    }

    fn row(&self, what: String) -> Row {
        let ratio = ratios(&self.now, &self.before);
        Row {
            what,
            now_ns: rounds(&self.now).median,
            before_ns: rounds(&self.before).median,
            ratio: ratio.median,
            spread: ratio.middle,
            rounds: self.now.len(),
        }
    }
}

fn table(rows: &[Row]) {
    println!(
        "times in microseconds; ratio above 1: this checkout is slower; in brackets the middle half of the rounds\n"
    );
    println!("{:<52}{:>11}{:>11}{:>8}", "what", "now", "before", "ratio");
    for row in rows {
        let [low, high] = row.spread;
        println!(
            "{:<52}{:>11.2}{:>11.2}{:>8.3} ({low:.3}..{high:.3})",
            row.what,
            row.now_ns / 1000.0,
            row.before_ns / 1000.0,
            row.ratio,
        );
    }
}
