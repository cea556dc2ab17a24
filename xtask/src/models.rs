//! The models that tests and benchmarks find under `target/models`: written by their scripts, and
//! only when missing or older than what writes them, or copied where they are small enough to be
//! in the repository.

use std::{fs, path::Path, process::Command, time::SystemTime};

use anyhow::{Context, Result};

use crate::{python, shell, workspace::Workspace};

/// Models too large to be committed, by the name of script and file.
const GENERATED: [&str; 1] = ["mobilenet_v2"];
/// Models that lie beside their script.
const COMMITTED: [&str; 1] = ["mlp"];

/// Makes every model that is missing or stale.
pub fn generate(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target("models");
    let scripts = workspace.path("tests/models");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    for name in COMMITTED {
        let (from, to) = (
            scripts.join(format!("{name}.onnx")),
            folder.join(format!("{name}.onnx")),
        );
        fs::copy(&from, &to)
            .with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    }
    for name in GENERATED {
        let script = scripts.join(format!("{name}.py"));
        let model = folder.join(format!("{name}.onnx"));
        let sources = [
            script.clone(),
            scripts.join("writing.py"),
            scripts.join("requirements.txt"),
        ];
        if is_fresh(&model, &sources)? {
            continue;
        }
        let python = python::ensure(workspace)?;
        shell::step(&format!("the model {name}"), || {
            // -B: no compiled scripts beside the committed ones.
            shell::run(Command::new(&python).arg("-B").arg(&script).arg(&model))
        })?;
    }
    Ok(())
}

/// Whether `made` is there and no older than any of `sources`.
fn is_fresh(made: &Path, sources: &[impl AsRef<Path>]) -> Result<bool> {
    if !made.exists() {
        return Ok(false);
    }
    let made = modified(made)?;
    for source in sources {
        if modified(source.as_ref())? > made {
            return Ok(false);
        }
    }
    Ok(true)
}

fn modified(path: &Path) -> Result<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .with_context(|| format!("cannot read the time of `{}`", path.display()))
}
