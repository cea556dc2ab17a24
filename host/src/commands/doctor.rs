//! `tollgate doctor`: facts about this machine.
//!
//! It changes nothing. The exit code is 1 if no ONNX Runtime can be used, since then no plugin with
//! a model can run. Anything else that is missing is only reported.

mod jail;

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;
use tollgate_nn::Device;
use tollgate_runtime::Engine;
use tollgate_services::Limits;
use tollgate_wasm::Calls;

use tollgate_bench::energy::Meter;

use crate::{cli::DoctorArgs, config::Environment, egress, remedy};
use tollgate_deploy::cache::{Cache, FolderError};
use tollgate_deploy::reserve::engine_config;

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.doctor/1";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    tollgate: &'static str,
    onnxruntime: OnnxRuntime,
    wasmtime: &'static str,
    cores: usize,
    clock: Clock,
    energy: Energy,
    sandbox: Sandbox,
    jail: tollgate_deploy::jail::Jail,
    cache: CacheFacts,
    data_dir: Option<PathBuf>,
}

#[derive(Default, Serialize)]
struct OnnxRuntime {
    usable: bool,
    path: Option<PathBuf>,
    found_by: Option<String>,
    version: Option<String>,
    devices: Vec<String>,
    /// Whether its telemetry is switched off.
    telemetry_off: bool,
    /// Why it cannot be used.
    problem: Option<String>,
}

#[derive(Serialize)]
struct Clock {
    /// The kernel's clock source.
    source: Option<String>,
    /// Whether the processor's counter runs at a constant rate.
    invariant_tsc: bool,
}

#[derive(Serialize)]
struct Energy {
    /// The counters that this user may read, by the system's names.
    counters: Vec<String>,
    /// Why there are none.
    problem: Option<String>,
}

/// The memory that `run` reserves by default.
#[derive(Serialize)]
struct Sandbox {
    /// How many instances memory is reserved for in advance; null if each instance reserves its
    /// own.
    instances: Option<u32>,
    /// The bytes reserved for each linear memory.
    memory_bytes: u64,
    /// Whether guests check the bounds of their memory, which slows them down.
    checks_bounds: bool,
    /// The address space for this, in bytes, as far as it was probed.
    space_bytes: u64,
    /// Whether there is swap, in which case the memory of instances is cleared in a slower way.
    swap: bool,
    /// Why there is no sandbox.
    problem: Option<String>,
    #[serde(skip)]
    words: String,
}

#[derive(Default, Serialize)]
struct CacheFacts {
    dir: Option<PathBuf>,
    plugins: usize,
    bytes: u64,
    /// Why it is not used.
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
        onnxruntime: onnx_runtime(args.onnxruntime, environment),
        wasmtime: tollgate_runtime::WASMTIME_VERSION,
        cores: tollgate_nn::cores(),
        clock: clock(Path::new("/")),
        energy: energy(),
        sandbox: sandbox(),
        jail: tollgate_deploy::jail::facts(),
        cache: cache(environment.cache_dir()),
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

fn onnx_runtime(typed: Option<PathBuf>, environment: &Environment) -> OnnxRuntime {
    let telemetry_off = environment.telemetry_is_off();
    match tollgate_deploy::onnxruntime::load(&environment.onnxruntime(typed, Device::Cpu)) {
        Ok((runtime, found)) => OnnxRuntime {
            usable: true,
            path: Some(runtime.path().to_owned()),
            found_by: Some(remedy::found_by(found)),
            version: Some(runtime.version().to_owned()),
            devices: runtime.devices().iter().map(ToString::to_string).collect(),
            telemetry_off,
            problem: None,
        },
        Err(error) => OnnxRuntime {
            telemetry_off,
            problem: Some(remedy::words(&error)),
            ..OnnxRuntime::default()
        },
    }
}

/// Reads the facts about the clock from the files below `root`.
fn clock(root: &Path) -> Clock {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let source = read("sys/devices/system/clocksource/clocksource0/current_clocksource");
    let flags = read("proc/cpuinfo").and_then(|text| {
        let flags = text.lines().find(|line| line.starts_with("flags"))?;
        Some(
            flags
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    });
    let has = |flag: &str| flags.iter().flatten().any(|found| found == flag);
    Clock {
        source: source.map(|source| source.trim().to_owned()),
        invariant_tsc: has("constant_tsc") && has("nonstop_tsc"),
    }
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

fn sandbox() -> Sandbox {
    let limits = Limits::default();
    let config = engine_config(tollgate_nn::cores(), &limits);
    let (reserved, problem) = match Engine::new(&config).reserved(Calls::Sync) {
        Ok(reserved) => (Some(reserved), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Sandbox {
        instances: reserved.and_then(|reserved| reserved.instances),
        memory_bytes: reserved.map_or(0, |reserved| reserved.memory_bytes),
        checks_bounds: reserved.is_some_and(|reserved| reserved.checks_bounds),
        space_bytes: reserved.map_or(0, |reserved| reserved.space_bytes),
        swap: config.swap,
        words: reserved.map_or_else(String::new, |reserved| {
            let space = reserved.space_bytes >> 30;
            let fewer = reserved.instances != Some(config.instances);
            let why = if fewer {
                format!(", of {space} GiB of addresses: raise `ulimit -v` for more")
            } else {
                String::new()
            };
            format!("{reserved}{why}")
        }),
        problem,
    }
}

fn cache(dir: Option<PathBuf>) -> CacheFacts {
    let usage = dir.as_deref().map(Cache::usage_below);
    let (plugins, bytes, problem) = match usage {
        Some(Ok((plugins, bytes))) => (plugins, bytes, None),
        // Not an error: the folder is created when it is first needed.
        Some(Err(FolderError::Io { source, .. })) if source.kind() == io::ErrorKind::NotFound => {
            (0, 0, None)
        }
        Some(Err(error)) => (0, 0, Some(tollgate_report::one_line(&error))),
        None => (0, 0, None),
    };
    CacheFacts {
        dir,
        plugins,
        bytes,
        problem,
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
    let runtime = &report.onnxruntime;
    match (&runtime.version, &runtime.problem) {
        (Some(version), _) => {
            writeln!(out, "ONNX Runtime  {version}")?;
            if let Some(path) = &runtime.path {
                writeln!(out, "  at          {}", path.display())?;
            }
            if let Some(found_by) = &runtime.found_by {
                writeln!(out, "  found by    {found_by}")?;
            }
            writeln!(out, "  devices     {}", runtime.devices.join(", "))?;
            let telemetry = if runtime.telemetry_off {
                "off"
            } else {
                "as the library has it"
            };
            writeln!(out, "  telemetry   {telemetry}")?;
        }
        (None, problem) => {
            writeln!(
                out,
                "ONNX Runtime  none: {}",
                problem.as_deref().unwrap_or("not found")
            )?;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_what_the_kernel_says() {
        let root = tempfile::tempdir().unwrap();
        let unknown = clock(root.path());
        assert!(unknown.source.is_none() && !unknown.invariant_tsc);
        let clocksource = root
            .path()
            .join("sys/devices/system/clocksource/clocksource0");
        fs::create_dir_all(&clocksource).unwrap();
        fs::write(clocksource.join("current_clocksource"), "tsc\n").unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        fs::write(
            root.path().join("proc/cpuinfo"),
            "flags\t: fpu constant_tsc nonstop_tsc\n",
        )
        .unwrap();
        let known = clock(root.path());
        assert_eq!(
            (known.source.as_deref(), known.invariant_tsc),
            (Some("tsc"), true)
        );
    }
}
