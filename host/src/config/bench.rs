//! What `tollgate bench` is to do.

use std::{num::NonZero, path::PathBuf, time::Duration};

use glob::Pattern;
use tollgate_deploy::isolation::Isolation;
use tollgate_nn::{BatchOptions, BatchPolicy, GraphOptions};
use tollgate_runtime::Policy;
use tollgate_services::{Grants, Limits};

use super::{Environment, Error, MAX_WORKERS, granting, subject};
use crate::cli::{BenchArgs, PathName, ScenarioName};
use tollgate_deploy::models::{Chosen, Models};
use tollgate_deploy::onnxruntime::Search;
use tollgate_deploy::settings::Settings;
use tollgate_deploy::values::{BucketArg, Rate};

/// What `tollgate bench` is to do.
#[derive(Debug)]
pub struct Bench {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// Files, directories and `-`.
    pub inputs: Vec<PathBuf>,
    /// Which files of directories are frames; if empty, their kind decides.
    pub include: Vec<Pattern>,
    /// The models, without duplicate names.
    pub models: Vec<Chosen>,
    /// The variants to compare, each with its files; empty, or more than one.
    pub variants: Vec<(String, Vec<Chosen>)>,
    /// How graphs run; these do not merge inferences.
    pub graph: GraphOptions,
    /// How inferences are merged on the batched path.
    pub batch: BatchOptions,
    /// Where to look for ONNX Runtime.
    pub onnxruntime: Search,
    /// The folder for compiled code; `None` to keep none.
    pub cache_dir: Option<PathBuf>,
    /// Where the plugin is compiled, and which graphs run in helper processes.
    pub isolation: Isolation,
    /// The paths to measure side by side, without duplicates.
    pub paths: Vec<PathName>,
    /// The scenarios.
    pub scenarios: Vec<ScenarioName>,
    /// The numbers of clients to sweep.
    pub concurrency: Vec<NonZero<usize>>,
    /// The rates to sweep.
    pub rates: Vec<Rate>,
    /// The bound that 99 of 100 frames must keep.
    pub p99: Option<Duration>,
    /// Threads that run instances.
    pub workers: usize,
    /// The length of a window.
    pub window: Duration,
    /// The largest number of windows.
    pub max_windows: u32,
    /// How far agreeing windows may differ, as a fraction.
    pub tolerance: f64,
    /// How many frames may wait for a worker.
    pub queue: NonZero<usize>,
    /// The seed for arrivals.
    pub seed: u64,
    /// How instances are used.
    pub policy: Policy,
    /// The native twin.
    pub twin: Option<PathBuf>,
    /// What the outputs should say.
    pub truth: Option<PathBuf>,
    /// The largest size of one input, in bytes.
    pub max_frame: usize,
    /// What the plugin is granted.
    pub grants: Grants,
    /// Key-value buckets that it may use.
    pub keyvalue: Vec<BucketArg>,
    /// The guest's limits.
    pub limits: Limits,
    /// Whether to print one JSON object instead of tables.
    pub json: bool,
    /// The file for the report as a web page.
    pub html: Option<PathBuf>,
}

impl Bench {
    /// Resolves the command line. Where an option is missing, `kept` decides.
    ///
    /// # Errors
    ///
    /// Duplicates, contradictions, bounds, and options that need another one.
    pub fn resolve(
        typed: BenchArgs,
        kept: Settings,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let scenarios = scenarios(&typed)?;
        let subject = typed.subject;
        let settings = subject::settings(&subject, typed.workers);
        let settings = granting(&subject.grants, settings)?.or(kept);
        let all = Models::new(&subject.model)?;
        let models = all.choose(&settings.variant)?;
        let variants = all.compare(&typed.variants)?;
        if let [(only, _)] = &variants[..] {
            return Err(Error::OneVariant(only.clone()));
        }
        subject::some(&subject)?;
        subject::once(&subject)?;
        let workers = settings
            .workers
            .map_or_else(tollgate_nn::cores, NonZero::get);
        let most = typed.concurrency.iter().map(|clients| clients.get()).max();
        let most = most.unwrap_or_default().max(workers);
        if most > MAX_WORKERS {
            return Err(Error::Workers(most));
        }
        let paths: Vec<PathName> = once(typed.paths.iter().copied());
        if paths.contains(&PathName::Twin) && typed.twin.is_none() {
            return Err(Error::NoTwin);
        }
        if typed.twin.is_some() && !paths.contains(&PathName::Twin) {
            return Err(Error::TwinUnused);
        }
        // A policy from a file of settings is ignored: it is for `run`, which has no paths.
        if let Some(policy) = subject.graph.batch
            && policy != BatchPolicy::Auto
        {
            return Err(Error::BatchByPath(policy));
        }
        let mut graph = settings.graph_options();
        let batch = BatchOptions {
            policy: BatchPolicy::On,
            ..graph.batch
        };
        graph.batch.policy = BatchPolicy::Off;
        if scenarios.is_empty() && typed.concurrency.is_empty() && typed.rate.is_empty() {
            return Err(Error::NothingToMeasure);
        }
        let policy = settings.policy();
        let grants = settings.grant(&subject.plugin, Grants::default());
        Ok(Self {
            cache_dir: subject::cache_dir(&subject, environment),
            isolation: subject::isolation(&subject, settings.isolate.clone()),
            grants: subject::of_plugin(&subject, grants),
            limits: subject::limits(&subject.limits),
            max_frame: subject.limits.max_frame,
            onnxruntime: environment.onnxruntime(subject.onnxruntime, graph.device),
            graph,
            batch,
            plugin: subject.plugin,
            inputs: subject.inputs,
            include: subject.include,
            models,
            variants,
            paths,
            scenarios,
            concurrency: typed.concurrency,
            rates: typed.rate,
            p99: typed.p99,
            workers,
            window: typed.window,
            max_windows: typed.max_windows.get(),
            tolerance: typed.tolerance,
            queue: typed.queue,
            seed: typed.seed,
            twin: typed.twin,
            truth: typed.truth,
            policy,
            keyvalue: settings.keyvalue,
            json: typed.json,
            html: typed.html,
        })
    }

    /// The largest number of threads that run instances at once.
    pub fn most_threads(&self) -> usize {
        let clients = self.concurrency.iter().map(|clients| clients.get()).max();
        clients.unwrap_or_default().max(self.workers)
    }
}

/// The scenarios that were asked for. Without any, all that can run, even if there is a sweep.
fn scenarios(typed: &BenchArgs) -> Result<Vec<ScenarioName>, Error> {
    let Some(names) = &typed.scenario else {
        let mut all = vec![ScenarioName::SingleStream, ScenarioName::MultiStream];
        all.extend(typed.p99.map(|_| ScenarioName::Server));
        all.push(ScenarioName::Offline);
        return Ok(all);
    };
    if names.contains(&ScenarioName::Server) && typed.p99.is_none() {
        return Err(Error::NoBound);
    }
    let names = names.iter().copied();
    Ok(once(names.filter(|&name| name != ScenarioName::None)))
}

/// Removes duplicates and keeps the order.
fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut each = Vec::new();
    for one in all {
        if !each.contains(&one) {
            each.push(one);
        }
    }
    each
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn resolve(words: &str) -> Result<Bench, Error> {
        let words = ["tollgate", "bench"]
            .into_iter()
            .chain(words.split_whitespace());
        let Command::Bench(typed) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not bench");
        };
        Bench::resolve(*typed, Settings::default(), &Environment::of_pairs(&[]))
    }

    #[test]
    fn what_one_option_needs_of_another_is_said() {
        let refused = |words: &str, expected: Error| {
            assert_eq!(resolve(words).unwrap_err(), expected, "{words}");
        };
        refused("a.wasm", Error::NoInputs);
        refused("a.wasm f --paths plugin,twin", Error::NoTwin);
        refused("a.wasm f --twin t", Error::TwinUnused);
        refused("a.wasm f --scenario server", Error::NoBound);
        refused("a.wasm f --scenario none", Error::NothingToMeasure);
        refused("a.wasm f --batch off", Error::BatchByPath(BatchPolicy::Off));
        refused("a.wasm f --concurrency 1,5000", Error::Workers(5000));
        refused(
            "a.wasm f --model a=x --variants all",
            Error::OneVariant("default".into()),
        );
        for (words, part) in [
            ("--model a=x --model a=y", "two models"),
            ("--model a=x --variants default,int8", "`int8`"),
            ("--model a=x --variant int8", "`a` has default"),
        ] {
            let error = resolve(&format!("a.wasm f {words}")).unwrap_err();
            assert!(matches!(error, Error::Models(_)) && error.to_string().contains(part));
        }
    }

    #[test]
    fn variants_are_compared_by_name_or_all() {
        let named = |words: &str| {
            let words = format!("a.wasm f --model a=x --model a:int8=y --model b=z {words}");
            let variants = resolve(&words).unwrap().variants;
            variants
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(named("--variants all"), ["default", "int8"]);
        assert_eq!(named("--variants int8,default,int8"), ["int8", "default"]);
        assert_eq!(named(""), [""; 0]);
    }

    #[test]
    fn all_scenarios_are_run_that_can_be() {
        let scenarios = |words: &str| resolve(words).unwrap().scenarios;
        let (single, multi) = (ScenarioName::SingleStream, ScenarioName::MultiStream);
        assert_eq!(
            scenarios("a.wasm f"),
            [single, multi, ScenarioName::Offline]
        );
        assert_eq!(
            scenarios("a.wasm f --p99 5ms"),
            [single, multi, ScenarioName::Server, ScenarioName::Offline]
        );
        assert_eq!(
            scenarios("a.wasm f --concurrency 1,2 --rate 9"),
            [single, multi, ScenarioName::Offline],
            "a sweep takes none away"
        );
        assert_eq!(scenarios("a.wasm f --rate 9 --scenario none"), []);
        assert_eq!(
            scenarios("a.wasm f --scenario offline,single-stream,offline"),
            [ScenarioName::Offline, single]
        );
    }

    #[test]
    fn only_the_batched_path_merges() {
        let bench = resolve("a.wasm f --paths plugin,batched --max-batch 7").unwrap();
        assert_eq!(bench.graph.batch.policy, BatchPolicy::Off);
        assert_eq!(
            (bench.batch.policy, bench.batch.max.get()),
            (BatchPolicy::On, 7)
        );
    }

    #[test]
    fn rates_are_absolute_or_of_saturation() {
        let bench = resolve("a.wasm f --rate 50,0.5x,2x --tolerance 10%").unwrap();
        assert_eq!(
            bench.rates,
            [
                Rate::PerSecond(50.0),
                Rate::OfSaturation(0.5),
                Rate::OfSaturation(2.0)
            ]
        );
        assert!((bench.tolerance - 0.1).abs() < 1e-12);
    }
}
