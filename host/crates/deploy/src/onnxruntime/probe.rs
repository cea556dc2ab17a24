//! Tries an ONNX Runtime library in a helper process: one that dies when it is loaded, or never comes back, does
//! that to the helper alone.
//!
//! The library is the user's own choice and is trusted as the host is. So the helper is apart from the host and not
//! confined ([`tollgate_jail::serve_apart`]): the library opens what it depends on. Each device but the CPU is
//! tried in a helper of its own, since a provider may fail where the library works.

use std::{
    ffi::OsStr,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tollgate_jail::{Bounds, Job, Strength};
use tollgate_nn::{Device, GraphOptions, GraphRegistry, OnnxRuntime};
use tollgate_report::in_one_line;

use super::{Found, Search, installed, locate};

/// What makes the program a helper that tries a library. The device to make a session on may follow, and what the
/// helper's own crate adds.
pub const HELPER: [&str; 2] = ["jail", "library"];

/// The most bytes that are read of a helper's answer. 64 KiB: a version, some names and a sentence.
const ANSWER_BYTES: u64 = 64 << 10;

/// The longest time for one library with all its devices. 30 s: loading one takes less than a second, and what
/// drives a graphics processor some seconds.
const TIME: Duration = Duration::from_secs(30);

/// A model whose output is its input. It has no operator, so a session of it needs the device and nothing else.
const MODEL: &[u8] = b"\x08\x08\x3a\x25\x12\x01g\
    \x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01\
    \x62\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01\
    \x42\x02\x10\x0d";

/// Tries libraries.
#[derive(Clone, Debug)]
pub struct Prober {
    /// The program that is the helper.
    pub program: PathBuf,
    /// The longest time for one library with all its devices.
    pub time: Duration,
}

impl Default for Prober {
    /// With helpers of this very program.
    fn default() -> Self {
        Self {
            program: tollgate_jail::ITSELF.into(),
            time: TIME,
        }
    }
}

/// A library that loads.
#[derive(Debug)]
pub struct Library {
    /// Where it is: a path, or a name that the system's loader resolves.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    /// The devices that it has providers for, by name.
    pub devices: Vec<String>,
    /// Those of them on which no session can be made.
    pub unusable_devices: Vec<Unusable>,
}

/// A device on which no session can be made.
#[derive(Debug, Serialize)]
pub struct Unusable {
    /// Its name.
    pub device: String,
    /// Why.
    pub problem: String,
}

/// What came of trying a library, for a report.
#[derive(Debug, Default, Serialize)]
pub struct Tried {
    /// Where it is.
    pub path: Option<PathBuf>,
    /// Its version.
    pub version: Option<String>,
    /// The devices that it has providers for.
    pub devices: Vec<String>,
    /// Those of them on which no session can be made.
    pub unusable_devices: Vec<Unusable>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

impl From<Library> for Tried {
    fn from(library: Library) -> Self {
        Self {
            path: Some(library.path),
            version: Some(library.version),
            devices: library.devices,
            unusable_devices: library.unusable_devices,
            problem: None,
        }
    }
}

impl Tried {
    /// A library that cannot be used.
    pub fn failed(path: Option<PathBuf>, problem: String) -> Self {
        Self {
            path,
            problem: Some(problem),
            ..Self::default()
        }
    }
}

/// Why a library cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not load, or is too old.
    #[error("{reason}")]
    Refused {
        /// In words, with its path.
        reason: String,
        /// Whether it is one, but too old.
        too_old: bool,
    },
    /// The helper that tried it gave no answer.
    #[error("ONNX Runtime at `{}` cannot be used: {why}", path.display())]
    Unanswered {
        /// Where it is.
        path: PathBuf,
        /// What happened to the helper.
        why: String,
    },
}

/// What a helper says, as TOML.
#[derive(Default, Deserialize, Serialize)]
struct Answer {
    path: String,
    version: String,
    devices: Vec<String>,
    /// Why the library, or the device that was asked for, cannot be used.
    problem: Option<String>,
    too_old: bool,
}

impl Prober {
    /// Finds the library that would be loaded and tries it.
    ///
    /// # Errors
    ///
    /// As [`super::load`], and [`super::Error::Probe`].
    pub fn find(&self, search: &Search) -> Result<(Library, Found), super::Error> {
        let (path, found) = locate(search)?;
        match self.library(path.as_deref()) {
            Ok(library) => Ok((library, found)),
            Err(Error::Refused { too_old: false, .. }) if found == Found::System => {
                Err(super::Error::Nowhere)
            }
            Err(error) => Err(super::Error::Probe(error)),
        }
    }

    /// Tries all installed libraries but the one at `used`.
    pub fn others(&self, data_dir: Option<&Path>, used: Option<&Path>) -> Vec<Tried> {
        let all = data_dir.map(installed).unwrap_or_default();
        let others = all.into_iter().filter(|path| Some(path.as_path()) != used);
        let tried = others.map(|path| match self.library(Some(&path)) {
            Ok(library) => library.into(),
            Err(error) => Tried::failed(Some(path), error.to_string()),
        });
        tried.collect()
    }

    /// Tries the library at a path, or the one that the system's loader finds, and each device of it but the CPU.
    ///
    /// # Errors
    ///
    /// It does not load, or what loads it dies or does not come back.
    pub fn library(&self, path: Option<&Path>) -> Result<Library, Error> {
        let until = Instant::now() + self.time;
        let mut library = self.load(path)?;
        let devices = library.devices.iter();
        let tried = devices.filter(|device| *device != Device::Cpu.name());
        library.unusable_devices = tried
            .filter_map(|device| {
                let left = until.saturating_duration_since(Instant::now());
                let problem = match self.ask(path, Some(device), left) {
                    Ok(answer) => answer.problem?,
                    Err(why) => why,
                };
                Some(Unusable {
                    device: device.clone(),
                    problem: in_one_line(&problem),
                })
            })
            .collect();
        Ok(library)
    }

    /// As [`Prober::library`], without its devices.
    ///
    /// # Errors
    ///
    /// As [`Prober::library`].
    pub fn load(&self, path: Option<&Path>) -> Result<Library, Error> {
        let answer = self.ask(path, None, self.time);
        let answer = answer.map_err(|why| Error::Unanswered {
            path: path.unwrap_or(Path::new("libonnxruntime.so")).to_owned(),
            why: in_one_line(&why),
        })?;
        if let Some(problem) = answer.problem {
            return Err(Error::Refused {
                reason: in_one_line(&problem),
                too_old: answer.too_old,
            });
        }
        let known = answer.devices.iter().filter_map(|name| name.parse().ok());
        Ok(Library {
            path: path.map_or_else(|| answer.path.into(), Path::to_owned),
            version: in_one_line(&answer.version),
            devices: known.map(|device: Device| device.to_string()).collect(),
            unusable_devices: Vec::new(),
        })
    }

    /// Has a helper load a library, and make a session on a device of it. The error says what became of the helper.
    ///
    /// # Errors
    ///
    /// There is no answer.
    fn ask(
        &self,
        path: Option<&Path>,
        device: Option<&str>,
        time: Duration,
    ) -> Result<Answer, String> {
        let path = path.unwrap_or(Path::new(""));
        // There are helpers on Linux only.
        if cfg!(not(target_os = "linux")) {
            return Ok(answer(device, path));
        }
        let arguments: Vec<&str> = HELPER.into_iter().chain(device).collect();
        let job = Job {
            arguments: &arguments,
            bounds: Bounds {
                memory_bytes: u64::MAX,
                private_bytes: u64::MAX,
                result_bytes: ANSWER_BYTES,
                time,
            },
            strength: Strength::Best,
        };
        let done = job.run_apart(&self.program, path.as_os_str().as_bytes());
        let done = done.map_err(|error| match error {
            tollgate_jail::Error::Died(how) => format!("the process that tried it died ({how})"),
            tollgate_jail::Error::Late(_) => {
                let most = self.time.as_secs();
                format!("the process that tried it was not done within {most} s")
            }
            tollgate_jail::Error::Memory(_) => "there is not enough memory to try it".to_owned(),
            error => tollgate_report::one_line(&error),
        })?;
        read(&done.file)
    }
}

/// What a helper left, up to its bound.
fn read(file: impl Read) -> Result<Answer, String> {
    let mut text = String::new();
    match file.take(ANSWER_BYTES + 1).read_to_string(&mut text) {
        Ok(bytes) if bytes as u64 <= ANSWER_BYTES => {
            toml::from_str(&text).map_err(|_| io::Error::other("what it wrote is not an answer"))
        }
        Ok(_) => Err(io::ErrorKind::FileTooLarge.into()),
        Err(error) => Err(error),
    }
    .map_err(|error| format!("the process that tried it gave no answer: {error}"))
}

/// What a helper does that tries the library at a path, the system's if that is empty.
///
/// # Errors
///
/// The answer cannot be written down.
pub fn in_helper(device: Option<&str>, path: &[u8]) -> Result<Vec<u8>, String> {
    let answer = answer(device, Path::new(OsStr::from_bytes(path)));
    let text = toml::to_string(&answer).map_err(|error| error.to_string())?;
    Ok(text.into_bytes())
}

fn answer(device: Option<&str>, path: &Path) -> Answer {
    let path = (!path.as_os_str().is_empty()).then_some(path);
    let runtime = match OnnxRuntime::load(path) {
        Ok(runtime) => runtime,
        Err(error) => {
            return Answer {
                too_old: matches!(error, tollgate_nn::Error::LibraryTooOld { .. }),
                problem: Some(tollgate_nn::causes(&error)),
                ..Answer::default()
            };
        }
    };
    Answer {
        path: runtime.path().display().to_string(),
        version: runtime.version().to_owned(),
        devices: runtime.devices().iter().map(Device::to_string).collect(),
        problem: device.and_then(|device| session(device).err()),
        too_old: false,
    }
}

/// Makes a session on a device.
fn session(device: &str) -> Result<(), String> {
    let options = GraphOptions {
        device: device.parse()?,
        // What the device's provider leaves to the CPU is no reason to say that there is none.
        allow_cpu_nodes: true,
        ..GraphOptions::default()
    };
    match GraphRegistry::load_private(MODEL, &options) {
        Ok(_) => Ok(()),
        Err(tollgate_nn::Error::Device { reason, .. }) => Err(reason),
        Err(error) => Err(tollgate_nn::causes(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_up_to_their_bound_and_not_guessed() {
        let said = Answer {
            version: "1.32.0".to_owned(),
            devices: vec!["cpu".to_owned()],
            ..Answer::default()
        };
        let text = toml::to_string(&said).unwrap();
        let heard = read(text.as_bytes()).unwrap();
        assert_eq!((heard.version, heard.devices), (said.version, said.devices));
        assert_eq!(heard.problem, None);
        for wrong in [&b""[..], b"version = 1", b"\xff\xfe", &[b'#'; 1 << 20]] {
            let error = read(wrong).map(drop).unwrap_err();
            assert!(error.contains("gave no answer"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_tried_is_a_sentence() {
        let prober = Prober {
            program: "/nowhere/at/all".into(),
            time: TIME,
        };
        let error = prober.load(Some(Path::new("/a.so"))).unwrap_err();
        let begin = "ONNX Runtime at `/a.so` cannot be used: a helper process cannot be started";
        assert!(error.to_string().starts_with(begin), "{error}");
    }
}
