//! What `tollgate tune` is to do.

use std::{path::PathBuf, time::Duration};

use glob::Pattern;
use tollgate_deploy::isolation::Isolation;
use tollgate_services::{Grants, Limits};

use super::{Environment, Error, MAX_WORKERS, granting, subject};
use crate::cli::TuneArgs;
use tollgate_deploy::models::{Chosen, Models};
use tollgate_deploy::onnxruntime::Search;
use tollgate_deploy::settings::Settings;
use tollgate_deploy::values::BucketArg;

/// What `tollgate tune` is to do.
#[derive(Debug)]
pub struct Tune {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// Files, directories and `-`.
    pub inputs: Vec<PathBuf>,
    /// Which files of directories are frames; if empty, their kind decides.
    pub include: Vec<Pattern>,
    /// All files of all models.
    pub models: Models,
    /// The files that run if nothing is chosen but the given settings.
    pub default: Vec<Chosen>,
    /// The settings that the user gave.
    pub settled: Settings,
    /// The bound on the p99.
    pub p99: Duration,
    /// The fraction of frames that must be right, if it was given.
    pub accuracy: Option<f64>,
    /// What the outputs should say.
    pub truth: Option<PathBuf>,
    /// The file for the settings; `None` for standard output.
    pub out: Option<PathBuf>,
    /// How long each candidate is measured when the whole grid is.
    pub window: Duration,
    /// Whether to measure the whole grid as well.
    pub exhaustive: bool,
    /// The file for the page.
    pub html: Option<PathBuf>,
    /// Whether to print one JSON object instead of tables.
    pub json: bool,
    /// Where to look for ONNX Runtime.
    pub onnxruntime: Search,
    /// The folder for compiled code; `None` to keep none.
    pub cache_dir: Option<PathBuf>,
    /// Where the plugin is compiled, and which graphs run in helper processes.
    pub isolation: Isolation,
    /// The largest size of one input, in bytes.
    pub max_frame: usize,
    /// What the plugin is granted.
    pub grants: Grants,
    /// Key-value buckets that it may use.
    pub keyvalue: Vec<BucketArg>,
    /// The guest's limits.
    pub limits: Limits,
}

impl Tune {
    /// Resolves the command line.
    ///
    /// # Errors
    ///
    /// Duplicates, variants that do not exist, bounds, or no inputs.
    pub fn resolve(typed: TuneArgs, environment: &Environment) -> Result<Self, Error> {
        let subject = typed.subject;
        let settled = subject::settings(&subject, typed.workers);
        let models = Models::new(&subject.model)?;
        let default = models.choose(&settled.variant)?;
        subject::some(&subject)?;
        subject::once(&subject)?;
        let workers = settled.workers().get();
        if workers > MAX_WORKERS {
            return Err(Error::Workers(workers));
        }
        let device = settled.graph_options().device;
        // Grants are not part of the given settings: the settings are written to a file that others
        // may use, and grants must not be in it.
        let granted = granting(&subject.grants, Settings::default())?;
        let grants = granted.grant(&subject.plugin, Grants::default());
        Ok(Self {
            cache_dir: subject::cache_dir(&subject, environment),
            isolation: subject::isolation(&subject, settled.isolate.clone()),
            grants: subject::of_plugin(&subject, grants),
            limits: subject::limits(&subject.limits),
            max_frame: subject.limits.max_frame,
            onnxruntime: environment.onnxruntime(subject.onnxruntime, device),
            plugin: subject.plugin,
            inputs: subject.inputs,
            include: subject.include,
            models,
            default,
            settled,
            p99: typed.p99,
            accuracy: typed.accuracy,
            truth: typed.truth,
            out: typed.out,
            window: typed.window,
            exhaustive: typed.exhaustive,
            html: typed.html,
            json: typed.json,
            keyvalue: granted.keyvalue,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn resolve(words: &str) -> Result<Tune, Error> {
        let words = ["tollgate", "tune"]
            .into_iter()
            .chain(words.split_whitespace());
        let Command::Tune(typed) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not tune");
        };
        Tune::resolve(*typed, &Environment::of_pairs(&[]))
    }

    #[test]
    fn what_is_typed_is_settled_and_nothing_else() {
        let tune = resolve("a.wasm f --p99 20ms --mode latency --fresh").unwrap();
        assert_eq!(tune.settled.fresh, Some(true));
        assert!(tune.settled.mode.is_some() && tune.settled.workers.is_none());
        assert_eq!(tune.p99, Duration::from_millis(20));
    }

    #[test]
    fn what_was_asked_wrongly_is_said() {
        assert_eq!(resolve("a.wasm --p99 1ms").unwrap_err(), Error::NoInputs);
        assert_eq!(
            resolve("a.wasm - - --p99 1ms").unwrap_err(),
            Error::StdinTwice
        );
        assert_eq!(
            resolve("a.wasm f --p99 1ms --workers 2000").unwrap_err(),
            Error::Workers(2000)
        );
        assert!(matches!(
            resolve("a.wasm f --p99 1ms --model a=x --variant int8").unwrap_err(),
            Error::Models(_)
        ));
        for bad in [
            "a.wasm f",
            "a.wasm f --p99 1ms --accuracy 0.9",
            "a.wasm f --p99 1ms --accuracy 1.5 --truth t",
        ] {
            let words = format!("tollgate tune {bad}");
            let error = Cli::try_parse_from(words.split_whitespace()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad}");
        }
    }
}
