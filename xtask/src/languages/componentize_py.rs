//! Python, by componentize-py: the interpreter, the standard library, the SDK and the plugin, imported
//! once and then made a component as they lie in memory.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::Job;
use crate::{guests, python, shell};

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let python = python::ensure(job.workspace, &python::COMPONENTIZE_PY)?;
    let built = job.scratch.join("component.wasm");
    let mut command = Command::new(python.with_file_name("componentize-py"));
    // Compiled scripts would lie beside the committed ones. Nothing outside is to be picked up.
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("VIRTUAL_ENV")
        .arg("-d")
        .arg(&job.interfaces)
        .arg("-d")
        .arg(world(job)?)
        .args(["-w", "tollgate:built/built", "componentize", "-p"])
        .arg(job.sdk("python"))
        .arg("-p")
        .arg(&job.sources)
        .arg(job.identifier())
        .arg("-o")
        .arg(&built);
    shell::run(&mut command)?;
    fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))
}

/// A world of what the plugin uses and no more, since all of it comes into the component.
fn world(job: &Job<'_>) -> Result<PathBuf> {
    let used = ["plugin"].iter().chain(job.plugin.services);
    let included: Vec<String> = used
        .map(|world| format!("include tollgate:plugin/{world}@0.1.0;"))
        .collect();
    let text = format!(
        "package tollgate:built;\nworld built {{ {} }}\n",
        included.join(" ")
    );
    let path = job.scratch.join("world.wit");
    guests::write_if_changed(&path, text.as_bytes())?;
    Ok(path)
}
