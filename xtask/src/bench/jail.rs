//! `cargo xtask bench jail`: what the jail costs, an inference and otherwise.
//!
//! One program (`tests/src/bin/jail`) measures all of it, with both sides in turns of one run; this starts it, and
//! draws the table.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{built, onnx_runtime};
use crate::{shell, workspace::Workspace};

/// Runs the benchmark. `--json` prints an array of rows on standard output, otherwise it is a table.
///
/// # Errors
///
/// The program does not build, or a case fails.
pub fn jail(workspace: &Workspace, json: bool) -> Result<()> {
    shell::step("what is measured", || {
        let mut cargo = workspace.cargo("build");
        // With the host named too, the features are those that it was built with, and nothing compiles twice.
        cargo.args(["--package", "tollgate", "--package", "tollgate-tests"]);
        shell::run(cargo.args(["--bin", "jail"]))
    })?;
    let what = serde_json::json!({
        "onnxruntime": onnx_runtime(workspace)?,
        "mlp": workspace.target("models/mlp.onnx"),
        "mlp1024": workspace.target("models/mlp1024.onnx"),
        "mobilenet": workspace.target("models/mobilenet_v2.onnx"),
        "rust": workspace.target("guests/components/meter-reader.wasm"),
        "python": workspace.target("guests/components/meter-reader-python.wasm"),
    });
    shell::say("measuring, for about two minutes");
    let text = shell::read(Command::new(built("jail")?).arg(what.to_string()))?;
    if json {
        println!("{}", text.trim_end());
        return Ok(());
    }
    let rows: Vec<Value> = serde_json::from_str(&text).context("it wrote no rows")?;
    println!("times in microseconds for one call; in brackets the middle half of the rounds\n");
    println!(
        "{:<38}{:>12}{:>12}{:>10}{:>12}{:>8}",
        "case", "in process", "jailed", "added", "round trip", "ratio"
    );
    for row in &rows {
        println!("{}", line(row));
    }
    Ok(())
}

fn line(row: &Value) -> String {
    let number = |name: &str| row.get(name).and_then(Value::as_f64);
    let micro = |name: &str| number(name).map_or(String::new(), |ns| format!("{:.2}", ns / 1000.0));
    let ratio = number("ratio").map_or(String::new(), |ratio| format!("{ratio:.3}"));
    let at = |place| {
        row.pointer(&format!("/spread/ratio/{place}"))
            .and_then(Value::as_f64)
    };
    let middle = at(0).zip(at(1)).map_or(String::new(), |(low, high)| {
        format!(" ({low:.3}..{high:.3})")
    });
    format!(
        "{:<38}{:>12}{:>12}{:>10}{:>12}{ratio:>8}{middle}",
        row.get("case").and_then(Value::as_str).unwrap_or_default(),
        micro("in_process_ns"),
        micro("jailed_ns"),
        micro("added_ns"),
        micro("round_trip_ns"),
    )
}
