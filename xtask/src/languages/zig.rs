//! C, by the compiler and libc that Zig brings along: bindings from the WIT, everything compiled
//! in one go, the core module made a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use wit_bindgen_core::{Files, wit_parser::Resolve};

use super::{Job, files};
use crate::{guests, python, shell};

/// One stack for each instance, in bytes: Zig's own 16 MiB would be every instance's.
const STACK: u32 = 128 << 10;

/// What every compilation for the sandbox says: no program of its own to start, SIMD as in the
/// Rust guests, and nothing that the plugin does not need.
const COMMON: [&str; 7] = [
    "-target",
    "wasm32-wasi",
    "-mexec-model=reactor",
    "-O2",
    "-msimd128",
    "-s",
    "-Wl,--no-entry",
];

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let zig = Zig::ensure(job)?;
    let bindings = bindings(job)?;
    let module = job.scratch.join("plugin.wasm");
    let mut compiler = zig.command("cc");
    compiler
        .args(COMMON)
        .arg(format!("-Wl,-z,stack-size={STACK}"))
        .args(["-std=c17", "-Wall", "-Wextra", "-Werror"])
        .arg("-I")
        .arg(job.sdk("c/include"))
        .arg("-I")
        .arg(&bindings)
        .args(files(&job.sdk("c/src"), "c")?)
        .args(files(&bindings, "c")?)
        .args(files(&bindings, "o")?)
        .args(files(&job.sources, "c")?)
        .arg("-o")
        .arg(&module);
    shell::run(&mut compiler)?;
    encoded(&module)
}

fn encoded(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("cannot read `{}`", module.display()))?;
    guests::encode(&bytes, crate::toolchain::PLUGIN_TARGET)
}

/// C bindings for the plugin world: a header, a source, and an object that carries the types.
fn bindings(job: &Job<'_>) -> Result<PathBuf> {
    let folder = guests::folder(job.workspace, "guests/languages/bindings-c")?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(&job.interfaces)?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)?;
    for (name, bytes) in files.iter() {
        guests::write_if_changed(&folder.join(name), bytes)?;
    }
    Ok(folder)
}

/// The compiler.
struct Zig {
    python: PathBuf,
    cache: PathBuf,
}

impl Zig {
    fn ensure(job: &Job<'_>) -> Result<Self> {
        Ok(Zig {
            python: python::environment(job.workspace, "zig", "guest-sdk/c/requirements.txt")?,
            cache: job.workspace.target("guests/languages/zig-cache"),
        })
    }

    /// One of its tools. The first run compiles libc, which takes the better part of a minute.
    fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "ziglang", tool])
            .env("ZIG_GLOBAL_CACHE_DIR", &self.cache)
            .env("ZIG_LOCAL_CACHE_DIR", &self.cache);
        command
    }
}
