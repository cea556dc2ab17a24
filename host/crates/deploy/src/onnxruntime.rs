//! Where the ONNX Runtime library is: which file to load, and how it was found.
//!
//! The places are tried in a fixed order, and the first that names a library decides: the path that
//! was given, `ORT_DYLIB_PATH`, the folder of installed builds, the system's loader. If one of the
//! first two names a missing file, that is an error; the search does not go on. This file only
//! reads folders, and [`install`] fills them. `tollgate-nn` loads the library and checks
//! its version; [`probe`] has a helper process do that first.

pub mod install;
pub mod probe;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use tollgate_nn::{Device, OnnxRuntime};

/// A build of ONNX Runtime, named after the device that it supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Only the CPU.
    Cpu,
    /// NVIDIA, with CUDA and TensorRT.
    Cuda,
    /// Intel, with OpenVINO.
    Openvino,
}

/// The inputs of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The path that was given.
    pub typed: Option<PathBuf>,
    /// The value of `ORT_DYLIB_PATH`.
    pub variable: Option<PathBuf>,
    /// The folder with installed libraries.
    pub data_dir: Option<PathBuf>,
    /// The device that graphs run on; an installed build for it is preferred.
    pub device: Device,
}

/// How the library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its path was given.
    Typed,
    /// `ORT_DYLIB_PATH`.
    Variable,
    /// The folder that [`install`] fills.
    Installed,
    /// No place named one, so the system's loader searches.
    System,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Found::Typed => "the configuration",
            Found::Variable => "ORT_DYLIB_PATH",
            Found::Installed => "the folder of installed builds",
            Found::System => "the system's loader",
        })
    }
}

/// Why there is no library.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A named file is missing.
    #[error("{found} names `{}`, which is not a file", path.display())]
    NotThere {
        /// Where the name came from.
        found: Found,
        /// The path that was named.
        path: PathBuf,
    },
    /// No library was named or installed, and the system has none.
    #[error("no ONNX Runtime was found")]
    Nowhere,
    /// The library does not load, or is too old.
    #[error(transparent)]
    Load(tollgate_nn::Error),
    /// The library was tried in a helper and cannot be used.
    #[error(transparent)]
    Probe(probe::Error),
}

/// Decides which file to load. `None` as the path means that the system's loader searches.
///
/// # Errors
///
/// [`Error::NotThere`].
pub fn locate(search: &Search) -> Result<(Option<PathBuf>, Found), Error> {
    for (path, found) in [
        (&search.typed, Found::Typed),
        (&search.variable, Found::Variable),
    ] {
        if let Some(path) = path {
            if !path.is_file() {
                let path = path.clone();
                return Err(Error::NotThere { found, path });
            }
            return Ok((Some(path.clone()), found));
        }
    }
    let installed = search.data_dir.as_deref().and_then(|data_dir| {
        preference(search.device).into_iter().find_map(|flavour| {
            libraries(&flavour_dir(data_dir, flavour))
                .into_iter()
                .next()
        })
    });
    match installed {
        Some(path) => Ok((Some(path), Found::Installed)),
        None => Ok((None, Found::System)),
    }
}

/// Finds the library and loads it, once per process.
///
/// # Errors
///
/// The library is missing, does not load, or is too old.
pub fn load(search: &Search) -> Result<(&'static OnnxRuntime, Found), Error> {
    let (path, found) = locate(search)?;
    tracing::info!(path = ?path, %found, "loading ONNX Runtime");
    match OnnxRuntime::load(path.as_deref()) {
        Ok(runtime) => Ok((runtime, found)),
        Err(error @ tollgate_nn::Error::LibraryTooOld { .. }) => Err(Error::Load(error)),
        Err(error) if found == Found::System => {
            tracing::info!(%error, "the system has none");
            Err(Error::Nowhere)
        }
        Err(error) => Err(Error::Load(error)),
    }
}

/// The folder with the installed versions of one build.
pub fn flavour_dir(data_dir: &Path, flavour: Flavour) -> PathBuf {
    data_dir.join("onnxruntime").join(match flavour {
        Flavour::Cpu => "cpu",
        Flavour::Cuda => "cuda",
        Flavour::Openvino => "openvino",
    })
}

/// Finds the shared library in an unpacked wheel.
///
/// # Errors
///
/// The folder cannot be read.
pub fn library_in(unpacked: &Path) -> io::Result<Option<PathBuf>> {
    let mut found = None;
    for entry in fs::read_dir(unpacked.join("onnxruntime").join("capi"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("libonnxruntime.so") && path.is_file() {
            found = Some(path);
        }
    }
    Ok(found)
}

/// The builds that support a device, the best first. A CPU graph runs on each build.
fn preference(device: Device) -> [Flavour; 3] {
    match device {
        Device::Cuda | Device::TensorRt => [Flavour::Cuda, Flavour::Cpu, Flavour::Openvino],
        Device::OpenVino => [Flavour::Openvino, Flavour::Cpu, Flavour::Cuda],
        _ => [Flavour::Cpu, Flavour::Openvino, Flavour::Cuda],
    }
}

/// The libraries of all builds in the folder with installed ones.
fn installed(data_dir: &Path) -> Vec<PathBuf> {
    let flavours = preference(Device::Cpu).into_iter();
    flavours
        .flat_map(|flavour| libraries(&flavour_dir(data_dir, flavour)))
        .collect()
}

/// The libraries in a build's folder, that with the highest version first.
fn libraries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut versions: Vec<(Vec<u64>, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let version = name.split('.').map(str::parse).collect::<Result<_, _>>();
            Some((version.ok()?, entry.path()))
        })
        .collect();
    versions.sort();
    versions
        .iter()
        .rev()
        .filter_map(|(_, unpacked)| library_in(unpacked).ok().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(data_dir: &Path, flavour: Flavour, version: &str) -> PathBuf {
        let capi = flavour_dir(data_dir, flavour)
            .join(version)
            .join("onnxruntime/capi");
        fs::create_dir_all(&capi).unwrap();
        let library = capi.join(format!("libonnxruntime.so.{version}"));
        fs::write(&library, "").unwrap();
        fs::write(capi.join("libonnxruntime_providers_shared.so"), "").unwrap();
        library
    }

    fn search(data_dir: &Path) -> Search {
        Search {
            typed: None,
            variable: None,
            data_dir: Some(data_dir.to_owned()),
            device: Device::Cpu,
        }
    }

    #[test]
    fn the_first_place_that_says_anything_decides() {
        let home = tempfile::tempdir().unwrap();
        let mut search = search(home.path());
        assert_eq!(locate(&search).unwrap(), (None, Found::System));

        let installed = install(home.path(), Flavour::Cpu, "1.32.0");
        assert_eq!(
            locate(&search).unwrap(),
            (Some(installed), Found::Installed)
        );

        let file = home.path().join("mine.so");
        fs::write(&file, "").unwrap();
        search.variable = Some(file.clone());
        assert_eq!(
            locate(&search).unwrap(),
            (Some(file.clone()), Found::Variable)
        );

        search.variable = Some(home.path().join("gone.so"));
        search.typed = Some(file.clone());
        assert_eq!(locate(&search).unwrap(), (Some(file), Found::Typed));

        search.typed = Some(home.path().join("gone.so"));
        let error = locate(&search).unwrap_err().to_string();
        assert!(
            error.starts_with("the configuration names") && error.contains("gone.so"),
            "{error}"
        );
    }

    #[test]
    fn the_build_for_the_device_comes_first_and_then_the_newest() {
        let home = tempfile::tempdir().unwrap();
        let old = install(home.path(), Flavour::Cpu, "1.9.0");
        let cpu = install(home.path(), Flavour::Cpu, "1.32.0");
        let cuda = install(home.path(), Flavour::Cuda, "1.31.1");
        fs::create_dir_all(flavour_dir(home.path(), Flavour::Cpu).join(".half-done")).unwrap();
        fs::create_dir_all(flavour_dir(home.path(), Flavour::Cpu).join("2.0.0")).unwrap();

        let mut search = search(home.path());
        assert_eq!(locate(&search).unwrap().0, Some(cpu.clone()));
        search.device = Device::TensorRt;
        assert_eq!(locate(&search).unwrap().0, Some(cuda.clone()));
        search.device = Device::OpenVino;
        assert_eq!(locate(&search).unwrap().0, Some(cpu.clone()));
        assert_eq!(installed(home.path()), [cpu, old, cuda]);
    }
}
