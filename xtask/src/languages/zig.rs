//! C, C++ and Zig, by the compilers and libraries that Zig brings along: bindings from the WIT, the C
//! SDK and the plugin compiled and linked, the core module made a component.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use wit_bindgen_core::{Files, wit_parser::Resolve};

use super::{Job, Language, files};
use crate::{guests, python, shell, toolchain::PLUGIN_TARGET};

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

/// The libraries of [`LINK`] in the words of Zig's own compiler, which compiles them on several cores
/// where `zig cc`, on two, uses one. What it makes is what `zig cc` and `zig c++` then look for.
const LIBRARIES: [&str; 8] = [
    "-j4",
    "-target",
    "wasm32-wasi",
    "-OReleaseFast",
    "-fstrip",
    "-fno-sanitize-c",
    "-mexec-model=reactor",
    "-lc",
];

/// [`LINK`] in those words, for a plugin in Zig. Checked, as Rust is; the stack's guard would ask
/// the host for random numbers.
const ZIG: [&str; 11] = [
    "-target",
    "wasm32-wasi",
    "-mcpu=generic+simd128",
    "-O",
    "ReleaseSafe",
    "-lc",
    "-mexec-model=reactor",
    "-fno-entry",
    "-fstrip",
    "-fno-stack-protector",
    "--stack",
];

/// Builds it.
pub fn component(job: &Job<'_>) -> Result<Vec<u8>> {
    let zig = Zig::ensure(job)?;
    let bindings = bindings(job)?;
    let mut objects = library(job, &zig, &bindings)?;
    let module = job.scratch.join("plugin.wasm");
    let mut link = match job.language {
        Language::Zig => zig_program(job, &zig, &objects, &module)?,
        Language::Cpp => {
            zig.libraries(job, &["-lc++"])?;
            let mut sources = files(&job.sdk("c/src"), "cpp")?;
            sources.extend(files(&job.sources, "cpp")?);
            objects.extend(compile(job, &zig, "c++", &CPP, &sources)?);
            program(&zig, "c++", &objects, &module)
        }
        _ => {
            zig.libraries(job, &[])?;
            objects.extend(compile(job, &zig, "cc", &C, &files(&job.sources, "c")?)?);
            program(&zig, "cc", &objects, &module)
        }
    };
    shell::run(&mut link)?;
    let bytes = fs::read(&module).with_context(|| format!("cannot read `{}`", module.display()))?;
    guests::encode(&bytes, PLUGIN_TARGET)
}

/// What links a plugin in C or C++.
fn program(zig: &Zig, linker: &str, objects: &[PathBuf], module: &Path) -> Command {
    let mut link = zig.command(linker);
    link.args(LINK)
        .arg(format!("-Wl,-z,stack-size={STACK}"))
        .args(objects)
        .arg("-o")
        .arg(module);
    link
}

/// What compiles and links a plugin in Zig, which sees the SDK's header in Zig's own words.
fn zig_program(job: &Job<'_>, zig: &Zig, objects: &[PathBuf], module: &Path) -> Result<Command> {
    let header = job.scratch.join("c.zig");
    let mut translate = zig.command("translate-c");
    translate
        .args(["-target", "wasm32-wasi", "-lc"])
        .arg(job.sdk("c/include/tollgate.h"));
    guests::write_if_changed(&header, shell::read(&mut translate)?.as_bytes())?;

    let mut link = zig.command("build-exe");
    link.args(ZIG)
        .arg(STACK.to_string())
        .args(["--dep", "tollgate"])
        .arg(assigned(
            "-Mroot=",
            &job.sources.join(job.identifier()).with_extension("zig"),
        ))
        .args(["--dep", "c"])
        .arg(assigned("-Mtollgate=", &job.sdk("zig/tollgate.zig")))
        .arg(assigned("-Mc=", &header))
        .args(objects)
        .arg(assigned("-femit-bin=", module));
    Ok(link)
}

fn assigned(option: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument
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

/// C bindings for the plugin world: a header, a source, and an object that carries the types.
fn bindings(job: &Job<'_>) -> Result<PathBuf> {
    let folder = bindings_folder(job)?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(&job.interfaces)?;
    let world = resolve.select_world(&[package], Some("sdk"))?;
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts {
        // What the SDK calls it, whatever it has beside.
        rename_world: Some("plugin".to_owned()),
        ..wit_bindgen_c::Opts::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
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
            python: python::ensure(job.workspace, &python::ZIG)?,
            cache: job.workspace.target("guests/languages/zig-cache"),
        })
    }

    /// Compiles libc, and what else is named, where that has not been done: half a minute.
    fn libraries(&self, job: &Job<'_>, others: &[&str]) -> Result<()> {
        let (empty, program) = (job.scratch.join("empty.c"), job.scratch.join("empty.wasm"));
        guests::write_if_changed(&empty, b"int main(void) { return 0; }\n")?;
        let mut command = self.command("build-exe");
        command.args(LIBRARIES).args(others).arg(empty);
        shell::run(command.arg(assigned("-femit-bin=", &program)))
    }

    /// One of its tools.
    fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-I", "-m", "ziglang", tool])
            .env("ZIG_GLOBAL_CACHE_DIR", &self.cache)
            .env("ZIG_LOCAL_CACHE_DIR", &self.cache);
        command
    }
}
