//! Where things lie in a clone, and the host's command line.
//!
//! Paths only, and always under the root that xtask was compiled in: tests and benchmarks look for
//! what xtask makes at these very places, whatever Cargo's own target folder is set to.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::shell;

/// A clone of the repository.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The clone that this xtask was compiled in.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask's folder has no parent: build it inside the repository")?;
        Ok(Workspace {
            root: root.to_owned(),
        })
    }

    /// A path in the clone.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// What guests, models and tools of ours are made into; never in the repository.
    pub fn target(&self, relative: &str) -> PathBuf {
        self.root.join("target").join(relative)
    }

    /// Cargo, run at the root.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = Command::new("cargo");
        // Tests and benchmarks use ONNX Runtime without the host's `main`, which says the same.
        cargo
            .current_dir(&self.root)
            .env("ORT_DISABLE_TELEMETRY", "1")
            .arg(subcommand);
        cargo
    }

    /// The host's command line, built already by [`Workspace::build_host`].
    pub fn host(&self) -> Command {
        let mut cargo = self.cargo("run");
        cargo.args([
            "--quiet",
            "--package",
            "tollgate",
            "--bin",
            "tollgate",
            "--",
        ]);
        cargo
    }

    /// Compiles the host, which takes minutes the first time.
    pub fn build_host(&self) -> Result<()> {
        shell::step("the host", || {
            shell::run(
                self.cargo("build")
                    .args(["--package", "tollgate", "--bin", "tollgate"]),
            )
        })
    }

    /// Has the host get the ONNX Runtime it is used with, unless it is there.
    pub fn install_onnx_runtime(&self) -> Result<()> {
        self.build_host()?;
        shell::step("ONNX Runtime", || {
            shell::run(self.host().args(["runtime", "install"]))
        })
    }
}
