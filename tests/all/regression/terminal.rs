//! What somebody at a terminal sees: outputs, reports, refusals, escapes.

mod cut_short;
mod escapes;
mod figures;
mod outputs;
mod refusals;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    cli::{path, run},
    support::{component, file},
};

/// A folder with frames of these names, each a command to `conduct`.
fn frames(commands: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, command) in commands {
        std::fs::write(folder.path().join(name), command).expect("written");
    }
    folder
}

/// `tollgate run` of `conduct` over a folder.
fn conduct(folder: &Path, rest: &[&str]) -> (Option<i32>, String, String) {
    let plugin = component("conduct");
    let mut arguments = vec!["run", path(&plugin), path(folder), "--no-cache"];
    arguments.extend(rest);
    run(&arguments)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn example(name: &str) -> PathBuf {
    file(&format!("examples/meter-reader/{name}"))
}

/// Arguments that have `command` measure the example.
fn meter(command: &str) -> Vec<String> {
    [
        command.to_owned(),
        path(&component("meter-reader")).to_owned(),
        path(&example("frames-pgm")).to_owned(),
        "--model".to_owned(),
        format!("digits={}", path(&example("models/digits.onnx"))),
    ]
    .into()
}
