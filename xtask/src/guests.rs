//! Builds every guest into `target/guests`: components for the sandbox, twins to load natively.
//!
//! A guest is a crate under `examples/*/plugin`, `examples/*/preview1` or `tests/guests`; what it is called decides
//! what it is: `command-…` is a WASI command, `preview1-…` a core module of the generation before (a plugin where it
//! is a library, a command otherwise), `module-…` a core module without WASI, anything else a plugin without WASI. Cargo decides what is
//! fresh; turning a core module into a component takes milliseconds and is done every time, but a
//! file that would not change is not touched. An example has a twin; a test guest has one if its
//! manifest says `twin = true` under `[package.metadata.tollgate]`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

use crate::{
    shell,
    toolchain::{self, Choice, OLD_COMMAND_TARGET, PLUGIN_TARGET, Toolchain},
    workspace::Workspace,
};

/// What a guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A library that exports what it chooses and imports no WASI.
    Plugin,
    /// A program for WASI.
    Command,
    /// A library that stays a core module.
    Module,
    /// A program for preview1 that stays a core module.
    Preview1,
    /// A library for preview1, likewise.
    Preview1Library,
}

/// One guest's crate.
#[derive(Debug)]
pub struct Guest {
    /// The package's name; its component and its twin are called the same.
    pub name: String,
    kind: Kind,
    twin: bool,
    /// Whether it is there for tests only.
    pub fixture: bool,
}

/// Builds them all.
pub fn build(workspace: &Workspace, choice: Choice) -> Result<()> {
    build_some(workspace, choice, discover(workspace)?)
}

/// Builds one, by its package's name.
pub fn build_one(workspace: &Workspace, choice: Choice, name: &str) -> Result<()> {
    let mut guests = discover(workspace)?;
    guests.retain(|guest| guest.name == name);
    if guests.is_empty() {
        bail!("no guest is called `{name}`: see `examples` and `tests/guests`");
    }
    build_some(workspace, choice, guests)
}

fn build_some(workspace: &Workspace, choice: Choice, guests: Vec<Guest>) -> Result<()> {
    let toolchain = toolchain::ensure(workspace, choice)?;
    let count = guests.len();
    let plural = if count == 1 { "" } else { "s" };
    shell::step(&format!("{count} guest{plural}"), || {
        let components = folder(workspace, "guests/components")?;
        let twins = folder(workspace, "guests/twins")?;
        for guest in &guests {
            build_component(workspace, &toolchain, guest, &components)
                .with_context(|| format!("building the guest `{}`", guest.name))?;
            if guest.twin {
                build_twin(workspace, guest, &twins)
                    .with_context(|| format!("building the twin of `{}`", guest.name))?;
            }
        }
        Ok(())
    })
}

/// The guests that the workspace has, by name.
pub fn discover(workspace: &Workspace) -> Result<Vec<Guest>> {
    let mut cargo = workspace.cargo("metadata");
    let json = shell::read(cargo.args(["--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&json).context("cargo metadata is not JSON")?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata names no packages")?;
    let root = workspace.path("");
    let mut guests: Vec<Guest> = packages
        .iter()
        .filter_map(|package| guest(package, &root))
        .collect();
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    if guests.is_empty() {
        bail!("no guest was found under `examples` and `tests/guests`");
    }
    Ok(guests)
}

/// What a package is as a guest, if it is one.
fn guest(package: &Value, root: &Path) -> Option<Guest> {
    let name = package.get("name")?.as_str()?;
    let manifest = Path::new(package.get("manifest_path")?.as_str()?);
    let folder = manifest.parent()?.strip_prefix(root).ok()?;
    let fixture = folder.starts_with("tests/guests");
    let example = folder.starts_with("examples")
        && (folder.ends_with("plugin") || folder.ends_with("preview1"));
    if !fixture && !example {
        return None;
    }
    let kind = match name.split('-').next() {
        Some("command") => Kind::Command,
        Some("module") => Kind::Module,
        Some("preview1") if is_library(package) => Kind::Preview1Library,
        Some("preview1") => Kind::Preview1,
        _ => Kind::Plugin,
    };
    let asked = package.pointer("/metadata/tollgate/twin") == Some(&Value::Bool(true));
    Some(Guest {
        name: name.to_owned(),
        kind,
        twin: example && kind == Kind::Plugin || asked,
        fixture,
    })
}

/// Whether a package is a library for others to load.
fn is_library(package: &Value) -> bool {
    let targets = package.get("targets").and_then(Value::as_array);
    targets.into_iter().flatten().any(|target| {
        let kinds = target.get("kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    })
}

fn build_component(
    workspace: &Workspace,
    toolchain: &Toolchain,
    guest: &Guest,
    components: &Path,
) -> Result<()> {
    let target = match guest.kind {
        Kind::Plugin | Kind::Module => PLUGIN_TARGET,
        Kind::Command => toolchain.command_target,
        Kind::Preview1 | Kind::Preview1Library => OLD_COMMAND_TARGET,
    };
    let mut cargo = compile(workspace, guest, "guest");
    cargo.args(["--target", target]);
    toolchain.apply(&mut cargo);
    separate_crate_type(&mut cargo, guest);
    let module = artifact(&mut cargo, "wasm")?;
    let bytes = fs::read(&module).with_context(|| format!("cannot read `{}`", module.display()))?;
    let stays = matches!(
        guest.kind,
        Kind::Module | Kind::Preview1 | Kind::Preview1Library
    );
    let wasm = if guest.kind == Kind::Preview1Library {
        without_component_types(&bytes)
    } else if stays || is_component(&bytes) {
        bytes
    } else {
        encode(&bytes, target)?
    };
    write_if_changed(&components.join(format!("{}.wasm", guest.name)), &wasm)
}

fn build_twin(workspace: &Workspace, guest: &Guest, twins: &Path) -> Result<()> {
    let mut cargo = compile(workspace, guest, "twin");
    separate_crate_type(&mut cargo, guest);
    let library = artifact(&mut cargo, std::env::consts::DLL_EXTENSION)?;
    let bytes =
        fs::read(&library).with_context(|| format!("cannot read `{}`", library.display()))?;
    write_if_changed(&twins.join(format!("{}.so", guest.name)), &bytes)
}

/// `cargo rustc` of one guest; what comes after `--` is still open.
fn compile(workspace: &Workspace, guest: &Guest, profile: &str) -> Command {
    let mut cargo = workspace.cargo("rustc");
    cargo
        .args([
            "--package",
            &guest.name,
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(workspace.target("guests"))
        .arg("--message-format=json-render-diagnostics");
    cargo
}

/// Cargo optimises across crates at link time only where a library is nothing but a `cdylib`;
/// guests are an `rlib` as well, for their tests' sake.
fn separate_crate_type(cargo: &mut Command, guest: &Guest) {
    match guest.kind {
        Kind::Plugin | Kind::Module | Kind::Preview1Library => {
            cargo.args(["--lib", "--crate-type", "cdylib"])
        }
        Kind::Command | Kind::Preview1 => cargo.args(["--bins"]),
    };
}

/// Runs Cargo and finds the file it made; the last is the package's own, after its dependencies'.
fn artifact(cargo: &mut Command, extension: &str) -> Result<PathBuf> {
    let messages = shell::read(cargo)?;
    messages
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| {
            message
                .get("reason")
                .is_some_and(|reason| reason == "compiler-artifact")
        })
        .find_map(|message| {
            let files = message.get("filenames")?.as_array()?;
            let mut files = files.iter().filter_map(Value::as_str).map(PathBuf::from);
            files.find(|file| file.extension().is_some_and(|found| found == extension))
        })
        .with_context(|| format!("Cargo made no `.{extension}` file: see the crate's type"))
}

/// Whether the bytes are a component already, and not a core module: the layer in the preamble.
fn is_component(bytes: &[u8]) -> bool {
    bytes.get(..8) == Some(b"\0asm\x0d\0\x01\0")
}

/// A core module without what would describe a component: the SDK's crate brings it along wherever it is linked.
/// What is not understood stays as it is.
fn without_component_types(module: &[u8]) -> Vec<u8> {
    let (header, mut rest) = module.split_at(module.len().min(8));
    let mut kept = header.to_vec();
    while let Some((section, after)) = section(rest) {
        if !is_component_type(section) {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

/// The first section, head and all, and what follows it.
fn section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, head) = leb(bytes.get(1..)?)?;
    bytes.split_at_checked(1 + head + size)
}

fn is_component_type(section: &[u8]) -> bool {
    let name = || {
        let (_, head) = leb(section.get(1..)?)?;
        let (size, before) = leb(section.get(1 + head..)?)?;
        section.get(1 + head + before..)?.get(..size)
    };
    section.first() == Some(&0) && name().is_some_and(|name| name.starts_with(b"component-type"))
}

/// An unsigned number of WebAssembly's binary format, and how many bytes it takes.
fn leb(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (place, &byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, place + 1));
        }
    }
    None
}

/// A core module, described by its own custom sections, as a component.
pub fn encode(module: &[u8], target: &str) -> Result<Vec<u8>> {
    let mut fresh = ComponentEncoder::default();
    let mut encoder = fresh.validate(true).module(module)?;
    if target == OLD_COMMAND_TARGET {
        encoder = encoder.adapter(
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        )?;
    }
    encoder
        .encode()
        .context("the core module does not make a component")
}

/// Leaves the file alone where it is right, so that what was compiled from it stays fresh.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    // Renamed into place: a library that somebody has loaded must not change under them.
    let beside = path.with_extension("part");
    fs::write(&beside, bytes).with_context(|| format!("cannot write `{}`", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// A folder under `target/`, made where it is missing.
pub fn folder(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let folder = workspace.target(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    Ok(folder)
}
