//! AssemblyScript, by its own compiler, of the version that the SDK's lock file names: a core module for preview1.

use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{Job, node::Node};
use crate::{guests, shell};

/// What of the SDK makes the folder that the tools are installed in.
const TOOLS: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

/// Fast rather than small, SIMD as in the other guests; a failed assertion says why it traps.
const OPTIONS: [&str; 5] = ["-O3", "--enable", "simd", "--use", "abort=tollgateAbort"];

/// Builds it.
pub fn module(job: &Job<'_>) -> Result<Vec<u8>> {
    let node = Node::ensure(job.workspace)?;
    let tools = node.tools(job.workspace, "assemblyscript", &TOOLS)?;
    let built = job.scratch.join("module.wasm");
    let mut compile = Command::new(&node.program);
    compile
        .arg(tools.join("node_modules/assemblyscript/bin/asc.js"))
        .arg(job.sources.join(job.plugin.name).with_extension("ts"))
        .args(OPTIONS)
        .arg("--path")
        .arg(packages(job)?)
        .arg("--outFile")
        .arg(&built);
    shell::run(&mut compile)?;
    fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))
}

/// A folder in which the SDK is called `tollgate`, which is where the compiler looks for what a plugin imports.
fn packages(job: &Job<'_>) -> Result<PathBuf> {
    let folder = guests::folder(job.workspace, "guests/languages/packages")?;
    let (sdk, link) = (job.sdk("assemblyscript"), folder.join("tollgate"));
    if fs::read_link(&link).ok().as_ref() != Some(&sdk) {
        fs::remove_file(&link).ok();
        symlink(&sdk, &link).with_context(|| format!("cannot create `{}`", link.display()))?;
    }
    Ok(folder)
}
