//! C and C++, by the compilers and libraries that Zig brings along: bindings from the WIT, the C SDK
//! and the plugin compiled and linked, the core module made a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use wit_bindgen_core::{Files, wit_parser::Resolve};

use super::{Job, Language, files};
use crate::{guests, python, shell};

/// One stack for each instance, in bytes: Zig's own 16 MiB would be every instance's.
const STACK: u32 = 128 << 10;

/// What every compilation for the sandbox says: SIMD as in the Rust guests, and no warnings.
const COMPILE: [&str; 7] = [
    "-target",
    "wasm32-wasi",
    "-O2",
    "-msimd128",
    "-Wall",
    "-Wextra",
    "-Werror",
];
const C: [&str; 1] = ["-std=c17"];
/// A sandboxed plugin says what is wrong by a value, or traps.
const CPP: [&str; 3] = ["-std=c++23", "-fno-exceptions", "-fno-rtti"];

/// A library that is called, without a program to start and without names for debuggers. The
/// languages' own libraries are compiled as the optimisation here says.
const LINK: [&str; 6] = [
    "-target",
    "wasm32-wasi",
    "-O2",
    "-mexec-model=reactor",
    "-s",
    "-Wl,--no-entry",
];

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let zig = Zig::ensure(job)?;
    let bindings = bindings(job)?;
    let mut objects = library(job, &zig, &bindings)?;
    let module = job.scratch.join("plugin.wasm");
    let linker = match job.language {
        Language::C => {
            objects.extend(compile(job, &zig, "cc", &C, &files(&job.sources, "c")?)?);
            "cc"
        }
        Language::Cpp => {
            let mut sources = files(&job.sdk("c/src"), "cpp")?;
            sources.extend(files(&job.sources, "cpp")?);
            objects.extend(compile(job, &zig, "c++", &CPP, &sources)?);
            "c++"
        }
    };
    let mut link = zig.command(linker);
    link.args(LINK)
        .arg(format!("-Wl,-z,stack-size={STACK}"))
        .args(objects)
        .arg("-o")
        .arg(&module);
    shell::run(&mut link)?;
    encoded(&module)
}

/// The SDK and the bindings below it, as objects.
fn library(job: &Job<'_>, zig: &Zig, bindings: &Path) -> Result<Vec<PathBuf>> {
    let mut sources = files(&job.sdk("c/src"), "c")?;
    sources.extend(files(bindings, "c")?);
    let mut objects = compile(job, zig, "cc", &C, &sources)?;
    objects.extend(files(bindings, "o")?);
    Ok(objects)
}

/// One object for each source.
fn compile(
    job: &Job<'_>,
    zig: &Zig,
    compiler: &str,
    standard: &[&str],
    sources: &[PathBuf],
) -> Result<Vec<PathBuf>> {
    let objects = job.scratch("objects")?;
    let includes = [job.sdk("c/include"), bindings_folder(job)?];
    let mut made = Vec::new();
    for source in sources {
        let name = source.file_stem().context("a source without a name")?;
        let object = objects.join(name).with_extension("o");
        let mut command = zig.command(compiler);
        command.arg("-c").args(COMPILE).args(standard);
        for folder in &includes {
            command.arg("-I").arg(folder);
        }
        shell::run(command.arg(source).arg("-o").arg(&object))?;
        made.push(object);
    }
    Ok(made)
}

fn encoded(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("cannot read `{}`", module.display()))?;
    guests::encode(&bytes, crate::toolchain::PLUGIN_TARGET)
}

/// C bindings for the plugin world: a header, a source, and an object that carries the types.
fn bindings(job: &Job<'_>) -> Result<PathBuf> {
    let folder = bindings_folder(job)?;
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

fn bindings_folder(job: &Job<'_>) -> Result<PathBuf> {
    guests::folder(job.workspace, "guests/languages/bindings-c")
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
