//! Installs an ONNX Runtime build from the Python package index.
//!
//! It runs the index's usual client with one wheel, with a pinned version and a required SHA-256.
//! So it installs exactly the file that this version of Tollgate was tested with, whatever index
//! the machine uses. The library in the wheel is the same for each Python version, so one fixed
//! wheel is named, and the user's Python only downloads it. That Python is isolated: code in the
//! working folder, or in folders from Python's environment variables, is not run. The wheel is
//! unpacked beside its final place, its library is tried in a helper process, and then it is
//! renamed, so an install is complete or absent. If it is there already and can be used, the
//! network is not used.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use super::{
    Flavour, flavour_dir, library_in,
    probe::{self, Prober},
};

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
pub struct Wheel {
    flavour: Flavour,
    /// The package's name in the index.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
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

/// What is done next and takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The wheel is downloaded. The program that does this says on standard error how far it is.
    Download,
    /// The wheel is unpacked.
    Unpack,
}

/// A build that is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its library.
    pub library: PathBuf,
    /// Whether it was put there by this call; false if it was there already.
    pub new: bool,
}

/// Why a build cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no wheel for this machine.
    #[error("no build of ONNX Runtime for {flavour} on {os} {architecture} is known here")]
    NoWheel {
        /// The build.
        flavour: String,
        /// The operating system.
        os: String,
        /// The processor's architecture.
        architecture: String,
    },
    /// There is no Python that can download it.
    #[error("no Python 3 with pip was found")]
    NoPython,
    /// The folder to install into is the root of the file system.
    #[error("the folder to install into has no parent")]
    NoParent,
    /// A file or a folder cannot be read or written, or a program cannot be started.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program failed.
    #[error("cannot {what}: {status}; what it said stands above")]
    Program {
        /// What it was to do.
        what: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// There is no folder where pip should have put the wheel.
    #[error("pip left no folder")]
    NoFolder(#[source] io::Error),
    /// The folder where pip should have put the wheel is empty.
    #[error("pip left no wheel")]
    NothingLeft,
    /// The wheel has no library in it.
    #[error("the wheel of {package} {version} holds no ONNX Runtime library: report this")]
    NoLibrary {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
    },
    /// The library in the wheel cannot be used on this machine.
    #[error("{package} {version} is not installed: {why}")]
    Unusable {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// What came of trying it.
        why: probe::Error,
    },
    /// The folder was removed by somebody else.
    #[error("`{}` vanished while it was installed: run this again", .0.display())]
    Vanished(PathBuf),
}

/// Turns the system's reason into an error that says what was tried.
fn cannot(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::System { what, source }
}

/// The wheel for a build on a machine.
///
/// # Errors
///
/// There is none.
pub fn wheel(flavour: Flavour, os: &str, architecture: &str) -> Result<&'static Wheel, Error> {
    WHEELS
        .iter()
        .find(|wheel| {
            os == "linux" && wheel.flavour == flavour && wheel.architecture == architecture
        })
        .ok_or_else(|| Error::NoWheel {
            flavour: format!("{flavour:?}").to_lowercase(),
            os: os.to_owned(),
            architecture: architecture.to_owned(),
        })
}

/// Downloads, checks, unpacks and tries a wheel, and moves it to its place in the folder with
/// installed libraries, unless one is there already that can be used. `program` finds a program by
/// its name. `tell` is called before each step.
///
/// # Errors
///
/// There is no Python with pip, pip or writing fails, or the library cannot be used.
pub fn install(
    wheel: &Wheel,
    data_dir: &Path,
    program: impl Fn(&str) -> Option<PathBuf>,
    tell: impl FnMut(Step),
) -> Result<Installed, Error> {
    let place = flavour_dir(data_dir, wheel.flavour).join(wheel.version);
    let there = library_in(&place).ok().flatten();
    let there = there.filter(|library| usable(wheel, library).is_ok());
    let new = there.is_none();
    let library = match there {
        Some(library) => library,
        None => make(wheel, &place, program, tell)?,
    };
    Ok(Installed { library, new })
}

fn make(
    wheel: &Wheel,
    place: &Path,
    program: impl Fn(&str) -> Option<PathBuf>,
    mut tell: impl FnMut(Step),
) -> Result<PathBuf, Error> {
    let python = python_with_pip(program)?;
    let parent = place.parent().ok_or(Error::NoParent)?;
    fs::create_dir_all(parent).map_err(cannot(format!("create `{}`", parent.display())))?;
    let scratch = tempfile::Builder::new()
        .prefix(".install-")
        .tempdir_in(parent)
        .map_err(cannot(format!("write in `{}`", parent.display())))?;

    let downloaded = download(&python, wheel, scratch.path(), || tell(Step::Download))?;
    let unpacked = scratch.path().join("unpacked");
    tell(Step::Unpack);
    let mut unpack = module(&python, "zipfile");
    unpack.arg("-e").arg(&downloaded).arg(&unpacked);
    succeed(&mut unpack, "unpack the wheel")?;
    let held = library_in(&unpacked).map_err(cannot("read the unpacked wheel"))?;
    let held = held.ok_or(Error::NoLibrary {
        package: wheel.package,
        version: wheel.version,
    })?;
    usable(wheel, &held)?;
    // An existing folder has no library in it that can be used, or this would not have been called.
    if place.exists() {
        fs::rename(place, scratch.path().join("replaced"))
            .map_err(cannot(format!("replace `{}`", place.display())))?;
    }
    let moved = fs::rename(&unpacked, place);
    // Another install may have finished first; its result is the same.
    match (library_in(place).ok().flatten(), moved) {
        (Some(library), _) => Ok(library),
        (None, moved) => {
            moved.map_err(cannot(format!("move the build to `{}`", place.display())))?;
            Err(Error::Vanished(place.to_owned()))
        }
    }
}

/// Whether a library loads, as a helper process finds out.
fn usable(wheel: &Wheel, library: &Path) -> Result<(), Error> {
    let tried = Prober::default().load(Some(library)).map(drop);
    tried.map_err(|why| Error::Unusable {
        package: wheel.package,
        version: wheel.version,
        why,
    })
}

/// Downloads the wheel into `scratch` with pip, checking its hash. Progress goes to standard error.
fn download(
    python: &Path,
    wheel: &Wheel,
    scratch: &Path,
    tell: impl FnOnce(),
) -> Result<PathBuf, Error> {
    let requirements = scratch.join("requirements.txt");
    let target = scratch.join("wheel");
    fs::write(&requirements, requirement(wheel)).map_err(cannot("write the requirements file"))?;
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
    tell();
    succeed(&mut pip, "download the wheel")?;
    let entry = fs::read_dir(&target)
        .map_err(Error::NoFolder)?
        .next()
        .ok_or(Error::NothingLeft)?
        .map_err(cannot("read the folder of the wheel"))?;
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
fn python_with_pip(program: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, Error> {
    PYTHONS
        .into_iter()
        .filter_map(program)
        .find(|python| {
            module(python, "pip")
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .ok_or(Error::NoPython)
}

/// The command that runs a Python module as a program. It is isolated, so the module cannot come
/// from the working folder, from a folder in an environment variable, or from the user's packages.
fn module(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-I", "-m", name]);
    command
}

/// Runs a program to its end. Its output goes to standard error, since standard output is for the
/// caller's own result.
fn succeed(command: &mut Command, what: &'static str) -> Result<(), Error> {
    let status = command
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(cannot(what))?;
    if !status.success() {
        return Err(Error::Program { what, status });
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
            assert!(error.contains(architecture), "{error}");
        }
    }
}
