//! What is meant: the command line and the environment resolved into plain values.
//!
//! Environment variables are read here and nowhere else, once, into [`Environment`]; everything
//! below takes values. Resolving touches no file, so what it refuses was asked wrongly (exit code
//! 2), and what a file or a library refuses is work that failed (exit code 1). A file of settings
//! is read beforehand and handed in; what was typed wins over it.

mod bench;
mod environment;
mod grants;
mod subject;
pub mod telemetry;
mod tune;

pub use subject::limit_option;

use std::{num::NonZero, path::PathBuf, time::Duration};

use glob::Pattern;
use tollgate_nn::{BatchPolicy, GraphOptions};
use tollgate_runtime::{DirGrant, Grants, GraphGrant, Limits, Policy};

use crate::cli::{Grantable, RunArgs};
use tollgate_deploy::models::{Chosen, Models};
use tollgate_deploy::onnxruntime::Search;
use tollgate_deploy::settings::Settings;
use tollgate_deploy::values::BucketArg;

pub use bench::Bench;
pub use environment::Environment;
use grants::granting;
pub use tune::Tune;

/// Threads that anybody may ask for; a machine with more cores than this is not an edge.
const MAX_WORKERS: usize = 1024;

/// How long a command may run by default. It is a person's program and not a frame, so it gets
/// a day: bounded, and out of the way.
const COMMAND_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// What was asked wrongly.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Models or variants that are named twice, or not there.
    #[error(transparent)]
    Models(#[from] tollgate_deploy::models::Error),
    /// Granted and denied at once.
    #[error("`load` is both allowed and denied: choose one")]
    AllowAndDeny,
    /// A configuration value or a bucket given twice.
    #[error("`{0}` is given twice: choose one")]
    GivenTwice(String),
    /// More workers than the bound.
    #[error("{0} workers are more than {MAX_WORKERS}: ask for as many as there are cores")]
    Workers(usize),
    /// `-` more than once.
    #[error("standard input can be read once: give `-` a single time")]
    StdinTwice,
    /// A plugin that was given nothing to read.
    #[error(
        "there is nothing to read: name files, directories or `-` for standard input after the plugin"
    )]
    NoInputs,
    /// The twin is to be measured, and there is none.
    #[error("the path `twin` needs the twin's library: give it with `--twin`")]
    NoTwin,
    /// There is a twin, and nobody measures it.
    #[error("a twin was given and its path was not: add `twin` to `--paths`")]
    TwinUnused,
    /// A policy for batches, where the paths say what is batched.
    #[error(
        "the path `batched` is what merges inferences, and no other does: leave `--batch {0}` out, or the path"
    )]
    BatchByPath(BatchPolicy),
    /// The server scenario without its bound.
    #[error(
        "the server scenario looks for the highest rate that keeps a bound: give one with `--p99`"
    )]
    NoBound,
    /// Neither scenario nor sweep.
    #[error("there is nothing to measure: name a `--scenario`, a `--concurrency` or a `--rate`")]
    NothingToMeasure,
    /// Variants to compare, and only one to choose from.
    #[error(
        "`--variants` compares variants, and there is only `{0}`: name others, such as `--model digits:int8=digits.int8.onnx`"
    )]
    OneVariant(String),
    /// An option of the other world.
    #[error("{option} is not for {world}: {instead}")]
    WrongWorld {
        /// What was typed.
        option: &'static str,
        /// What the file turned out to be.
        world: &'static str,
        /// What to do.
        instead: &'static str,
    },
}

/// What `tollgate run` is to do. Some of it depends on the plugin's world, which only its bytes
/// tell; [`Run::frames`] and [`Run::command`] settle that once it is known.
#[derive(Debug)]
pub struct Run {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// The models, no name twice.
    pub models: Vec<Chosen>,
    /// How they run.
    pub graph: GraphOptions,
    /// How ONNX Runtime is to be found.
    pub onnxruntime: Search,
    /// Where compiled code is kept; none to keep nothing.
    pub cache_dir: Option<PathBuf>,
    /// One JSON object, or text for people.
    pub json: bool,
    /// Threads that run instances.
    pub workers: NonZero<usize>,
    /// How instances are used.
    pub policy: Policy,
    /// What a guest may use, whatever its world.
    pub limits: Limits,
    /// Key-value buckets that it may use, whatever its world.
    pub keyvalue: Vec<BucketArg>,
    /// What else of grants does not depend on its world.
    granted: Grants,
    typed: Box<RunArgs>,
    environment: Environment,
}

/// What is to be done with a plugin of the plugin world.
#[derive(Debug)]
pub struct Frames {
    /// Files, directories and `-`.
    pub inputs: Vec<PathBuf>,
    /// Which files of directories are frames; empty to tell by their kind.
    pub include: Vec<Pattern>,
    /// How often to go through them.
    pub passes: NonZero<u32>,
    /// The native twin.
    pub twin: Option<PathBuf>,
    /// The true readings.
    pub truth: Option<PathBuf>,
    /// Where outputs are written as files.
    pub out_dir: Option<PathBuf>,
    /// How large one input may be, in bytes.
    pub max_frame: usize,
    /// What the plugin may reach.
    pub grants: Grants,
}

impl Run {
    /// Resolves what was typed, with what `kept` says where nothing was.
    ///
    /// # Errors
    ///
    /// What no plugin's world could make right: duplicate names, contradictions, bounds.
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
            // One worker never has two inferences to merge: there is nothing to measure for.
            graph.batch.policy = BatchPolicy::Off;
        }
        Ok(Self {
            plugin: subject.plugin.clone(),
            models,
            onnxruntime: environment.onnxruntime(subject.onnxruntime.clone(), graph.device),
            graph,
            cache_dir: subject::cache_dir(subject, &environment),
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

    /// What it means for a plugin of the plugin world.
    ///
    /// # Errors
    ///
    /// Options that are only for commands, and no inputs.
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

    /// What it means for a command: its grants and limits.
    ///
    /// # Errors
    ///
    /// Options that are only for plugins.
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
            load: !typed.deny.contains(&Grantable::Load),
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
