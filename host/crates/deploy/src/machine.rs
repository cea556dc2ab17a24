//! Facts about this machine: its clock, what can be reserved for sandboxes, what the cache holds.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tollgate_runtime::Engine;
use tollgate_services::Limits;
use tollgate_wasm::Calls;

use crate::{
    cache::{Cache, FolderError},
    reserve::engine_config,
};

/// The clock of this machine.
#[derive(Serialize)]
pub struct Clock {
    /// The kernel's clock source.
    pub source: Option<String>,
    /// Whether the processor's counter runs at a constant rate.
    pub invariant_tsc: bool,
}

/// The memory that `run` reserves by default.
#[derive(Serialize)]
pub struct Sandbox {
    /// How many instances memory is reserved for in advance; null if each instance reserves its
    /// own.
    pub instances: Option<u32>,
    /// The bytes reserved for each linear memory.
    pub memory_bytes: u64,
    /// Whether guests check the bounds of their memory, which slows them down.
    pub checks_bounds: bool,
    /// The address space for this, in bytes, as far as it was probed.
    pub space_bytes: u64,
    /// Whether there is swap, in which case the memory of instances is cleared in a slower way.
    pub swap: bool,
    /// Why there is no sandbox.
    pub problem: Option<String>,
    /// What is reserved, in words.
    #[serde(skip)]
    pub words: String,
}

/// The cache of compiled plugins.
#[derive(Default, Serialize)]
pub struct CacheFacts {
    /// Its place; null if there is none.
    pub dir: Option<PathBuf>,
    /// How many plugins it holds.
    pub plugins: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Why it is not used.
    pub problem: Option<String>,
}

/// Reads the facts about the clock from the files below `root`.
pub fn clock(root: &Path) -> Clock {
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

/// Reserves what `run` reserves, and tells what it was.
pub fn sandbox() -> Sandbox {
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

/// Looks into the cache below a folder. Creates nothing.
pub fn cache(dir: Option<PathBuf>) -> CacheFacts {
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
