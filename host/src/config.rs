//! What is meant: the command line and the environment resolved into plain values.
//!
//! Environment variables are read here and nowhere else, once, into [`Environment`]; everything
//! below takes values. Resolving touches no file, so what it refuses was asked wrongly (exit code
//! 2), and what a file or a library refuses is work that failed (exit code 1). A file of settings
//! is read beforehand and handed in; what was typed wins over it.

mod bench;
mod environment;
mod grants;
pub mod telemetry;
mod tune;

use std::{num::NonZero, path::PathBuf, time::Duration};

use tollgate_nn::{BatchPolicy, GraphOptions};
use tollgate_runtime::{DirGrant, Grants, GraphGrant, Limits, Policy};

use crate::{
    cli::{Grantable, GraphArgs, LimitArgs, RunArgs},
    models::{self, Chosen, Models},
    onnxruntime::Search,
    settings::Settings,
    values::BucketArg,
};

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
    Models(#[from] models::Error),
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
    /// How often to go through them.
    pub passes: NonZero<u32>,
    /// The native twin.
    pub twin: Option<PathBuf>,
    /// The true readings.
    pub truth: Option<PathBuf>,
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
        let settings = settings(&typed.graph, typed.workers, typed.fresh);
        let settings = granting(&typed.grants, settings)?.or(kept);
        let models = Models::new(&typed.model)?.choose(&settings.variant)?;
        if typed.allow.contains(&Grantable::Load) && typed.deny.contains(&Grantable::Load) {
            return Err(Error::AllowAndDeny);
        }
        let workers = settings.workers();
        if workers.get() > MAX_WORKERS {
            return Err(Error::Workers(workers.get()));
        }
        if typed
            .inputs
            .iter()
            .filter(|path| path.as_os_str() == "-")
            .count()
            > 1
        {
            return Err(Error::StdinTwice);
        }
        let mut graph = settings.graph_options();
        if workers.get() == 1 && graph.batch.policy == BatchPolicy::Auto {
            // One worker never has two inferences to merge: there is nothing to measure for.
            graph.batch.policy = BatchPolicy::Off;
        }
        Ok(Self {
            plugin: typed.plugin.clone(),
            models,
            onnxruntime: environment.onnxruntime(typed.onnxruntime.clone(), graph.device),
            graph,
            cache_dir: if typed.no_cache {
                None
            } else {
                environment.cache_dir()
            },
            json: typed.json,
            workers,
            policy: settings.policy(),
            limits: limits(&typed.limits),
            granted: settings.grant(&typed.plugin, Grants::default()),
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
        if typed.inputs.is_empty() {
            return Err(Error::NoInputs);
        }
        Ok(Frames {
            inputs: typed.inputs.clone(),
            passes: typed.repeat,
            twin: typed.twin.clone(),
            truth: typed.truth.clone(),
            max_frame: typed.limits.max_frame,
            grants: Grants {
                graphs: GraphGrant::All,
                load: typed.allow.contains(&Grantable::Load),
                ..self.granted.clone()
            },
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
            (!typed.inputs.is_empty(), "an input"),
            (typed.repeat.get() > 1, "`--repeat`"),
            (self.workers.get() > 1, "`--workers`"),
            (matches!(self.policy, Policy::Fresh), "`--fresh`"),
            (typed.twin.is_some(), "`--twin`"),
            (typed.truth.is_some(), "`--truth`"),
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
        let limits = Limits {
            deadline: Some(typed.limits.deadline.unwrap_or(COMMAND_DEADLINE)),
            inference: typed.limits.inference_deadline.unwrap_or(COMMAND_DEADLINE),
            ..self.limits.clone()
        };
        Ok((grants, limits))
    }
}

/// The settings that were typed.
pub(crate) fn settings(
    graph: &GraphArgs,
    workers: Option<NonZero<usize>>,
    fresh: Option<bool>,
) -> Settings {
    Settings {
        workers,
        fresh,
        variant: graph.variant.clone(),
        device: graph.device,
        allow_cpu_nodes: graph.allow_cpu_nodes,
        mode: graph.mode,
        threads: graph.threads,
        sessions: graph.sessions,
        optimization: graph.optimization,
        batch: graph.batch,
        max_batch: graph.max_batch,
        batch_delay: graph.batch_delay,
        ..Settings::default()
    }
}

/// The runtime's defaults with what was typed in their place.
fn limits(typed: &LimitArgs) -> Limits {
    let mut limits = Limits::default();
    if let Some(deadline) = typed.deadline {
        limits.deadline = Some(deadline);
    }
    if let Some(deadline) = typed.inference_deadline {
        limits.inference = deadline;
    }
    put(&mut limits.memory_bytes, typed.max_memory);
    put(&mut limits.table_elements, typed.max_table_elements);
    put(&mut limits.tensor_bytes, typed.max_tensors);
    put(&mut limits.model_bytes, typed.max_model);
    put(&mut limits.handles, typed.max_handles);
    put(&mut limits.host_call_bytes, typed.max_host_call);
    put(&mut limits.log_line_bytes, typed.max_log_line);
    put(&mut limits.log_bytes, typed.max_log);
    put(&mut limits.key_bytes, typed.max_key);
    put(&mut limits.value_bytes, typed.max_value);
    if let Some(bytes) = typed.max_bucket {
        limits.bucket_bytes = bytes as u64;
    }
    limits
}

fn put(limit: &mut usize, typed: Option<usize>) {
    if let Some(typed) = typed {
        *limit = typed;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tollgate_nn::{Device, Mode};

    use super::*;
    use crate::cli::{Cli, Command};

    fn resolve(words: &str, pairs: &[(&str, &str)]) -> Result<Run, Error> {
        let words = ["tollgate", "run"]
            .into_iter()
            .chain(words.split_whitespace());
        let Command::Run(typed) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not run");
        };
        Run::resolve(typed, Settings::default(), Environment::of_pairs(pairs))
    }

    #[test]
    fn the_library_is_asked_for_in_order() {
        let run = resolve(
            "a.wasm --onnxruntime /typed.so --device cuda",
            &[("ORT_DYLIB_PATH", "/variable.so"), ("HOME", "/h")],
        )
        .unwrap();
        assert_eq!(
            run.onnxruntime,
            Search {
                typed: Some("/typed.so".into()),
                variable: Some("/variable.so".into()),
                data_dir: Some("/h/.local/share/tollgate".into()),
                device: Device::Cuda,
            }
        );
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(
            resolve("a.wasm --model a=x --model a=y", &[]).unwrap_err(),
            Error::Models(models::Error::Duplicate("a".into()))
        );
        assert_eq!(
            resolve("a.wasm --allow load --deny load", &[]).unwrap_err(),
            Error::AllowAndDeny
        );
        assert_eq!(
            resolve("a.wasm --workers 5000", &[]).unwrap_err(),
            Error::Workers(5000)
        );
        assert_eq!(resolve("a.wasm - b -", &[]).unwrap_err(), Error::StdinTwice);
        for twice in ["--config k=1 --config k=2", "--keyvalue k=a --keyvalue k=b"] {
            let error = resolve(&format!("a.wasm f {twice}"), &[]).unwrap_err();
            assert_eq!(error, Error::GivenTwice("k".into()));
        }
        assert!(resolve("a.wasm f --config k=1 --keyvalue k=a", &[]).is_ok());
    }

    #[test]
    fn a_file_of_settings_counts_where_nothing_was_typed() {
        let kept = Settings {
            workers: NonZero::new(3),
            fresh: Some(true),
            mode: Some(Mode::Latency),
            variant: vec![crate::values::variant("int8").unwrap()],
            ..Settings::default()
        };
        let run = |words: &str| {
            let words = format!("tollgate run a.wasm --model m=x --model m:int8=y {words}");
            let Command::Run(typed) = Cli::try_parse_from(words.split_whitespace())
                .unwrap()
                .command
            else {
                panic!("not run");
            };
            Run::resolve(typed, kept.clone(), Environment::of_pairs(&[])).unwrap()
        };
        let kept_all = run("");
        assert_eq!(
            (kept_all.workers.get(), kept_all.graph.mode),
            (3, Mode::Latency)
        );
        assert!(matches!(kept_all.policy, Policy::Fresh));
        assert_eq!(kept_all.models[0].variant, "int8");
        let typed = run("--workers 1 --fresh=false --mode throughput --variant default");
        assert_eq!(
            (typed.workers.get(), typed.graph.mode),
            (1, Mode::Throughput)
        );
        assert!(matches!(typed.policy, Policy::Warm { .. }));
        assert_eq!(typed.models[0].variant, "default");
    }

    #[test]
    fn each_world_has_its_options() {
        let refused = |words: &str, frames: bool| {
            let run = resolve(words, &[]).unwrap();
            let error = if frames {
                run.frames().map(drop)
            } else {
                run.command().map(drop)
            };
            error.unwrap_err().to_string()
        };
        assert_eq!(
            resolve("a.wasm", &[]).unwrap().frames().unwrap_err(),
            Error::NoInputs
        );
        assert!(refused("a.wasm f --dir d", true).contains("`--dir` is not for a plugin"));
        assert!(refused("a.wasm f --env A=b", true).contains("`--env`"));
        assert!(refused("a.wasm f -- x", true).contains("after `--`"));
        for words in [
            "f",
            "--repeat 2",
            "--workers 2",
            "--fresh",
            "--twin t",
            "--truth t",
        ] {
            let error = refused(&format!("a.wasm {words}"), false);
            assert!(error.contains("is not for a command"), "{words}: {error}");
        }
    }

    #[test]
    fn a_plugin_gets_graphs_and_nothing_else() {
        let frames = resolve("a.wasm f", &[]).unwrap().frames().unwrap();
        assert!(!frames.grants.load && frames.grants.args.is_empty());
        assert!(!frames.grants.stdio);
        let run = resolve("a.wasm f --allow load --fresh", &[]).unwrap();
        assert!(run.frames().unwrap().grants.load && matches!(run.policy, Policy::Fresh));
    }

    #[test]
    fn a_command_gets_what_was_named() {
        let run = resolve(
            "dir/a.wasm --dir m::/models --env A=b --env C --env D -- x y",
            &[("C", "c")],
        )
        .unwrap();
        let (grants, limits) = run.command().unwrap();
        assert_eq!(grants.args, ["a.wasm", "x", "y"]);
        assert_eq!(
            grants.env,
            [("A".into(), "b".into()), ("C".into(), "c".into())]
        );
        assert!(grants.load && grants.stdio);
        assert_eq!(limits.deadline, Some(COMMAND_DEADLINE));
        let run = resolve("a.wasm --deny load --deadline 3s", &[]).unwrap();
        let (grants, limits) = run.command().unwrap();
        assert!(!grants.load);
        assert_eq!(limits.deadline, Some(Duration::from_secs(3)));
    }

    #[test]
    fn limits_that_were_typed_replace_the_defaults() {
        let run = resolve("a.wasm --max-memory 3MiB --deadline 5ms", &[]).unwrap();
        let default = Limits::default();
        assert_eq!(run.limits.memory_bytes, 3 << 20);
        assert_eq!(run.limits.deadline, Some(Duration::from_millis(5)));
        assert_eq!(run.limits.tensor_bytes, default.tensor_bytes);
    }

    #[test]
    fn one_worker_measures_nothing_for_a_batch() {
        let batch = |words: &str| resolve(words, &[]).unwrap().graph.batch;
        assert_eq!(batch("a.wasm").policy, BatchPolicy::Off);
        assert_eq!(batch("a.wasm --batch on").policy, BatchPolicy::On);
        let two = batch("a.wasm --workers 2 --max-batch 7 --batch-delay 3ms");
        assert_eq!((two.policy, two.max.get()), (BatchPolicy::Auto, 7));
        assert_eq!(two.delay, Duration::from_millis(3));
    }

    #[test]
    fn the_cache_can_be_switched_off() {
        assert!(
            resolve("a.wasm", &[("HOME", "/h")])
                .unwrap()
                .cache_dir
                .is_some()
        );
        assert!(
            resolve("a.wasm --no-cache", &[("HOME", "/h")])
                .unwrap()
                .cache_dir
                .is_none()
        );
    }
}
