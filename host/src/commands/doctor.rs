//! `tollgate doctor`: facts about this machine.
//!
//! It changes nothing, and loads no ONNX Runtime: helper processes try it. The exit code is 1 if
//! none can be used, since then no plugin with a model can run. Anything else that is missing is
//! only reported.

mod jail;
mod onnxruntime;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;
use tollgate_bench::energy::Meter;

use crate::{cli::DoctorArgs, config::Environment, egress};
use tollgate_deploy::machine::{self, CacheFacts, Clock, Sandbox};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.doctor/1";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    tollgate: &'static str,
    onnxruntime: onnxruntime::Report,
    wasmtime: &'static str,
    cores: usize,
    clock: Clock,
    energy: Energy,
    sandbox: Sandbox,
    jail: tollgate_deploy::jail::Jail,
    cache: CacheFacts,
    data_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Energy {
    /// The counters that this user may read, by the system's names.
    counters: Vec<String>,
    /// Why there are none.
    problem: Option<String>,
}

/// Runs the command.
///
/// # Errors
///
/// Standard output cannot be written.
pub fn run(args: DoctorArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let report = Report {
        schema: SCHEMA,
        tollgate: env!("CARGO_PKG_VERSION"),
        onnxruntime: onnxruntime::report(args.onnxruntime, environment),
        wasmtime: tollgate_runtime::WASMTIME_VERSION,
        cores: tollgate_nn::cores(),
        clock: machine::clock(Path::new("/")),
        energy: energy(),
        sandbox: machine::sandbox(),
        jail: tollgate_deploy::jail::facts(),
        cache: machine::cache(environment.cache_dir()),
        data_dir: environment.data_dir(),
    };
    if args.json {
        egress::print_json(&report)?;
    } else {
        egress::print(text(&report).trim_end())?;
    }
    Ok(if report.onnxruntime.usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn energy() -> Energy {
    match Meter::open() {
        Ok(meter) => Energy {
            counters: meter.counters(),
            problem: None,
        },
        Err(error) => Energy {
            counters: Vec::new(),
            problem: Some(error.to_string()),
        },
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    render(report, &mut text).ok();
    text
}

fn render(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "tollgate      {}", report.tollgate)?;
    onnxruntime::render(&report.onnxruntime, out)?;
    writeln!(out, "Wasmtime      {}", report.wasmtime)?;
    writeln!(out, "cores         {}", report.cores)?;
    let source = report.clock.source.as_deref().unwrap_or("unknown");
    let tsc = if report.clock.invariant_tsc {
        "an invariant TSC"
    } else {
        "no invariant TSC"
    };
    writeln!(out, "clock         {source}, {tsc}")?;
    match &report.energy.problem {
        None => writeln!(out, "energy        {}", report.energy.counters.join(", "))?,
        Some(problem) => writeln!(out, "energy        {problem}")?,
    }
    match &report.sandbox.problem {
        None => writeln!(out, "sandbox       {}", report.sandbox.words)?,
        Some(problem) => writeln!(out, "sandbox       none: {problem}")?,
    }
    let swap = if report.sandbox.swap {
        "memory is cleared page by page, since there is swap"
    } else {
        "memory is cleared where it was written, since there is no swap"
    };
    writeln!(out, "  clearing    {swap}")?;
    jail::render(&report.jail, out)?;
    if let Some(problem) = &report.cache.problem {
        return writeln!(out, "cache         not used: {problem}");
    }
    match &report.cache.dir {
        Some(dir) => writeln!(
            out,
            "cache         {} ({} plugins, {} bytes)",
            dir.display(),
            report.cache.plugins,
            report.cache.bytes
        ),
        None => writeln!(
            out,
            "cache         none: set HOME, XDG_CACHE_HOME or TOLLGATE_HOME"
        ),
    }
}
