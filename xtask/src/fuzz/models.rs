//! `cargo xtask fuzz models`: made-up models through `load`, in helper processes (`tests/src/bin/models`).
//!
//! One node of each of ONNX's operators with inputs and attributes that are often hostile, and models of the repository
//! with bytes changed. What ONNX Runtime does with them ends a helper at most.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{
    bench::{built, onnx_runtime},
    shell,
    workspace::Workspace,
};

/// The largest model that is changed, in bytes.
const LARGEST: u64 = 40_000;

/// Runs it, and prints what was seen.
///
/// # Errors
///
/// It does not build, or the host did not go on.
pub fn run(workspace: &Workspace, seconds: u32, seed: u64) -> Result<()> {
    workspace.install_onnx_runtime()?;
    shell::step("what tries models", || {
        let mut cargo = workspace.cargo("build");
        cargo.args(["--package", "tollgate", "--package", "tollgate-tests"]);
        shell::run(cargo.args(["--bin", "tollgate", "--bin", "models"]))
    })?;
    let folder = workspace.path("tests/models");
    let mut models = Vec::new();
    for entry in fs::read_dir(&folder).context("the models of the tests")? {
        let path = entry?.path();
        let small = fs::metadata(&path)?.len() <= LARGEST;
        if small
            && path
                .extension()
                .is_some_and(|extension| extension == "onnx")
        {
            models.push(path);
        }
    }
    models.sort();
    let what = serde_json::json!({
        "onnxruntime": onnx_runtime(workspace)?,
        "models": models,
        "seconds": seconds,
        "seed": seed,
    });
    shell::say(&format!("trying models for {seconds} s"));
    let seen = shell::read(Command::new(built("models")?).arg(what.to_string()))?;
    println!("{}", seen.trim_end());
    Ok(())
}
