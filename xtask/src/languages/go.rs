//! Go, by its own compiler: a core module for preview1 that is called like a library. Go itself is the one in use, or
//! else comes from the Python package index. There are no packages to fetch: a plugin and the SDK are all there is.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::Job;
use crate::{python, shell, workspace::Workspace};

/// The oldest Go that can export a function of a module, as major and minor version.
const OLDEST: (u32, u32) = (1, 24);

/// Builds it.
pub fn module(job: &Job<'_>) -> Result<Vec<u8>> {
    let go = Go::ensure(job.workspace)?;
    let built = job.scratch.join("module.wasm");
    let mut build = Command::new(&go.program);
    build
        .current_dir(&job.sources)
        .envs([
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            // Nothing of the user's own settings, and nothing from the network.
            ("GOENV", "off"),
            ("GOWORK", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOPROXY", "off"),
            ("GOFLAGS", ""),
        ])
        .env("GOPATH", job.workspace.target("guests/languages/go"))
        .env("GOCACHE", job.workspace.target("guests/languages/go-cache"))
        .args([
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-buildvcs=false",
        ])
        .args(["-ldflags", "-s -w", "-o"])
        .arg(&built)
        .arg(".");
    shell::run(&mut build)?;
    fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))
}

/// The compiler.
pub struct Go {
    program: PathBuf,
    /// `go 1.27.3`.
    pub version: String,
}

impl Go {
    /// Finds it or gets it.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(go) = Self::known(PathBuf::from("go")) {
            return Ok(go);
        }
        let python = python::ensure(workspace, &python::GO)?;
        let program = python.with_file_name("go");
        let shown = program.display().to_string();
        Self::known(program).with_context(|| {
            let (major, minor) = OLDEST;
            format!("expected Go {major}.{minor} or newer at `{shown}`, which does not run")
        })
    }

    /// The one at this place, where it is new enough.
    fn known(program: PathBuf) -> Option<Self> {
        let said = Command::new(&program)
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local")
            .output()
            .ok()?;
        let said = String::from_utf8(said.stdout).ok()?;
        let version = said.trim().strip_prefix("go")?;
        let mut numbers = version.split('.');
        let mut number = || numbers.next()?.parse().ok();
        let found: (u32, u32) = (number()?, number()?);
        let version = format!("go {version}");
        (found >= OLDEST).then_some(Go { program, version })
    }
}
