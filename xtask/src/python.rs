//! Python's virtual environments under `target/`, each with the pinned packages of one
//! `requirements.txt`, made once and made again when that changes: one for the scripts that write
//! the generated models, and one for each toolchain that comes from the Python package index.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{shell, workspace::Workspace};

/// The interpreter for the models' scripts, with its packages installed.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    made(
        workspace,
        "venv",
        "tests/models/requirements.txt",
        "a Python environment for the model scripts",
    )
}

/// An interpreter with a toolchain installed.
pub fn environment(workspace: &Workspace, name: &str, requirements: &str) -> Result<PathBuf> {
    made(
        workspace,
        &format!("toolchains/{name}"),
        requirements,
        &format!("the toolchain `{name}`"),
    )
}

fn made(workspace: &Workspace, folder: &str, requirements: &str, what: &str) -> Result<PathBuf> {
    let venv = workspace.target(folder);
    let python = venv.join("bin").join("python");
    let requirements = workspace.path(requirements);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read `{}`", requirements.display()))?;
    // Written last, so that an environment cut short is made again.
    let stamp = venv.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    shell::step(what, || {
        shell::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
        )
        .context(
            "making a virtual environment needs Python 3.10 or newer and its `venv` module \
             (on Debian: python3-venv)",
        )?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        shell::run(pip.args(["--no-input", "--requirement"]).arg(&requirements))?;
        fs::write(&stamp, &wanted).with_context(|| format!("cannot write `{}`", stamp.display()))
    })?;
    Ok(python)
}
