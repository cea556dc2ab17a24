//! How `run`'s command line and environment are resolved, and what is refused.

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
        Error::Models(tollgate_deploy::models::Error::Duplicate("a".into()))
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
        variant: vec![tollgate_deploy::values::variant("int8").unwrap()],
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
