//! Resolves the command line and the environment into plain values.
//!
//! Environment variables are read here only, once, into [`Environment`]. All other code is given
//! values. Resolving reads no file. So an error here is a wrong command line (exit code 2), and an
//! error of a file or a library is failed work (exit code 1). A file of settings is read beforehand
//! and passed in; options win over it.

mod bench;
mod environment;
mod grants;
mod subject;
pub mod telemetry;
mod tune;

pub use subject::raising_option;

use std::{num::NonZero, path::PathBuf, time::Duration};

use glob::Pattern;
use tollgate_deploy::isolation::Isolation;
use tollgate_nn::{BatchPolicy, GraphOptions};
use tollgate_runtime::Policy;
use tollgate_services::{DirGrant, Grants, GraphGrant, Limits};

use crate::cli::{Grantable, RunArgs};
use tollgate_deploy::models::{Chosen, Models};
use tollgate_deploy::onnxruntime::Search;
use tollgate_deploy::settings::Settings;
use tollgate_deploy::values::BucketArg;

pub use bench::Bench;
pub use environment::Environment;
use grants::granting;
pub use tune::Tune;

/// The largest number of workers; a machine with more cores is not an edge machine.
const MAX_WORKERS: usize = 1024;

/// How long a command may run by default. It is a user's program and not a frame, so it gets a day:
/// bounded, but not in the way.
const COMMAND_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// A mistake in the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Models or variants are named twice, or do not exist.
    #[error(transparent)]
    Models(#[from] tollgate_deploy::models::Error),
    /// Something is granted and denied at once.
    #[error("`load` is both allowed and denied: choose one")]
    AllowAndDeny,
    /// A configuration value or a bucket is given twice.
    #[error("`{0}` is given twice: choose one")]
    GivenTwice(String),
    /// More workers than allowed.
    #[error("{0} workers are more than {MAX_WORKERS}: ask for as many as there are cores")]
    Workers(usize),
    /// `-` is given more than once.
    #[error("standard input can be read once: give `-` a single time")]
    StdinTwice,
    /// A plugin without inputs.
    #[error(
        "there is nothing to read: name files, directories or `-` for standard input after the plugin"
    )]
    NoInputs,
    /// The twin is to be measured, but there is none.
    #[error("the path `twin` needs the twin's library: give it with `--twin`")]
    NoTwin,
    /// A twin is given, but is not measured.
    #[error("a twin was given and its path was not: add `twin` to `--paths`")]
    TwinUnused,
    /// A policy for batching is given, although the paths decide what is batched.
    #[error(
        "the path `batched` is what merges inferences, and no other does: leave `--batch {0}` out, or the path"
    )]
    BatchByPath(BatchPolicy),
    /// The server scenario without a bound.
    #[error(
        "the server scenario looks for the highest rate that keeps a bound: give one with `--p99`"
    )]
    NoBound,
    /// Neither a scenario nor a sweep.
    #[error("there is nothing to measure: name a `--scenario`, a `--concurrency` or a `--rate`")]
    NothingToMeasure,
    /// Variants are to be compared, but there is only one.
    #[error(
        "`--variants` compares variants, and there is only `{0}`: name others, such as `--model digits:int8=digits.int8.onnx`"
    )]
    OneVariant(String),
    /// An option that does not apply to the plugin's world.
    #[error("{option} is not for {world}: {instead}")]
    WrongWorld {
        /// The option.
        option: &'static str,
        /// The world of the file.
        world: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
}

/// What `tollgate run` is to do. Some of it depends on the plugin's world, which is only known from
/// its bytes; [`Run::frames`] and [`Run::command`] complete it then.
#[derive(Debug)]
pub struct Run {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// The models, without duplicate names.
    pub models: Vec<Chosen>,
    /// How graphs run.
    pub graph: GraphOptions,
    /// Where to look for ONNX Runtime.
    pub onnxruntime: Search,
    /// The folder for compiled code; `None` to keep none.
    pub cache_dir: Option<PathBuf>,
    /// Where the plugin is compiled, and which graphs run in helper processes.
    pub isolation: Isolation,
    /// Whether to print one JSON object instead of text.
    pub json: bool,
    /// Threads that run instances.
    pub workers: NonZero<usize>,
    /// How instances are used.
    pub policy: Policy,
    /// The guest's limits, for either world.
    pub limits: Limits,
    /// The key-value buckets, for either world.
    pub keyvalue: Vec<BucketArg>,
    /// The other grants that do not depend on the world.
    granted: Grants,
    typed: Box<RunArgs>,
    environment: Environment,
}

/// What to do with a plugin that handles frames.
#[derive(Debug)]
pub struct Frames {
    /// Files, directories and `-`.
    pub inputs: Vec<PathBuf>,
    /// Which files of directories are frames; if empty, their kind decides.
    pub include: Vec<Pattern>,
    /// How often to run the inputs.
    pub passes: NonZero<u32>,
    /// The native twin.
    pub twin: Option<PathBuf>,
    /// What the outputs should say.
    pub truth: Option<PathBuf>,
    /// The folder where outputs are written as files.
    pub out_dir: Option<PathBuf>,
    /// The largest size of one input, in bytes.
    pub max_frame: usize,
    /// What the plugin is granted.
    pub grants: Grants,
}

impl Run {
    /// Resolves the command line. Where an option is missing, `kept` decides.
    ///
    /// # Errors
    ///
    /// Mistakes that do not depend on the plugin's world: duplicate names, contradictions, bounds.
    pub fn resolve(
        typed: Box<RunArgs>,
        kept: Settings,
        environment: Environment,
    ) -> Result<Self, Error> {
        let subject = &typed.subject;
        let settings = subject::settings(subject, typed.workers);
        let settings = granting(&subject.grants, settings)?.or(kept);
        let models = Models::new(&subject.model)?.choose(&settings.variant)?;
        if subject.allow.contains(&Grantable::Load) && typed.deny.contains(&Grantable::Load) {
            return Err(Error::AllowAndDeny);
        }
        let workers = settings.workers();
        if workers.get() > MAX_WORKERS {
            return Err(Error::Workers(workers.get()));
        }
        subject::once(subject)?;
        let mut graph = settings.graph_options();
        if workers.get() == 1 && graph.batch.policy == BatchPolicy::Auto {
            // One worker never has two inferences to merge, so there is nothing to measure.
            graph.batch.policy = BatchPolicy::Off;
        }
        Ok(Self {
            plugin: subject.plugin.clone(),
            models,
            onnxruntime: environment.onnxruntime(subject.onnxruntime.clone(), graph.device),
            graph,
            cache_dir: subject::cache_dir(subject, &environment),
            isolation: subject::isolation(subject, settings.isolate.clone()),
            json: typed.json,
            workers,
            policy: settings.policy(),
            limits: subject::limits(&subject.limits),
            granted: settings.grant(&subject.plugin, Grants::default()),
            keyvalue: settings.keyvalue,
            typed,
            environment,
        })
    }

    /// The values for a plugin that handles frames.
    ///
    /// # Errors
    ///
    /// There are options that only apply to commands, or no inputs.
    pub fn frames(&self) -> Result<Frames, Error> {
        let typed = &self.typed;
        for (given, option) in [
            (!typed.args.is_empty(), "an argument after `--`"),
            (!typed.dir.is_empty(), "`--dir`"),
            (!typed.env.is_empty(), "`--env`"),
        ] {
            if given {
                return Err(Error::WrongWorld {
                    option,
                    world: "a plugin, which reaches no WASI",
                    instead: "leave it out",
                });
            }
        }
        subject::some(&typed.subject)?;
        Ok(Frames {
            inputs: typed.subject.inputs.clone(),
            include: typed.subject.include.clone(),
            passes: typed.repeat,
            twin: typed.twin.clone(),
            truth: typed.truth.clone(),
            out_dir: typed.out_dir.clone(),
            max_frame: typed.subject.limits.max_frame,
            grants: subject::of_plugin(&typed.subject, self.granted.clone()),
        })
    }

    /// The grants and limits for a command.
    ///
    /// # Errors
    ///
    /// There are options that only apply to plugins that handle frames.
    pub fn command(&self) -> Result<(Grants, Limits), Error> {
        let typed = &self.typed;
        for (given, option) in [
            (!typed.subject.inputs.is_empty(), "an input"),
            (typed.repeat.get() > 1, "`--repeat`"),
            (self.workers.get() > 1, "`--workers`"),
            (matches!(self.policy, Policy::Fresh), "`--fresh`"),
            (typed.twin.is_some(), "`--twin`"),
            (typed.truth.is_some(), "`--truth`"),
            (typed.out_dir.is_some(), "`--out-dir`"),
        ] {
            if given {
                return Err(Error::WrongWorld {
                    option,
                    world: "a command",
                    instead: "give a command its arguments after `--` and its files with `--dir`",
                });
            }
        }
        let name = self.plugin.file_name().unwrap_or(self.plugin.as_os_str());
        let mut args = vec![name.to_string_lossy().into_owned()];
        args.extend(typed.args.iter().cloned());
        let env = typed.env.iter().filter_map(|variable| {
            let value = match &variable.value {
                Some(value) => value.clone(),
                None => self.environment.get(&variable.key)?.to_str()?.to_owned(),
            };
            Some((variable.key.clone(), value))
        });
        let dirs = typed.dir.iter().map(|dir| DirGrant {
            host: dir.host.clone(),
            guest: dir.guest.clone(),
            writable: true,
        });
        let grants = Grants {
            graphs: GraphGrant::All,
            // By itself only where a model can do no harm.
            load: !typed.deny.contains(&Grantable::Load)
                && (self.isolation.confines() || typed.subject.allow.contains(&Grantable::Load)),
            dirs: dirs.collect(),
            env: env.collect(),
            args,
            stdio: true,
            ..self.granted.clone()
        };
        let typed = &typed.subject.limits;
        let limits = Limits {
            deadline: Some(typed.deadline.unwrap_or(COMMAND_DEADLINE)),
            inference: typed.inference_deadline.unwrap_or(COMMAND_DEADLINE),
            ..self.limits.clone()
        };
        Ok((grants, limits))
    }
}

#[cfg(test)]
mod tests;
