//! The standard's own text of the interfaces that guests are built against, for the tests to compare
//! ours with: what published crates carry, left under `target/standard`.
//!
//! Cargo gets the crates and checks them against the registry's hashes; `cargo info` gets one without
//! what it depends on. Nothing of it is compiled, and none of it is kept in the repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{guests, shell, workspace::Workspace};

/// The crates, by name and version: wasi-nn as guests are built against it today, and the last that
/// carries the version before; the interfaces of the plugin world beside it.
const CRATES: [(&str, &str); 5] = [
    ("wasmtime-wasi-nn", "48.0.8"),
    ("wasmtime-wasi-nn", "27.0.0"),
    ("wasmtime-wasi-config", "48.0.8"),
    ("wasmtime-wasi-keyvalue", "48.0.8"),
    ("wasi-logging", "0.0.1"),
];

/// The folders that hold interfaces.
const TEXTS: [&str; 2] = ["wit", "witx"];

/// Gets those that are not there.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    let folder = guests::folder(workspace, "standard")?;
    for (name, version) in CRATES {
        let crate_name = format!("{name}-{version}");
        let place = folder.join(&crate_name);
        if place.exists() {
            continue;
        }
        shell::step(&format!("the interfaces in {crate_name}"), || {
            let mut cargo = workspace.cargo("info");
            cargo.args(["--quiet", &format!("{name}@{version}")]);
            // It says much of the crate that nobody asked for.
            shell::read(&mut cargo)?;
            let sources = sources(&crate_name)?;
            // Renamed into place, so that what was cut short is copied again.
            let beside = folder.join(format!("{crate_name}.part"));
            for text in TEXTS {
                copy(&sources.join(text), &beside.join(text))?;
            }
            fs::rename(&beside, &place)
                .with_context(|| format!("cannot write `{}`", place.display()))
        })?;
    }
    Ok(())
}

/// Where Cargo unpacked a crate.
fn sources(crate_name: &str) -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let registries = home
        .context("Cargo has no home: set CARGO_HOME")?
        .join("registry/src");
    let entries = fs::read_dir(&registries)
        .with_context(|| format!("cannot read `{}`", registries.display()))?;
    let found = entries
        .filter_map(|entry| Some(entry.ok()?.path().join(crate_name)))
        .find(|path| path.exists());
    found.with_context(|| {
        format!(
            "Cargo did not unpack {crate_name} below `{}`",
            registries.display()
        )
    })
}

/// Copies a folder, where it is there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to).with_context(|| format!("cannot create `{}`", to.display()))?;
    let problem = || format!("cannot read `{}`", from.display());
    for entry in fs::read_dir(from).with_context(problem)? {
        let path = entry.with_context(problem)?.path();
        let name = path.file_name().context("a file without a name")?;
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))
                .with_context(|| format!("cannot copy `{}`", path.display()))?;
        }
    }
    Ok(())
}
