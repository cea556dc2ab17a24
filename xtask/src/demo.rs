//! `cargo xtask demo`: the meter reader in the sandbox, frame by frame beside its twin.
//!
//! Sets up what it needs and hands over to `tollgate run`: the readings, the ledger and the toll
//! are the host's report, and with `--json` its one object is all there is on standard output. With
//! `--lang` it is languages that are compared, see `languages`.

mod languages;

use std::ffi::OsString;

use anyhow::Result;

use crate::{guests, shell, toolchain::Choice, workspace::Workspace};

/// Passes over the frames, where nothing else is asked for.
const PASSES: u32 = 20;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object instead of readings and a table
    #[arg(long)]
    json: bool,

    /// Compare the plugin in this language (rust, c, cpp, zig, python, js, assemblyscript, go or all) with the one
    /// in Rust, on PGM frames; can be given several times
    #[arg(long = "lang", value_name = "LANGUAGE")]
    languages: Vec<languages::Choice>,

    /// How often to go through the frames: the first time warms up, the others are measured; 20, or
    /// 4 for a language that is interpreted
    #[arg(long, value_name = "N")]
    repeat: Option<u32>,

    /// Anything else for `tollgate run`, after `--`
    #[arg(last = true, value_name = "ARGS")]
    rest: Vec<OsString>,
}

/// Runs it.
pub fn run(workspace: &Workspace, choice: Choice, args: &Args) -> Result<()> {
    if !args.languages.is_empty() {
        return languages::run(workspace, choice, args);
    }
    guests::build_one(workspace, choice, "meter-reader")?;
    workspace.install_onnx_runtime()?;

    let example = workspace.path("examples/meter-reader");
    let mut model = OsString::from("digits=");
    model.push(example.join("models/digits.onnx"));
    let mut host = workspace.host();
    host.arg("run")
        .arg(workspace.target("guests/components/meter-reader.wasm"))
        .arg("--model")
        .arg(model)
        .arg("--twin")
        .arg(workspace.target("guests/twins/meter-reader.so"))
        .arg("--truth")
        .arg(example.join("frames/truth.json"))
        .args(["--repeat", &args.repeat.unwrap_or(PASSES).to_string()]);
    if args.json {
        host.arg("--json");
    }
    host.args(&args.rest).arg(example.join("frames"));
    shell::run_through(&mut host)
}
