//! How helpers are started: what the user has chosen, and what makes the program one.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tollgate_jail::Strength;
use tollgate_nn::OnnxRuntime;

/// What makes the program a helper that runs graphs. The library's path, the layout and the time to spin follow, and
/// then what the jail adds.
pub const HELPER: [&str; 2] = ["jail", "infer"];

/// What makes the program the process from which helpers are forked. The library's path follows.
pub const NURSERY: [&str; 2] = ["jail", "nursery"];

/// The environment of helpers. What reports to ONNX Runtime's maker is a thread, and the layers of the jail are put on a
/// process with one.
pub(crate) const ENVIRONMENT: [(&str, &str); 1] = [("ORT_DISABLE_TELEMETRY", "1")];

/// How helpers are started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program that is the helper; none for this one.
    pub program: Option<PathBuf>,
    /// Whether helpers are forked from a process that has loaded the library, or each loads it.
    pub forked: bool,
    /// What to do about layers of the jail that the machine lacks.
    pub strength: Strength,
    /// How long a side spins for an answer before it sleeps, at most; zero for not at all.
    pub spin: Duration,
    /// The most bytes of models.
    pub model_bytes: u64,
    /// The most bytes of the tensors of an inference.
    pub tensor_bytes: u64,
}

/// The file that this process has ONNX Runtime from, for the helper to load as well. It has none of the environment
/// that the system's loader may have found a name by.
pub(crate) fn library() -> io::Result<String> {
    let path = OnnxRuntime::loaded().map_err(io::Error::other)?.path();
    let name = path.to_string_lossy();
    if path.is_absolute() {
        return Ok(name.into_owned());
    }
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let mut files = maps.lines().filter_map(|line| line.get(line.find('/')?..));
    let found = files.find(|file| {
        let last = Path::new(file).file_name().map(OsStr::to_string_lossy);
        last.is_some_and(|last| last.starts_with(&*name))
    });
    let found = found.map(ToOwned::to_owned);
    found.ok_or_else(|| io::Error::other(format!("the file of `{name}` is not known")))
}
