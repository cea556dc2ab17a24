//! `tollgate runtime install`: installs an ONNX Runtime build from the Python package index.
//!
//! It runs the index's usual client with one wheel, with a pinned version and a required SHA-256.
//! So it installs exactly the file that this version of Tollgate was tested with, whatever index
//! the machine uses. The library in the wheel is the same for each Python version, so one fixed
//! wheel is named, and the user's Python only downloads it. That Python is isolated: code in the
//! working folder, or in folders from Python's environment variables, is not run. The wheel is
//! unpacked beside its final place and then renamed, so an install is complete or absent. If it is
//! there already, the network is not used.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, anyhow, bail};
use serde::Serialize;

use tollgate_deploy::onnxruntime::{self, Flavour};

use crate::{cli::InstallArgs, config::Environment, egress, progress};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.runtime-install/1";

/// The Python version whose wheel is used, whatever version is installed here.
const PYTHON_VERSION: &str = "3.12";
const PYTHON_ABI: &str = "cp312";

/// The Python programs to try, the usual name first.
const PYTHONS: [&str; 8] = [
    "python3",
    "python",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
];

/// One wheel.
#[derive(Debug, PartialEq, Eq)]
struct Wheel {
    flavour: Flavour,
    package: &'static str,
    version: &'static str,
    architecture: &'static str,
    sha256: &'static str,
}

/// The known wheels. They need glibc 2.28 or newer.
const WHEELS: [Wheel; 4] = [
    Wheel {
        flavour: Flavour::Cpu,
        package: "onnxruntime",
        version: "1.32.0",
        architecture: "x86_64",
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    },
    Wheel {
        flavour: Flavour::Cpu,
        package: "onnxruntime",
        version: "1.32.0",
        architecture: "aarch64",
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    },
    Wheel {
        flavour: Flavour::Cuda,
        package: "onnxruntime-gpu",
        version: "1.31.1",
        architecture: "x86_64",
        sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    },
    Wheel {
        flavour: Flavour::Openvino,
        package: "onnxruntime-openvino",
        version: "1.24.1",
        architecture: "x86_64",
        sha256: "d617fac2f59a6ab5ea59a788c3e1592240a129642519aaeaa774761dfe35150e",
    },
];

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
    let wheel = wheel(
        args.device.into(),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )?;
    let place = onnxruntime::flavour_dir(&data_dir, wheel.flavour).join(wheel.version);
    let there = tollgate_deploy::onnxruntime::library_in(&place)
        .ok()
        .flatten();
    let installed = there.is_none();
    let library = match there {
        Some(library) => library,
        None => install(wheel, &place, environment)?,
    };
    let report = Report {
        schema: SCHEMA,
        package: wheel.package,
        version: wheel.version,
        library,
        installed,
    };
    if args.json {
        egress::print_json(&report)?;
    } else {
        let verb = if installed {
            "installed"
        } else {
            "already there"
        };
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

/// The wheel for a build on a machine.
fn wheel(flavour: Flavour, os: &str, architecture: &str) -> anyhow::Result<&'static Wheel> {
    WHEELS
        .iter()
        .find(|wheel| {
            os == "linux" && wheel.flavour == flavour && wheel.architecture == architecture
        })
        .ok_or_else(|| {
            let flavour = format!("{flavour:?}").to_lowercase();
            anyhow!(
                "no build of ONNX Runtime for {flavour} on {os} {architecture} is known here: \
                 get one from its maintainers and name it with `--onnxruntime` or ORT_DYLIB_PATH"
            )
        })
}

/// Downloads, checks and unpacks a wheel, and moves it to its place.
fn install(wheel: &Wheel, place: &Path, environment: &Environment) -> anyhow::Result<PathBuf> {
    let python = python_with_pip(environment)?;
    let parent = place
        .parent()
        .context("the folder to install into has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create `{}`", parent.display()))?;
    let scratch = tempfile::Builder::new()
        .prefix(".install-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write in `{}`", parent.display()))?;

    let downloaded = download(&python, wheel, scratch.path())?;
    let unpacked = scratch.path().join("unpacked");
    {
        let _spinner = progress::spinner("unpacking");
        let mut unpack = module(&python, "zipfile");
        unpack.arg("-e").arg(&downloaded).arg(&unpacked);
        succeed(&mut unpack, "unpack the wheel")?;
    }
    if tollgate_deploy::onnxruntime::library_in(&unpacked)?.is_none() {
        bail!(
            "the wheel of {} {} holds no ONNX Runtime library: report this",
            wheel.package,
            wheel.version
        );
    }
    // An existing folder has no library in it, or this would not have been called.
    if place.exists() {
        fs::rename(place, scratch.path().join("replaced"))
            .with_context(|| format!("cannot replace `{}`", place.display()))?;
    }
    let moved = fs::rename(&unpacked, place);
    // Another install may have finished first; its result is the same.
    match (
        tollgate_deploy::onnxruntime::library_in(place)
            .ok()
            .flatten(),
        moved,
    ) {
        (Some(library), _) => Ok(library),
        (None, moved) => {
            moved.with_context(|| format!("cannot move the build to `{}`", place.display()))?;
            bail!(
                "`{}` vanished while it was installed: run this again",
                place.display()
            )
        }
    }
}

/// Downloads the wheel into `scratch` with pip, checking its hash. Progress goes to standard error.
fn download(python: &Path, wheel: &Wheel, scratch: &Path) -> anyhow::Result<PathBuf> {
    let requirements = scratch.join("requirements.txt");
    let target = scratch.join("wheel");
    fs::write(&requirements, requirement(wheel)).context("cannot write the requirements file")?;
    let mut pip = module(python, "pip");
    pip.args(["download", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes"])
        .args([
            "--implementation",
            "cp",
            "--python-version",
            PYTHON_VERSION,
            "--abi",
            PYTHON_ABI,
        ])
        .args([
            "--platform",
            &format!("manylinux_2_28_{}", wheel.architecture),
        ])
        .args([
            "--progress-bar",
            if io::stderr().is_terminal() {
                "on"
            } else {
                "off"
            },
        ])
        .arg("--dest")
        .arg(&target)
        .arg("--requirement")
        .arg(&requirements);
    egress::say(format_args!(
        "getting {} {} with pip",
        wheel.package, wheel.version
    ));
    succeed(&mut pip, "download the wheel")?;
    let entry = fs::read_dir(&target)
        .context("pip left no folder")?
        .next()
        .context("pip left no wheel")??;
    Ok(entry.path())
}

/// A line of a requirements file that only this wheel matches.
fn requirement(wheel: &Wheel) -> String {
    format!(
        "{}=={} --hash=sha256:{}\n",
        wheel.package, wheel.version, wheel.sha256
    )
}

/// The first Python on this machine that has pip.
fn python_with_pip(environment: &Environment) -> anyhow::Result<PathBuf> {
    PYTHONS
        .into_iter()
        .filter_map(|name| environment.program(name))
        .find(|python| {
            module(python, "pip")
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .context("no Python 3 with pip was found: install one (`apt-get install python3-pip` on Debian), or name a library with `--onnxruntime`")
}

/// The command that runs a Python module as a program. It is isolated, so the module cannot come
/// from the working folder, from a folder in an environment variable, or from the user's packages.
fn module(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-I", "-m", name]);
    command
}

/// Runs a program to its end. Its output goes to standard error, since standard output is for this
/// command's own result.
fn succeed(command: &mut Command, what: &str) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .with_context(|| format!("cannot {what}"))?;
    if !status.success() {
        bail!("cannot {what}: {status}; what it said stands above");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_pinned_by_a_whole_hash() {
        for wheel in &WHEELS {
            let line = requirement(wheel);
            let (package, hash) = line.trim_end().split_once(" --hash=sha256:").unwrap();
            assert_eq!(package, format!("{}=={}", wheel.package, wheel.version));
            assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn a_machine_without_a_wheel_is_told_so() {
        assert_eq!(
            wheel(Flavour::Cpu, "linux", "aarch64")
                .unwrap()
                .architecture,
            "aarch64"
        );
        for (flavour, os, architecture) in [
            (Flavour::Cuda, "linux", "aarch64"),
            (Flavour::Cpu, "macos", "aarch64"),
            (Flavour::Cpu, "linux", "riscv64"),
        ] {
            let error = wheel(flavour, os, architecture).unwrap_err().to_string();
            assert!(
                error.contains(architecture) && error.contains("ORT_DYLIB_PATH"),
                "{error}"
            );
        }
    }
}
