//! `tollgate runtime install`: installs an ONNX Runtime build from the Python package index.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use tollgate_deploy::onnxruntime::install::{self, Installed, Step, Wheel};

use crate::{cli::InstallArgs, config::Environment, egress, progress};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.runtime-install/1";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    package: &'static str,
    version: &'static str,
    library: PathBuf,
    /// Whether this call installed it; false if it was there already.
    installed: bool,
}

/// Runs the command.
///
/// # Errors
///
/// There is no wheel for this machine, no Python with pip, or pip or writing fails.
pub fn run(args: &InstallArgs, environment: &Environment) -> anyhow::Result<()> {
    let data_dir = environment
        .data_dir()
        .context("there is no folder to install into: set TOLLGATE_HOME, XDG_DATA_HOME or HOME")?;
    let wheel = install::wheel(
        args.device.into(),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )?;
    let Installed { library, new } = install(wheel, &data_dir, environment)?;
    let report = Report {
        schema: SCHEMA,
        package: wheel.package,
        version: wheel.version,
        library,
        installed: new,
    };
    if args.json {
        egress::print_json(&report)?;
    } else {
        let verb = if new { "installed" } else { "already there" };
        let Report {
            package,
            version,
            library,
            ..
        } = &report;
        egress::print(&format!(
            "{package} {version} {verb}: {}",
            library.display()
        ))?;
    }
    Ok(())
}

/// Installs it and shows progress.
fn install(
    wheel: &Wheel,
    data_dir: &Path,
    environment: &Environment,
) -> Result<Installed, install::Error> {
    let mut unpacking = None;
    let program = |name: &str| environment.program(name);
    install::install(wheel, data_dir, program, |step| match step {
        Step::Download => egress::say(format_args!(
            "getting {} {} with pip",
            wheel.package, wheel.version
        )),
        Step::Unpack => unpacking = Some(progress::spinner("unpacking")),
    })
}
