//! What `doctor` says of ONNX Runtime libraries, each tried in a helper process.

use std::{
    fmt::{self, Write},
    path::PathBuf,
};

use serde::Serialize;
use tollgate_deploy::onnxruntime::{
    locate,
    probe::{Prober, Tried, Unusable},
};
use tollgate_nn::Device;

use crate::{config::Environment, remedy};

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) usable: bool,
    found_by: Option<String>,
    /// Whether its telemetry is switched off.
    telemetry_off: bool,
    #[serde(flatten)]
    used: Tried,
    /// The other installed ones.
    others: Vec<Tried>,
}

pub(super) fn report(typed: Option<PathBuf>, environment: &Environment) -> Report {
    let (prober, search) = (
        Prober::default(),
        environment.onnxruntime(typed, Device::Cpu),
    );
    let (used, found) = match prober.find(&search) {
        Ok((library, found)) => (library.into(), Some(found)),
        Err(error) => (Tried::failed(None, remedy::words(&error)), None),
    };
    let path = locate(&search).ok().and_then(|(path, _)| path);
    Report {
        usable: found.is_some(),
        found_by: found.map(remedy::found_by),
        telemetry_off: environment.telemetry_is_off(),
        used,
        others: prober.others(environment.data_dir().as_deref(), path.as_deref()),
    }
}

pub(super) fn render(report: &Report, out: &mut String) -> fmt::Result {
    let used = &report.used;
    if let Some(version) = &used.version {
        writeln!(out, "ONNX Runtime  {version}")?;
        if let Some(path) = &used.path {
            writeln!(out, "  at          {}", path.display())?;
        }
        if let Some(found_by) = &report.found_by {
            writeln!(out, "  found by    {found_by}")?;
        }
        writeln!(out, "  devices     {}", used.devices.join(", "))?;
        unusable(used, out)?;
        let telemetry = if report.telemetry_off {
            "off"
        } else {
            "as the library has it"
        };
        writeln!(out, "  telemetry   {telemetry}")?;
    } else {
        let problem = used.problem.as_deref().unwrap_or("not found");
        writeln!(out, "ONNX Runtime  none: {problem}")?;
    }
    for other in &report.others {
        match (&other.path, &other.version) {
            (Some(path), Some(version)) => {
                let (path, devices) = (path.display(), other.devices.join(", "));
                writeln!(out, "  also there  {version} at {path}: {devices}")?;
            }
            _ => {
                let problem = other.problem.as_deref().unwrap_or_default();
                writeln!(out, "  also there  {problem}")?;
            }
        }
        unusable(other, out)?;
    }
    Ok(())
}

fn unusable(tried: &Tried, out: &mut String) -> fmt::Result {
    for Unusable { device, problem } in &tried.unusable_devices {
        writeln!(out, "  not usable  {device}: {problem}")?;
    }
    Ok(())
}
