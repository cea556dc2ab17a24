//! The Python that writes the generated models: a virtual environment under `target/venv` with the
//! pinned packages of `tests/models/requirements.txt`, made once and made again when those change.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{shell, workspace::Workspace};

/// The interpreter, with its packages installed.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let venv = workspace.target("venv");
    let python = venv.join("bin").join("python");
    let requirements = workspace.path("tests/models/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read `{}`", requirements.display()))?;
    // Written last, so that an environment cut short is made again.
    let stamp = venv.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    shell::step("a Python environment for the model scripts", || {
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
