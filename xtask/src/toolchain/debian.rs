//! A compiler for guests out of Debian's packages, where rustup's server is out of reach.
//!
//! Debian carries a recent compiler and the sources of its library, at one version, but no
//! WebAssembly library made with it: that is compiled here, once. The packages conflict with those
//! of rustup, so nothing is installed: they are unpacked below `target/toolchain`, where deleting
//! the folder undoes it all. The linker is the one that the compiler in use came with. Preview 2's
//! C library is not among the packages, preview 1's is: commands are built for that one.
//!
//! 130 MB to download, 608 MB on disk, some minutes of compiling. Linux on Debian or a child of
//! it; packages are checked by apt against its signed lists, as ever.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{OLD_COMMAND_TARGET, PLUGIN_TARGET, Toolchain};
use crate::{shell, workspace::Workspace};

/// The compiler, its library for this machine (build scripts and macros need it), its sources, and
/// the C library that preview 1's part of the standard library stands on.
const PACKAGES: [&str; 4] = [
    "rustc-web",
    "libstd-rust-web-dev",
    "rust-web-src",
    "wasi-libc",
];
/// What some of those depend on at a version that only they know: who says so, and how it starts.
const DEPENDENCIES: [(&str, &str); 2] = [
    ("libstd-rust-web-dev", "libstd-rust-web-"),
    ("libstd-rust-web-", "libllvm"),
];
/// What is of no use in them, and most of the sources' size.
const UNWANTED: [&str; 4] = [
    "./usr/share",
    "./usr/src/*/compiler",
    "./usr/src/*/src",
    "./usr/src/*/debian",
];
/// Counts the ways this file has laid things out; another number means unpacking anew.
const LAYOUT: &str = "1\n";

/// The toolchain, if an earlier run made it.
pub fn ready(workspace: &Workspace) -> Option<Toolchain> {
    let prefix = Prefix::of(workspace);
    let made = fs::read_to_string(prefix.stamp()).is_ok_and(|layout| layout == LAYOUT);
    made.then(|| prefix.toolchain())
}

/// The toolchain, made if need be.
pub fn ensure(workspace: &Workspace) -> Result<Toolchain> {
    if let Some(toolchain) = ready(workspace) {
        return Ok(toolchain);
    }
    let prefix = Prefix::of(workspace);
    remove(&prefix.root)?;
    create(&prefix.root)?;
    let packages = shell::step("Debian's Rust compiler, 130 MB", || prefix.download())?;
    shell::step("unpacking Debian's Rust compiler", || {
        for package in &packages {
            prefix.unpack(package)?;
        }
        prefix.write_wrapper()?;
        prefix.link_linker(workspace)
    })?;
    shell::step("the standard library for WebAssembly, some minutes", || {
        prefix.build_library(workspace)
    })?;
    // Cargo would mix up what an earlier library of the same version left behind.
    remove(&workspace.target("guests"))?;
    fs::write(prefix.stamp(), LAYOUT).context("cannot write the toolchain's stamp")?;
    Ok(prefix.toolchain())
}

/// The folder that it all lies in.
struct Prefix {
    root: PathBuf,
}

impl Prefix {
    fn of(workspace: &Workspace) -> Self {
        Prefix {
            root: workspace.target("toolchain"),
        }
    }

    fn stamp(&self) -> PathBuf {
        self.root.join("layout")
    }

    fn rustc(&self) -> PathBuf {
        self.root.join("rustc")
    }

    fn libraries(&self, target: &str) -> PathBuf {
        self.root.join("usr/lib/rustlib").join(target).join("lib")
    }

    fn toolchain(&self) -> Toolchain {
        Toolchain {
            rustc: Some(self.rustc()),
            command_target: OLD_COMMAND_TARGET,
        }
    }

    /// Downloads the packages and what they depend on, and says where they are.
    fn download(&self) -> Result<Vec<PathBuf>> {
        let folder = self.root.join("packages");
        create(&folder)?;
        let get = |names: &[&str]| {
            let mut apt = Command::new("apt-get");
            shell::run(apt.current_dir(&folder).arg("download").args(names))
                .context("apt may never have fetched its lists: `apt-get update` (as root) does")
        };
        get(&PACKAGES)?;
        for (package, starts) in DEPENDENCIES {
            let file = find(&folder, package)?;
            let depends = shell::read(
                Command::new("dpkg")
                    .args(["--field"])
                    .arg(&file)
                    .arg("Depends"),
            )?;
            let name = depends
                .split([',', '|'])
                .filter_map(|one| one.split_whitespace().next())
                .find(|name| name.starts_with(starts))
                .with_context(|| format!("`{package}` depends on no `{starts}…`: {depends}"))?;
            get(&[name])?;
        }
        entries(&folder)
    }

    fn unpack(&self, package: &Path) -> Result<()> {
        let mut tar = Command::new("tar");
        tar.arg("--extract").arg("--directory").arg(&self.root);
        tar.args(["--anchored", "--no-wildcards-match-slash"]);
        tar.args(UNWANTED.map(|pattern| format!("--exclude={pattern}")));
        shell::pipe(
            Command::new("dpkg").arg("--fsys-tarfile").arg(package),
            &mut tar,
        )
    }

    /// The compiler finds its own libraries only when told where they are.
    fn write_wrapper(&self) -> Result<()> {
        let library = self.root.join("usr/lib");
        let native = entries(&library)?
            .into_iter()
            .find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
            .with_context(|| format!("`{}` holds no native libraries", library.display()))?;
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
            native.display(),
            self.root.join("usr/bin/rustc").display()
        );
        let wrapper = self.rustc();
        fs::write(&wrapper, script).context("cannot write the compiler's wrapper")?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))
            .context("cannot make the compiler's wrapper executable")
    }

    /// Debian's compiler comes without a linker for WebAssembly; the one in use has it.
    fn link_linker(&self, workspace: &Workspace) -> Result<()> {
        let libraries = shell::read(
            Command::new("rustc")
                .current_dir(workspace.path(""))
                .args(["--print", "target-libdir"]),
        )?;
        let host = Path::new(libraries.trim_end())
            .parent()
            .context("a library without a folder")?;
        let name = host.file_name().context("a target without a name")?;
        let tools = host.join("bin");
        if !tools.join("rust-lld").exists() {
            bail!(
                "the compiler in use has no `{}`, which guests are linked with: \
                 install Rust with rustup or from its maintainers' archive",
                tools.join("rust-lld").display()
            );
        }
        let link = self.root.join("usr/lib/rustlib").join(name).join("bin");
        symlink(&tools, &link).with_context(|| format!("cannot link `{}`", link.display()))
    }

    /// Compiles the standard library from the sources, its dependencies from the copies in there.
    fn build_library(&self, workspace: &Workspace) -> Result<()> {
        let vendored = self.root.join("usr/lib/rustlib/src/rust/library/vendor");
        let source = self.root.join("library");
        create(&source.join("src"))?;
        let manifest = "[package]\nname = \"library\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(source.join("Cargo.toml"), manifest).context("cannot write a manifest")?;
        fs::write(source.join("src/lib.rs"), "").context("cannot write a crate")?;
        let built = source.join("target");
        let mut cargo = workspace.cargo("build");
        cargo
            .current_dir(&source)
            .args(["--release", "--offline", "--target-dir"])
            .arg(&built)
            .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="])
            .args(["--target", PLUGIN_TARGET, "--target", OLD_COMMAND_TARGET])
            .args([
                "--config",
                "source.crates-io.replace-with='vendored'",
                "--config",
            ])
            .arg(format!(
                "source.vendored.directory='{}'",
                vendored.display()
            ))
            .env("RUSTC", self.rustc())
            .env("RUSTC_BOOTSTRAP", "1")
            // Guests are linked with LTO, which needs the library's bitcode.
            .env("RUSTFLAGS", "-Cembed-bitcode=yes");
        shell::run(&mut cargo)?;
        for target in [PLUGIN_TARGET, OLD_COMMAND_TARGET] {
            let libraries = self.libraries(target);
            create(&libraries)?;
            copy(
                &built.join(target).join("release/deps"),
                &libraries,
                &["rlib"],
            )?;
        }
        let c_library = self.libraries(OLD_COMMAND_TARGET).join("self-contained");
        create(&c_library)?;
        copy(
            &self.root.join("usr/lib/wasm32-wasi"),
            &c_library,
            &["a", "o"],
        )?;
        self.build_command_start(workspace, &c_library)?;
        // Neither is looked at again.
        remove(&source)?;
        remove(&self.root.join("packages"))
    }

    /// Puts our own start of a command in the place of the C library's.
    fn build_command_start(&self, workspace: &Workspace, c_library: &Path) -> Result<()> {
        let mut rustc = Command::new(self.rustc());
        rustc
            .args(["--edition", "2024", "--crate-type", "lib", "--emit", "obj"])
            .args(["-Copt-level=2", "-Cpanic=abort", "-Ccodegen-units=1"])
            .args(["--target", OLD_COMMAND_TARGET, "-o"])
            .arg(c_library.join("crt1-command.o"))
            .arg(workspace.path("xtask/src/toolchain/debian/command_start.rs"));
        shell::run(&mut rustc)
    }
}

/// The one package whose file's name starts so.
fn find(folder: &Path, starts: &str) -> Result<PathBuf> {
    entries(folder)?
        .into_iter()
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // `libstd-rust-web-1.96` is meant by `libstd-rust-web-`, `libstd-rust-web-dev` is not.
            name.starts_with(starts) && (starts.ends_with("dev") || !name.contains("-dev_"))
        })
        .with_context(|| format!("`{}` holds no package `{starts}`", folder.display()))
}

fn copy(from: &Path, to: &Path, extensions: &[&str]) -> Result<()> {
    for path in entries(from)? {
        let extension = path.extension().unwrap_or_default();
        if let Some(name) = path
            .file_name()
            .filter(|_| extensions.iter().any(|e| extension == *e))
        {
            fs::copy(&path, to.join(name)).with_context(|| {
                format!("cannot copy `{}` to `{}`", path.display(), to.display())
            })?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    folder
        .read_dir()
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect()
        })
        .with_context(|| format!("cannot read `{}`", folder.display()))
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot delete `{}`", folder.display()))
}
