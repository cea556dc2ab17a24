//! Python, by componentize-py, through the SDK's own `build.py`: the interpreter, the standard library, the SDK
//! and the plugin, imported once and then made a component as they lie in memory.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::Job;
use crate::{python, shell};

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let python = python::ensure(job.workspace, &python::COMPONENTIZE_PY)?;
    let built = job.scratch.join("component.wasm");
    let entry = job.sources.join(job.identifier()).with_extension("py");
    let mut command = Command::new(python);
    // Compiled scripts would lie beside the committed ones. Nothing outside is to be picked up.
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("VIRTUAL_ENV")
        .arg(job.sdk("python/build.py"))
        .arg(entry)
        .arg(&job.interfaces)
        .arg(&built);
    shell::run(&mut command)?;
    fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))
}
