//! `cargo xtask fuzz`: every target of `fuzz/` over its committed corpus, then for a time of its own.
//!
//! Instrumented by cargo-fuzz with a nightly compiler and no sanitizer: what is memory-safe stays so
//! by the language, ONNX Runtime is not compiled here, and debug assertions and overflow checks are on.
//! What a run finds new is kept under `target/fuzz/corpus`, what goes wrong under
//! `target/fuzz/artifacts`; the committed corpora are not touched. libFuzzer's own words go to a file a
//! target. It must not know what a target does.

mod models;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{guests, shell, toolchain::Choice, workspace::Workspace};

/// cargo-fuzz, as it is installed where it is missing.
const VERSION: &str = "0.13.2";

/// The guests that targets drive.
const GUESTS: [&str; 2] = ["calls", "module-calls"];

/// A target, and what of the repository is a seed beside its own corpus.
struct Target {
    name: &'static str,
    seeds: &'static [&'static str],
    /// The longest input, in bytes.
    longest: u32,
}

const fn target(name: &'static str, seeds: &'static [&'static str], longest: u32) -> Target {
    Target {
        name,
        seeds,
        longest,
    }
}

const TARGETS: [Target; 11] = [
    target("wasi_nn", &[], 1024),
    target("tollgate_nn", &[], 1024),
    target("preview1", &[], 1024),
    target("inspect_pack", &["tests/cases"], 16384),
    target("model_bytes", &["tests/models", "tests/cases"], 16384),
    target("settings", &[], 2048),
    target("truth", &[], 2048),
    target("bucket_file", &[], 64),
    target("batcher", &[], 256),
    target("helper_answer", &[], 1024),
    target("helper_request", &[], 1024),
];

/// What `fuzz` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long each target runs beyond its committed corpus
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u32,
    /// Only this target; can be given several times
    #[arg(long = "target", value_name = "T", value_parser = TARGETS.map(|target| target.name))]
    targets: Vec<String>,
    /// Instead of the targets: models that are made up, through `load`
    #[command(subcommand)]
    instead: Option<Instead>,
}

/// What else can be tried.
#[derive(Debug, clap::Subcommand)]
enum Instead {
    /// Made-up models through `load`, in helper processes
    Models {
        /// For how long
        #[arg(long, value_name = "N", default_value_t = 10)]
        seconds: u32,
        /// The seed of the first model; each further one has the next
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
    },
}

/// Runs it.
///
/// # Errors
///
/// There is no nightly compiler, something does not build, or a target found something.
pub fn run(workspace: &Workspace, choice: Choice, args: &Args) -> Result<()> {
    if let Some(Instead::Models { seconds, seed }) = args.instead {
        return models::run(workspace, seconds, seed);
    }
    let nightly = nightly()?;
    shell::say(&format!("xtask: fuzzing with {nightly}"));
    let tool = cargo_fuzz(workspace)?;
    for guest in GUESTS {
        guests::build_one(workspace, choice, guest)?;
    }
    workspace.install_onnx_runtime()?;
    let names = &args.targets;
    let chosen =
        |target: &&Target| names.is_empty() || names.iter().any(|name| name == target.name);
    shell::step("the targets", || build(workspace, &tool))?;
    println!(
        "{:<14}{:>12}{:>12}{:>10}",
        "target", "executions", "a second", "edges"
    );
    let mut failed = Vec::new();
    for target in TARGETS.iter().filter(chosen) {
        match fuzz(workspace, target, args.seconds) {
            Ok(seen) => println!(
                "{:<14}{:>12}{:>12}{:>10}",
                target.name, seen.executions, seen.rate, seen.edges
            ),
            Err(error) => {
                shell::say(&format!("error: {}: {error:#}", target.name));
                failed.push(target.name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("what was found is said above: {}", failed.join(", "));
    }
    Ok(())
}

/// The version of the nightly compiler.
fn nightly() -> Result<String> {
    let version = shell::read(nightly_run().args(["rustc", "--version"])).context(
        "fuzzing needs a nightly compiler, for its instrumentation: \
         `rustup toolchain install nightly --profile minimal`",
    )?;
    Ok(version.trim_end().to_owned())
}

/// What runs a program with the nightly toolchain.
fn nightly_run() -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["run", "nightly"]);
    rustup
}

/// Where cargo-fuzz is, installed where it is missing.
fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    let tools = workspace.target("tools");
    let tool = tools.join("bin/cargo-fuzz");
    let version = || shell::read(Command::new(&tool).args(["fuzz", "--version"]));
    if tool.exists() && version()?.trim_end() == format!("cargo-fuzz {VERSION}") {
        return Ok(tool);
    }
    shell::step(&format!("installing cargo-fuzz {VERSION}"), || {
        let mut cargo = workspace.cargo("install");
        // Unoptimised: it only calls Cargo.
        cargo
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(["--quiet", "--locked", "--debug", "--root"])
            .arg(&tools)
            .arg(format!("cargo-fuzz@{VERSION}"));
        shell::run(&mut cargo)
    })?;
    Ok(tool)
}

/// Builds all targets, into one folder.
fn build(workspace: &Workspace, tool: &Path) -> Result<()> {
    let mut cargo = nightly_run();
    cargo
        .current_dir(workspace.path(""))
        .arg(tool)
        .args(["fuzz", "build", "--sanitizer", "none", "--fuzz-dir"])
        .arg(workspace.path("fuzz"))
        .arg("--target-dir")
        .arg(workspace.target("fuzz"));
    shell::run(&mut cargo)
}

/// What one target did.
struct Seen {
    executions: u64,
    rate: u64,
    /// Edges of the control flow that were taken.
    edges: u64,
}

fn fuzz(workspace: &Workspace, target: &Target, seconds: u32) -> Result<Seen> {
    let name = target.name;
    let own = format!("fuzz/corpus/{name}");
    let mut committed: Vec<_> = target
        .seeds
        .iter()
        .map(|seed| workspace.path(seed))
        .collect();
    // A target may have no corpus but files that lie elsewhere in the repository.
    let corpus = workspace.path(&own);
    if committed.is_empty() || corpus.is_dir() {
        committed.push(corpus);
    }
    // Each of them once.
    libfuzzer(workspace, target, &["-runs=0".to_owned()], &committed)
        .context("the committed corpus")?;
    // What is new goes to the first.
    let mut corpora = vec![guests::folder(workspace, &own)?];
    corpora.extend(committed);
    let time = format!("-max_total_time={seconds}");
    let said = libfuzzer(workspace, target, &[time], &corpora)?;
    Ok(Seen {
        executions: number_after(&said, "stat::number_of_executed_units:"),
        rate: number_after(&said, "stat::average_exec_per_sec:"),
        edges: number_after(&said, " cov:"),
    })
}

/// Runs a target, and hands back what libFuzzer said.
fn libfuzzer(
    workspace: &Workspace,
    target: &Target,
    arguments: &[String],
    corpora: &[PathBuf],
) -> Result<String> {
    let name = target.name;
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let program = workspace.target(&format!("fuzz/{triple}/release/{name}"));
    let artifacts = guests::folder(workspace, &format!("fuzz/artifacts/{name}"))?;
    let log = workspace.target(&format!("fuzz/{name}.log"));
    let file = File::create(&log).with_context(|| format!("cannot write `{}`", log.display()))?;
    let mut command = Command::new(program);
    command
        .env("ORT_DISABLE_TELEMETRY", "1")
        .arg(format!("-max_len={}", target.longest))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1"])
        .args(arguments)
        .args(corpora)
        .stderr(file);
    let ended = shell::run(&mut command);
    let said = fs::read(&log).with_context(|| format!("cannot read `{}`", log.display()))?;
    let said = String::from_utf8_lossy(&said).into_owned();
    ended.with_context(|| {
        let lines: Vec<&str> = said.lines().collect();
        let last = lines
            .get(lines.len().saturating_sub(12)..)
            .unwrap_or_default();
        format!("{}\nall of it is in {}", last.join("\n"), log.display())
    })?;
    Ok(said)
}

/// The number after the last of these words; zero where there is none.
fn number_after(said: &str, words: &str) -> u64 {
    let after = said.rsplit_once(words).map(|(_, after)| after);
    let number = after.and_then(|after| after.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
