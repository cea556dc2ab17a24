//! `cargo xtask demo --lang …`: the meter reader in every language, on the same frames, side by side.
//!
//! Each plugin runs as a user would run it, by `tollgate run`, beside the Rust plugin's twin: what a language's
//! row calls the toll is what its frame takes more than the very same work done natively in Rust. Readings are
//! held against the Rust plugin's; a frame that fails, or reads otherwise, is an error once all rows are out.
//! A cold start is the time from starting a process to the first reading on its output, with the compiled code
//! in the cache: the median of several processes.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use super::{Args, PASSES};
use crate::{
    bench::{built, quantile},
    guests,
    languages::{self, Language},
    shell,
    toolchain::{self, Toolchain},
    workspace::Workspace,
};

/// Passes where a frame takes fifty milliseconds.
const FEW_PASSES: u32 = 4;
/// Processes that a cold start is the median of.
const STARTS: usize = 9;

/// What `--lang` takes: a language's name, or `all`.
#[derive(Clone, Debug)]
pub struct Choice(Vec<Shown>);

/// One row: a language, by one of the interfaces that it can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Rust,
    RustPreview1,
    Other(Language),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rust = [Shown::Rust, Shown::RustPreview1];
        match text {
            "rust" => Ok(Choice(rust.into())),
            "all" => {
                let others = Language::ALL.into_iter().map(Shown::Other);
                Ok(Choice(rust.into_iter().chain(others).collect()))
            }
            _ => {
                let languages::Choice(others) = text
                    .parse()
                    .map_err(|problem: String| problem.replace("one of ", "one of rust, "))?;
                Ok(Choice(others.into_iter().map(Shown::Other).collect()))
            }
        }
    }
}

impl Shown {
    fn name(self) -> &'static str {
        match self {
            Shown::Rust | Shown::RustPreview1 => "rust",
            Shown::Other(language) => language.name(),
        }
    }

    fn interface(self) -> &'static str {
        match self {
            Shown::Rust => "tollgate:nn",
            Shown::RustPreview1 => "wasi_ephemeral_nn",
            Shown::Other(language) => language.interface(),
        }
    }

    fn component(self, workspace: &Workspace) -> PathBuf {
        let file = match self {
            Shown::Rust => "meter-reader".to_owned(),
            Shown::RustPreview1 => "preview1-meter-reader".to_owned(),
            Shown::Other(language) => format!("meter-reader-{}", language.name()),
        };
        workspace.target(&format!("guests/components/{file}.wasm"))
    }

    fn toolchain(self, workspace: &Workspace, rust: &Toolchain) -> Result<String> {
        match self {
            Shown::Other(language) => language.toolchain(workspace),
            Shown::Rust | Shown::RustPreview1 => {
                let mut rustc = Command::new(rust.rustc.as_deref().unwrap_or("rustc".as_ref()));
                let said = shell::read(rustc.current_dir(workspace.path("")).arg("--version"))?;
                let mut words = said.split_whitespace();
                let words = [words.next(), words.next()];
                Ok(words.map(Option::unwrap_or_default).join(" "))
            }
        }
    }

    fn passes(self) -> u32 {
        match self {
            Shown::Other(language) if language.is_interpreted() => FEW_PASSES,
            _ => PASSES,
        }
    }
}

/// One language's row, as `--json` prints it. Times are nanoseconds; what is not known is null.
#[derive(Serialize)]
struct Row {
    lang: &'static str,
    interface: &'static str,
    toolchain: String,
    wasm_bytes: u64,
    /// Whether all readings are those of the plugin in Rust, but for their confidences.
    readings_equal: bool,
    /// Frames that ran, and those of them that failed, over all passes.
    frames: u64,
    failed: u64,
    /// Means over the measured frames, from the ledger.
    stages_ns: Value,
    /// What a frame takes more than in the native twin of the plugin in Rust.
    toll: Value,
    /// From the start of a process to its first reading, compiled code being there.
    cold_start_ns: f64,
    /// Linear memory after the frames.
    memory_bytes: Option<u64>,
}

/// Builds, runs and compares what was chosen.
pub fn run(workspace: &Workspace, choice: toolchain::Choice, args: &Args) -> Result<()> {
    let mut shown: Vec<Shown> = Vec::new();
    for Choice(chosen) in &args.languages {
        for &one in chosen {
            if !shown.contains(&one) {
                shown.push(one);
            }
        }
    }
    // What all others are held against, and its twin.
    guests::build_one(workspace, choice, "meter-reader")?;
    if shown.contains(&Shown::RustPreview1) {
        guests::build_one(workspace, choice, "preview1-meter-reader")?;
    }
    let others = shown.iter().filter_map(|one| match one {
        Shown::Other(language) => Some(*language),
        _ => None,
    });
    languages::build(workspace, &others.collect::<Vec<_>>())?;
    workspace.install_onnx_runtime()?;

    let bench = Bench {
        workspace,
        host: built("tollgate")?,
        rust: toolchain::ensure(workspace, choice)?,
        args,
    };
    let expected = readings(&bench.report(Shown::Rust, 1)?)?;
    let mut rows = Vec::new();
    for one in shown {
        shell::say(&format!("xtask: {} by {} ...", one.name(), one.interface()));
        rows.push(bench.row(one, &expected)?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        table(&rows);
    }
    for row in &rows {
        ensure!(
            row.failed == 0,
            "{} of the frames failed in {}",
            row.failed,
            row.lang
        );
        ensure!(
            row.readings_equal,
            "the readings in {} are not those in Rust: see `tests/all/polyglot.rs`",
            row.lang
        );
    }
    Ok(())
}

/// What measuring a row takes.
struct Bench<'a> {
    workspace: &'a Workspace,
    host: PathBuf,
    rust: Toolchain,
    args: &'a Args,
}

impl Bench<'_> {
    fn row(&self, shown: Shown, expected: &BTreeMap<String, String>) -> Result<Row> {
        let passes = self.args.repeat.unwrap_or(shown.passes());
        let report = self.report(shown, passes)?;
        let component = shown.component(self.workspace);
        let bytes = component.metadata().map(|metadata| metadata.len());
        let count = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64);
        let part = |name: &str| report.get(name).cloned().unwrap_or_default();
        Ok(Row {
            lang: shown.name(),
            interface: shown.interface(),
            toolchain: shown.toolchain(self.workspace, &self.rust)?,
            wasm_bytes: bytes.with_context(|| format!("cannot read `{}`", component.display()))?,
            readings_equal: readings(&report)? == *expected,
            frames: count("/frames/count").context("a report without a count of frames")?,
            failed: count("/frames/failed").context("a report without a count of failures")?,
            stages_ns: part("stages_ns"),
            toll: part("toll"),
            cold_start_ns: self.cold_start(shown)?,
            memory_bytes: count("/memory_bytes"),
        })
    }

    /// `tollgate run` over so many frames; what else it is to do is still open.
    fn command(&self, shown: Shown, frames: &Path) -> Command {
        let mut model = std::ffi::OsString::from("digits=");
        model.push(
            self.workspace
                .path("examples/meter-reader/models/digits.onnx"),
        );
        let mut host = Command::new(&self.host);
        host.current_dir(self.workspace.path(""))
            .arg("run")
            .arg(shown.component(self.workspace))
            .arg("--model")
            .arg(model)
            .args(&self.args.rest)
            .arg(frames);
        host
    }

    fn frames(&self, name: &str) -> PathBuf {
        let frames = self.workspace.path("examples/meter-reader/frames-pgm");
        frames.join(name)
    }

    fn report(&self, shown: Shown, passes: u32) -> Result<Value> {
        let mut host = self.command(shown, &self.frames(""));
        host.args(["--json", "--repeat", &passes.to_string(), "--twin"])
            .arg(self.workspace.target("guests/twins/meter-reader.so"));
        // A frame that failed is in the report, which is there all the same.
        let output = host.stderr(Stdio::inherit()).output();
        let output = output.context("the host did not start")?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "`tollgate run` of {} wrote no report, and ended with {}",
                shown.name(),
                output.status
            )
        })
    }

    fn cold_start(&self, shown: Shown) -> Result<f64> {
        let mut took = Vec::new();
        for _ in 0..STARTS {
            let mut host = self.command(shown, &self.frames("meter-000.pgm"));
            host.stdout(Stdio::piped()).stderr(Stdio::null());
            let started = Instant::now();
            let mut child = host.spawn().context("the host did not start")?;
            let output = child.stdout.take().context("a process without an output")?;
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            took.push(started.elapsed().as_nanos() as f64);
            let ended = child.wait().context("lost sight of the host")?;
            if read? == 0 || !ended.success() {
                bail!("the first frame failed in {}: {ended}", shown.name());
            }
        }
        Ok(quantile(took, 0.5))
    }
}

/// What was read in each frame, without the confidences, which may differ by what rounding does.
fn readings(report: &Value) -> Result<BTreeMap<String, String>> {
    let outputs = report.get("outputs").and_then(Value::as_array);
    let outputs = outputs.context("a report without outputs")?;
    let reading = |output: &Value| {
        let source = output.get("source")?.as_str()?;
        let mut reading: Value = serde_json::from_str(output.get("text")?.as_str()?).ok()?;
        forget_confidences(&mut reading);
        Some((source.to_owned(), reading.to_string()))
    };
    outputs
        .iter()
        .map(|output| reading(output).context("an output that is no reading"))
        .collect()
}

fn forget_confidences(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("confidence");
            fields.values_mut().for_each(forget_confidences);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_confidences),
        _ => {}
    }
}

fn table(rows: &[Row]) {
    println!(
        "means of a frame in microseconds; `toll` is what it takes more than natively in Rust, `x` the quotient\n"
    );
    println!(
        "{:<15}{:<19}{:<26}{:>9}{:>10}{:>8}{:>8}{:>8}{:>8}{:>10}{:>10}{:>9}{:>10}{:>10}  readings",
        "language",
        "interface",
        "toolchain",
        "kB",
        "guest",
        "lift",
        "infer",
        "lower",
        "glue",
        "total",
        "toll",
        "x",
        "start ms",
        "memory kB"
    );
    for row in rows {
        let number = |value: &Value, name: &str| {
            let number = value.get(name).and_then(Value::as_f64);
            number.unwrap_or(f64::NAN)
        };
        let stage = |name| number(&row.stages_ns, name) / 1e3;
        println!(
            "{:<15}{:<19}{:<26}{:>9}{:>10.1}{:>8.1}{:>8.1}{:>8.1}{:>8.1}{:>10.1}{:>10.1}{:>9.2}{:>10.1}{:>10}  {}",
            row.lang,
            row.interface,
            row.toolchain,
            row.wasm_bytes / 1000,
            stage("guest"),
            stage("lift"),
            stage("infer"),
            stage("lower"),
            stage("glue"),
            stage("total"),
            number(&row.toll, "total_ns") / 1e3,
            number(&row.toll, "ratio"),
            row.cold_start_ns / 1e6,
            row.memory_bytes
                .map_or_else(|| "?".to_owned(), |bytes| (bytes / 1000).to_string()),
            if row.readings_equal {
                "equal"
            } else {
                "DIFFER"
            },
        );
    }
}
