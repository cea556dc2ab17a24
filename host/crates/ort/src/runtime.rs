//! The ONNX Runtime library of this process: loaded once, from a given path or by the system's loader. If
//! it is missing, too old, or not ONNX Runtime at all, it is refused with an error that says so.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ort::ep::ExecutionProvider;

use crate::{Device, Error, nativelog, run, text::tidy};

/// The oldest ONNX Runtime that this crate works with: the one that `ort`'s `api-17` needs.
const OLDEST_MINOR: u32 = 17;

/// A loaded ONNX Runtime.
pub struct OnnxRuntime {
    path: PathBuf,
    version: String,
    devices: Vec<Device>,
    environment: ort::environment::Environment,
}

static LOADED: OnceLock<OnnxRuntime> = OnceLock::new();

impl OnnxRuntime {
    /// Loads the library at `path`, or the one that the system's loader finds. Only the first call in a
    /// process loads; later ones return the same library, whatever their path.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] if there is none, [`Error::LibraryTooOld`] if it is too old.
    pub fn load(path: Option<&Path>) -> Result<&'static OnnxRuntime, Error> {
        // Two threads must not set ONNX Runtime up at the same time.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded);
        }
        let runtime = Self::load_now(path)?;
        Ok(LOADED.get_or_init(|| runtime))
    }

    /// The library that an earlier [`OnnxRuntime::load`] loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NoLibrary`] if none is loaded.
    pub fn loaded() -> Result<&'static OnnxRuntime, Error> {
        LOADED.get().ok_or(Error::NoLibrary)
    }

    fn load_now(path: Option<&Path>) -> Result<Self, Error> {
        let path = path.map_or_else(default_library, Path::to_path_buf);
        let shown = path.display().to_string();
        let library = |reason: String| Error::Library {
            path: shown.clone(),
            reason,
        };
        // Held until `ort` has loaded it as well: relocating it twice would take twice as long.
        let (version, _held) = run::library_version(&path).map_err(library)?;
        if minor(&version).is_none_or(|minor| minor < OLDEST_MINOR) {
            return Err(Error::LibraryTooOld {
                path: shown,
                found: version,
                needed: format!("1.{OLDEST_MINOR}"),
            });
        }
        let environment = ort::init_from(&path)
            .map_err(|error| library(error.to_string()))?
            .with_telemetry(false)
            .with_logger(Arc::new(nativelog::line))
            .build()
            .map_err(|error| library(tidy(error.message())))?;
        environment.set_log_level(nativelog::level());
        let devices = Device::ALL.into_iter().filter(|&d| available(d)).collect();
        Ok(Self {
            path,
            version,
            devices,
            environment,
        })
    }

    /// Where it was loaded from: a path, or a name that the system's loader resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version, such as `1.32.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The devices that this build has providers for. A machine may still lack the hardware.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The names of the devices, separated by commas.
    pub(crate) fn device_names(&self) -> String {
        let names: Vec<&str> = self.devices.iter().map(|device| device.name()).collect();
        names.join(", ")
    }

    pub(crate) fn environment(&self) -> &ort::environment::Environment {
        &self.environment
    }
}

/// The library's file name, for the system's loader to find.
fn default_library() -> PathBuf {
    format!(
        "{}onnxruntime{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
    .into()
}

fn minor(version: &str) -> Option<u32> {
    let mut parts = version.split('.');
    match (
        parts.next()?.parse::<u32>().ok()?,
        parts.next()?.parse().ok()?,
    ) {
        (1, minor) => Some(minor),
        (0, _) => None,
        // A later major version is newer than any minor one.
        _ => Some(u32::MAX),
    }
}

fn available(device: Device) -> bool {
    use ort::ep;
    let there = match device {
        Device::Cpu => Ok(true),
        Device::Cuda => ep::CUDA::is_available(),
        Device::TensorRt => ep::TensorRT::is_available(),
        Device::OpenVino => ep::OpenVINO::is_available(),
        Device::CoreMl => ep::CoreML::is_available(),
        Device::DirectMl => ep::DirectML::is_available(),
        Device::Xnnpack => ep::XNNPACK::is_available(),
    };
    there.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(minor("1.32.0"), Some(32));
        assert_eq!(minor("1.9.1"), Some(9));
        assert_eq!(minor("2.0.0"), Some(u32::MAX));
        assert_eq!(minor("nonsense"), None);
    }

    #[test]
    fn a_missing_library_is_a_sentence() {
        let error = OnnxRuntime::load(Some(Path::new("/nowhere/libonnxruntime.so")))
            .map(|_| ())
            .unwrap_err();
        let message = error.to_string();
        let begin = "cannot load ONNX Runtime from `/nowhere/libonnxruntime.so`: ";
        assert!(message.starts_with(begin), "{message}");
    }
}
