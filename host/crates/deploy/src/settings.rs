//! Settings: `tollgate tune` finds them and writes them to a file, and `--settings FILE` reads it.
//!
//! The file is TOML. Each key is the option of the same name without its dashes and takes the same
//! values, so each such option can be stored. An unknown key is refused, and so is another schema
//! number. A setting that was not given is `None`; its default is defined only in the functions
//! that resolve it. Options win over the file: [`Settings::or`].

use std::{
    io,
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tollgate_nn::{BatchOptions, BatchPolicy, Device, GraphOptions, Mode, Optimization};
use tollgate_runtime::Policy;
use tollgate_services::{Grants, LogGrant, LogLevel};

use crate::isolation::Isolate;
use crate::textfile;
use crate::values::{self, BucketArg, ConfigArg, VariantArg};

/// The schema number of the file.
pub const SCHEMA: u32 = 1;

/// A file larger than this is not read as settings, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file of settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the settings in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not TOML, or not settings.
    #[error("`{}` holds no settings of schema {SCHEMA}: {reason}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The parser's message, with the place.
        reason: String,
    },
}

/// Settings, each of them optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Threads that run instances, each with its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<NonZero<usize>>,
    /// Whether each frame gets a fresh instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<bool>,
    /// The variant of one model by name, or of all models that have it.
    #[serde(skip_serializing_if = "Vec::is_empty", with = "variants")]
    pub variant: Vec<VariantArg>,
    /// The device that graphs run on.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub device: Option<Device>,
    /// Whether nodes that the device does not support may run on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_cpu_nodes: Option<bool>,
    /// What sessions are optimised for.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub mode: Option<Mode>,
    /// Threads inside one inference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<NonZero<usize>>,
    /// Sessions of a graph on devices other than the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<NonZero<usize>>,
    /// How far ONNX Runtime rewrites graphs.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub optimization: Option<Optimization>,
    /// Whether inferences are merged.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub batch: Option<BatchPolicy>,
    /// The largest number of rows in a merged run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch: Option<NonZero<u32>>,
    /// How long the first inference of a batch waits for others.
    #[serde(skip_serializing_if = "Option::is_none", with = "duration")]
    pub batch_delay: Option<Duration>,
    /// The graphs that run in helper processes of their own: `true` for all, or their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolate: Option<Isolate>,
    /// Configuration values that the plugin may read.
    #[serde(skip_serializing_if = "Vec::is_empty", with = "configs")]
    pub config: Vec<ConfigArg>,
    /// The level from which the plugin's log lines are shown.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub logging: Option<LogLevel>,
    /// Key-value buckets that the plugin may use.
    #[serde(skip_serializing_if = "Vec::is_empty", with = "buckets")]
    pub keyvalue: Vec<BucketArg>,
}

/// The contents of the file: its schema, then the settings.
#[derive(Serialize)]
struct Kept<'a> {
    schema: u32,
    #[serde(flatten)]
    settings: &'a Settings,
}

impl Settings {
    /// Reads a file of settings.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not TOML, has another schema, or has an unknown key or value.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let text = textfile::read(path, MAX_BYTES).map_err(read)?;
        Self::parse(&text).map_err(|reason| Error::Shape {
            path: path.to_owned(),
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The schema is checked first. So a file of another schema is reported as such, and not by
        // its first unknown key.
        let mut table: toml::Table = text.parse().map_err(told)?;
        match table.remove("schema") {
            Some(toml::Value::Integer(found)) if found == i64::from(SCHEMA) => {}
            Some(other) => return Err(format!("its schema is {other}")),
            None => return Err(format!("expected `schema = {SCHEMA}`, and there is none")),
        }
        table.try_into().map_err(told)
    }

    /// The file's text: `comment` as comment lines, then the settings.
    ///
    /// # Errors
    ///
    /// The serialiser can fail, but not for these settings.
    pub fn to_file(&self, comment: &str) -> Result<String, toml::ser::Error> {
        let body = toml::to_string(&Kept {
            schema: SCHEMA,
            settings: self,
        })?;
        let mut text = String::new();
        for line in comment.lines() {
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&body);
        Ok(text)
    }

    /// These settings, completed by those of `other`. Variants are one setting: if any is given,
    /// all of the other's are replaced.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            workers: self.workers.or(other.workers),
            fresh: self.fresh.or(other.fresh),
            variant: if self.variant.is_empty() {
                other.variant
            } else {
                self.variant
            },
            device: self.device.or(other.device),
            allow_cpu_nodes: self.allow_cpu_nodes.or(other.allow_cpu_nodes),
            mode: self.mode.or(other.mode),
            threads: self.threads.or(other.threads),
            sessions: self.sessions.or(other.sessions),
            optimization: self.optimization.or(other.optimization),
            batch: self.batch.or(other.batch),
            max_batch: self.max_batch.or(other.max_batch),
            batch_delay: self.batch_delay.or(other.batch_delay),
            isolate: self.isolate.or(other.isolate),
            config: beside(self.config, other.config, |one| &one.key),
            logging: self.logging.or(other.logging),
            keyvalue: beside(self.keyvalue, other.keyvalue, |one| &one.name),
        }
    }

    /// Adds the configuration and logging that the plugin may use to its grants. Buckets are opened
    /// by [`crate::keyvalue::open`].
    pub fn grant(&self, plugin: &Path, grants: Grants) -> Grants {
        let name = plugin.file_stem().unwrap_or(plugin.as_os_str());
        let pairs = self.config.iter();
        let pairs = pairs.map(|one| (one.key.clone(), one.value.clone()));
        Grants {
            config: Arc::new(pairs.collect()),
            logging: self.logging.map(|least| LogGrant {
                name: name.to_string_lossy().into(),
                least,
            }),
            ..grants
        }
    }

    /// Threads that run instances: one by default.
    pub fn workers(&self) -> NonZero<usize> {
        self.workers.unwrap_or(NonZero::<usize>::MIN)
    }

    /// How instances are used: kept warm by default.
    pub fn policy(&self) -> Policy {
        if self.fresh == Some(true) {
            Policy::Fresh
        } else {
            Policy::default()
        }
    }

    /// How graphs run; the defaults are those of `tollgate-nn`.
    pub fn graph_options(&self) -> GraphOptions {
        let default = GraphOptions::default();
        GraphOptions {
            device: self.device.unwrap_or(default.device),
            allow_cpu_nodes: self.allow_cpu_nodes.unwrap_or(default.allow_cpu_nodes),
            mode: self.mode.unwrap_or(default.mode),
            threads: self.threads.or(default.threads),
            sessions: self.sessions.unwrap_or(default.sessions),
            optimization: self.optimization.unwrap_or(default.optimization),
            batch: BatchOptions {
                policy: self.batch.unwrap_or(default.batch.policy),
                max: self.max_batch.unwrap_or(default.batch.max),
                delay: self.batch_delay.unwrap_or(default.batch.delay),
            },
            ..default
        }
    }
}

/// The given entries, and the stored ones with other keys.
fn beside<T>(typed: Vec<T>, mut kept: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    kept.retain(|one| typed.iter().all(|other| key(other) != key(one)));
    kept.extend(typed);
    kept
}

/// A parser's message on one line.
fn told(error: toml::de::Error) -> String {
    let message: Vec<&str> = error.message().split_whitespace().collect();
    message.join(" ")
}

/// Serialises values that have a name.
mod text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err = String>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(from)?;
        text.parse().map(Some).map_err(D::Error::custom)
    }
}

/// Serialises a duration in the form of the option.
mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::values;

    pub fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_str(&values::show_duration(*value)),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(from)?;
        values::duration(&text).map(Some).map_err(D::Error::custom)
    }
}

/// Serialises lists in which each entry is one word.
macro_rules! typed_list {
    ($module:ident, $item:ty, $parse:path) => {
        mod $module {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub fn serialize<S: Serializer>(items: &[$item], to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq(items.iter().map(ToString::to_string))
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<$item>, D::Error> {
                let texts = Vec::<String>::deserialize(from)?;
                let items = texts.iter().map(|text| $parse(text));
                items.collect::<Result<_, _>>().map_err(D::Error::custom)
            }
        }
    };
}

typed_list!(variants, super::VariantArg, super::values::variant);
typed_list!(configs, super::ConfigArg, super::values::config);
typed_list!(buckets, super::BucketArg, super::values::bucket);

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Settings {
        Settings {
            workers: NonZero::new(4),
            fresh: Some(false),
            variant: vec![values::variant("int8").unwrap()],
            device: Some(Device::Cpu),
            allow_cpu_nodes: Some(false),
            mode: Some(Mode::Latency),
            threads: NonZero::new(2),
            sessions: NonZero::new(3),
            optimization: Some(Optimization::Basic),
            batch: Some(BatchPolicy::On),
            max_batch: NonZero::new(8),
            batch_delay: Some(Duration::from_micros(1500)),
            isolate: Some(Isolate::Names(vec!["digits".to_owned()])),
            config: vec![values::config("a=b=c").unwrap()],
            logging: Some(LogLevel::Warn),
            keyvalue: vec![values::bucket("counts=f.redb").unwrap()],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for settings in [all(), Settings::default()] {
            let text = settings.to_file("made by a test\n\nof now").unwrap();
            assert!(text.starts_with("# made by a test\n#\n# of now\n\nschema = 1\n"));
            assert_eq!(Settings::parse(&text), Ok(settings));
        }
        let text = all().to_file("").unwrap();
        for line in [
            "max-batch = 8",
            "batch-delay = \"1500us\"",
            "variant = [\"int8\"]",
            "isolate = [\"digits\"]",
            "logging = \"warn\"",
            "keyvalue = [\"counts=f.redb\"]",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let refused = |text: &str| Settings::parse(text).unwrap_err();
        assert!(refused("workers = 2").contains("expected `schema = 1`"));
        assert!(refused("schema = 2\nnew = 1").contains("its schema is 2"));
        assert!(refused("schema = 1\nworker = 2").contains("`worker`"));
        assert!(refused("schema = 1\nworkers = 0").contains("nonzero"));
        assert!(refused("schema = 1\nmode = \"fast\"").contains("unknown mode `fast`"));
        assert!(refused("schema = 1\nbatch-delay = \"5\"").contains("such as 500ms"));
        assert!(refused("schema = 1\nvariant = [\"a:b:c\"]").contains("such as int8"));
        assert!(refused("schema = 1\nisolate = 5").contains("or a list of names"));
        assert!(!refused("schema = ").contains('\n'));
        assert!(Settings::read(Path::new("/gone")).is_err());
    }

    #[test]
    fn what_is_typed_wins_and_the_rest_is_kept() {
        let typed = Settings {
            workers: NonZero::new(1),
            mode: Some(Mode::Throughput),
            ..Settings::default()
        };
        let both = typed.clone().or(all());
        assert_eq!((both.workers, both.mode), (typed.workers, typed.mode));
        assert_eq!(both.threads, all().threads);
        assert_eq!(both.variant, all().variant);
        let other = Settings {
            variant: vec![values::variant("digits:fp16").unwrap()],
            ..Settings::default()
        };
        assert_eq!(other.clone().or(all()).variant, other.variant);
        // Grants with different keys are combined.
        let config = |texts: &[&str]| Settings {
            config: texts
                .iter()
                .map(|text| values::config(text).unwrap())
                .collect(),
            ..Settings::default()
        };
        let both = config(&["a=typed", "b=typed"]).or(config(&["a=kept", "c=kept"]));
        assert_eq!(both, config(&["c=kept", "a=typed", "b=typed"]));
    }

    #[test]
    fn what_nobody_gave_is_the_default() {
        let none = Settings::default();
        assert_eq!(none.graph_options(), GraphOptions::default());
        assert_eq!(none.workers().get(), 1);
        assert!(matches!(none.policy(), Policy::Warm { .. }));
        let options = all().graph_options();
        assert_eq!((options.batch.max.get(), options.sessions.get()), (8, 3));
    }
}
