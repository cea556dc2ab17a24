//! JavaScript, from TypeScript: types checked by the TypeScript compiler, modules bundled by esbuild,
//! QuickJS and the bundle made a component by componentize-qjs, all of the versions that the SDK's lock
//! file names.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::{Job, node::Node};
use crate::shell;

/// What of the SDK makes the folder that the tools are installed in.
const TOOLS: [&str; 4] = [".npmrc", "build.mjs", "package.json", "package-lock.json"];

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let node = Node::ensure(job.workspace)?;
    let tools = node.tools(job.workspace, "js", &TOOLS)?;
    let mut check = Command::new(&node.program);
    check
        .arg(tools.join("node_modules/typescript/bin/tsc"))
        .arg("--project")
        .arg(&job.sources);
    shell::run(&mut check)?;

    let built = job.scratch.join("component.wasm");
    let mut build = Command::new(&node.program);
    build
        .arg(tools.join("build.mjs"))
        .arg(
            job.sources
                .join("src")
                .join(job.plugin.name)
                .with_extension("ts"),
        )
        .arg(&job.interfaces)
        .arg(&built);
    shell::run(&mut build)?;
    fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))
}
