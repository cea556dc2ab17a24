//! The Pythons that scripts run with: virtual environments under `target`, each with the pinned
//! packages of a requirements file, made once and made again when those change.
//!
//! There are several, so that nobody installs what they do not need: one writes models, only who
//! measures or quantises needs ONNX Runtime in Python, and each toolchain that comes from the Python
//! package index has its own.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{shell, workspace::Workspace};

/// One environment.
pub struct Environment {
    folder: &'static str,
    requirements: &'static str,
    what: &'static str,
    /// The oldest Python that these packages are made for.
    oldest: &'static str,
}

/// Writes ONNX files.
pub const MODELS: Environment = Environment {
    folder: "venv",
    requirements: "tests/models/requirements.txt",
    what: "a Python environment for the model scripts",
    oldest: "3.10",
};

/// Has ONNX Runtime as well: it quantises, and it is a peer to be measured.
pub const ONNX_RUNTIME: Environment = Environment {
    folder: "venv-meter",
    requirements: "examples/meter-reader/requirements.txt",
    what: "a Python environment with ONNX Runtime",
    oldest: "3.11",
};

const fn toolchain(
    folder: &'static str,
    requirements: &'static str,
    what: &'static str,
) -> Environment {
    Environment {
        folder,
        requirements,
        what,
        oldest: "3.10",
    }
}

/// Zig, which compiles C and C++ too.
pub const ZIG: Environment = toolchain(
    "toolchains/zig",
    "guest-sdk/c/requirements.txt",
    "the toolchain for C, C++ and Zig",
);

/// componentize-py.
pub const COMPONENTIZE_PY: Environment = toolchain(
    "toolchains/componentize-py",
    "guest-sdk/python/requirements.txt",
    "the toolchain for Python",
);

/// Node.js and npm.
pub const NODE: Environment = toolchain(
    "toolchains/node",
    "guest-sdk/js/requirements.txt",
    "the toolchain for JavaScript",
);

/// Go.
pub const GO: Environment = toolchain(
    "toolchains/go",
    "guest-sdk/go/requirements.txt",
    "the toolchain for Go",
);

/// The package that an environment of one package has, and its version.
pub fn pinned(workspace: &Workspace, environment: &Environment) -> Result<String> {
    let path = workspace.path(environment.requirements);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(line.trim_end().replace("==", " "))
}

/// The interpreter, with its packages installed.
pub fn ensure(workspace: &Workspace, environment: &Environment) -> Result<PathBuf> {
    let venv = workspace.target(environment.folder);
    let python = venv.join("bin").join("python");
    let requirements = workspace.path(environment.requirements);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read `{}`", requirements.display()))?;
    // Written last, so that an environment cut short is made again.
    let stamp = venv.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    shell::step(environment.what, || {
        shell::run(
            Command::new("python3")
                .args(["-I", "-m", "venv", "--clear"])
                .arg(&venv),
        )
        .with_context(|| {
            format!(
                "making a virtual environment needs Python {} or newer and its `venv` module \
                 (on Debian: python3-venv)",
                environment.oldest
            )
        })?;
        let mut pip = Command::new(&python);
        pip.args([
            "-I",
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
