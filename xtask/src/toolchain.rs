//! Which compiler builds the guests, and making sure it can.
//!
//! The one in use is asked first; what it lacks comes from rustup; and where rustup or its server
//! is out of reach, a compiler of Debian's stands in (`debian.rs`), for guests alone. Whatever is
//! found ready is used as it is: only a machine that lacks something touches the network.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{shell, workspace::Workspace};

mod debian;

/// What plugins of our own world are built for.
pub const PLUGIN_TARGET: &str = "wasm32-unknown-unknown";
/// What commands are built for: the compiler makes them components by itself.
pub const COMMAND_TARGET: &str = "wasm32-wasip2";
/// What preview1's guests are built for, and commands where preview 2's library is not to be had,
/// which then need an adapter.
pub const OLD_COMMAND_TARGET: &str = "wasm32-wasip1";

/// Where the compiler for guests comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The compiler in use, rustup, Debian: the first that does.
    #[default]
    Auto,
    /// The compiler in use, completed by rustup.
    Rustup,
    /// Debian's packages.
    Debian,
}

/// A compiler that can build guests.
#[derive(Debug)]
pub struct Toolchain {
    /// The compiler to use instead of Cargo's own.
    pub rustc: Option<PathBuf>,
    /// What commands are built for.
    pub command_target: &'static str,
}

impl Toolchain {
    /// Has Cargo use this compiler.
    pub fn apply(&self, cargo: &mut Command) {
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
    }

    fn in_use() -> Self {
        Toolchain {
            rustc: None,
            command_target: COMMAND_TARGET,
        }
    }
}

/// Finds or makes a compiler that can build guests.
///
/// # Errors
///
/// Neither rustup nor Debian's packages can be had; the message has both reasons.
pub fn ensure(workspace: &Workspace, choice: Choice) -> Result<Toolchain> {
    let missing = missing(workspace)?;
    match choice {
        Choice::Debian => debian::ensure(workspace),
        Choice::Auto | Choice::Rustup if missing.is_empty() => Ok(Toolchain::in_use()),
        Choice::Rustup => add(workspace, &missing),
        Choice::Auto => {
            if let Some(ready) = debian::ready(workspace) {
                return Ok(ready);
            }
            add(workspace, &missing).or_else(|refusal| {
                shell::say(&format!("xtask: {refusal:#}; trying Debian's packages"));
                debian::ensure(workspace).with_context(|| {
                    format!(
                        "guests need the Rust targets {}, and neither rustup ({refusal:#}) nor \
                         Debian's packages could supply them",
                        missing.join(" and ")
                    )
                })
            })
        }
    }
}

/// The targets that the compiler in use has no library for.
fn missing(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for target in [PLUGIN_TARGET, COMMAND_TARGET, OLD_COMMAND_TARGET] {
        let libraries = shell::read(Command::new("rustc").current_dir(workspace.path("")).args([
            "--print",
            "target-libdir",
            "--target",
            target,
        ]))?;
        if !has_core(Path::new(libraries.trim_end())) {
            missing.push(target);
        }
    }
    Ok(missing)
}

/// Whether a folder holds a standard library.
fn has_core(libraries: &Path) -> bool {
    libraries.read_dir().is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
        })
    })
}

fn add(workspace: &Workspace, missing: &[&str]) -> Result<Toolchain> {
    shell::step(
        &format!("the Rust targets {}", missing.join(" and ")),
        || {
            let mut rustup = Command::new("rustup");
            rustup
                .current_dir(workspace.path(""))
                .args(["target", "add"])
                .args(missing);
            shell::run(&mut rustup)
        },
    )?;
    Ok(Toolchain::in_use())
}
