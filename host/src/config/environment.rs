//! The environment variables, read once into a value.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use tollgate_nn::Device;
use tollgate_services::LOG_TARGET;

use tollgate_deploy::onnxruntime::Search;

/// The environment variables, as they were when the program started.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_this_process() -> Self {
        std::env::vars_os().collect()
    }

    /// A variable's value; an empty one counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value.as_os_str())
    }

    /// A variable with a path. The XDG variables only count if their path is absolute.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.get(name)?);
        path.is_absolute().then_some(path)
    }

    /// What to log: `TOLLGATE_LOG` in `tracing`'s filter syntax, or the level that `-v` gives. Log
    /// lines of plugins depend on their grants instead.
    pub fn log_filter(&self, verbose: u8) -> String {
        if let Some(filter) = self.get("TOLLGATE_LOG").and_then(OsStr::to_str) {
            return filter.to_owned();
        }
        let ours = match verbose {
            0 => "warn",
            1 => "warn,tollgate=info,tollgate_runtime=info,tollgate_nn=info",
            _ => "debug",
        };
        format!("{ours},{LOG_TARGET}=trace")
    }

    /// Whether colours are switched off.
    pub fn plain(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    /// Whether ONNX Runtime's telemetry is switched off; see [`super::telemetry`].
    pub fn telemetry_is_off(&self) -> bool {
        self.get("ORT_DISABLE_TELEMETRY") == Some(OsStr::new("1"))
    }

    /// The folder for installed libraries: `TOLLGATE_HOME`, or else `tollgate` in the user's data
    /// folder.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.user_dir("XDG_DATA_HOME", ".local/share", None)
    }

    /// The folder for compiled code: `cache` in `TOLLGATE_HOME`, or else `tollgate` in the user's
    /// cache folder.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        self.user_dir("XDG_CACHE_HOME", ".cache", Some("cache"))
    }

    fn user_dir(&self, xdg: &str, below_home: &str, below_ours: Option<&str>) -> Option<PathBuf> {
        if let Some(ours) = self.get("TOLLGATE_HOME") {
            let mut ours = PathBuf::from(ours);
            ours.extend(below_ours);
            return Some(std::path::absolute(&ours).unwrap_or(ours));
        }
        let base = self.absolute(xdg);
        let base = base.or_else(|| Some(self.absolute("HOME")?.join(below_home)));
        Some(base?.join("tollgate"))
    }

    /// Finds a program of this name on the PATH. Relative entries are ignored: a file in the
    /// working folder must not be run.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(self.get("PATH")?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    }

    /// Where to look for ONNX Runtime.
    pub fn onnxruntime(&self, typed: Option<PathBuf>, device: Device) -> Search {
        Search {
            typed,
            variable: self.get("ORT_DYLIB_PATH").map(PathBuf::from),
            data_dir: self.data_dir(),
            device,
        }
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<T: IntoIterator<Item = (OsString, OsString)>>(pairs: T) -> Self {
        Self {
            variables: pairs.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Environment {
        pub(crate) fn of_pairs(pairs: &[(&str, &str)]) -> Self {
            pairs
                .iter()
                .map(|(key, value)| (OsString::from(key), OsString::from(value)))
                .collect()
        }
    }

    #[test]
    fn folders_come_from_the_environment_in_order() {
        let all = [
            ("TOLLGATE_HOME", "/t"),
            ("XDG_DATA_HOME", "/d"),
            ("XDG_CACHE_HOME", "/c"),
            ("HOME", "/h"),
        ];
        let dirs = |pairs: &[(&str, &str)]| {
            let environment = Environment::of_pairs(pairs);
            (environment.data_dir(), environment.cache_dir())
        };
        let some = |data: &str, cache: &str| (Some(data.into()), Some(cache.into()));
        assert_eq!(dirs(&all), some("/t", "/t/cache"));
        assert_eq!(dirs(&all[1..]), some("/d/tollgate", "/c/tollgate"));
        assert_eq!(
            dirs(&all[3..]),
            some("/h/.local/share/tollgate", "/h/.cache/tollgate")
        );
        // A relative XDG folder and an empty variable count as unset.
        let odd = [
            ("TOLLGATE_HOME", ""),
            ("XDG_DATA_HOME", "d"),
            ("HOME", "/h"),
        ];
        assert_eq!(dirs(&odd).0, Some("/h/.local/share/tollgate".into()));
        assert_eq!(dirs(&[]), (None, None));
    }

    #[test]
    fn logging_is_quiet_until_asked() {
        let filter = |verbose| Environment::of_pairs(&[]).log_filter(verbose);
        assert_eq!(filter(0), "warn,plugin=trace");
        assert_eq!(filter(2), "debug,plugin=trace");
        assert_eq!(
            Environment::of_pairs(&[("TOLLGATE_LOG", "trace")]).log_filter(0),
            "trace"
        );
    }
}
