//! `tollgate tune`, settings files and variants, run as a user would on the real example, with windows
//! too short for figures worth anything: what is asserted is what must hold whatever the times are.
//! So bounds are ten seconds, which any machine keeps, or a microsecond, which none does.

use std::path::{Path, PathBuf};

use tollgate_bench::tune::record::Report;
use tollgate_deploy::settings::Settings;
use tollgate_nn::BatchPolicy;

use crate::{
    cli::run,
    support::{component, file, has},
};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn example(path: &str) -> PathBuf {
    file(&format!("examples/meter-reader/{path}"))
}

/// A command over the example's plugin, model and frames.
fn meter(command: &str, rest: &[&str]) -> (Option<i32>, String, String) {
    let plugin = component("meter-reader");
    let digits = format!("digits={}", text(&example("models/digits.onnx")));
    let frames = example("frames-pgm");
    let mut arguments = vec![command, text(&plugin), text(&frames), "--model", &digits];
    arguments.extend(rest);
    run(&arguments)
}

const SHORT: [&str; 4] = ["--window", "60ms", "--p99", "10s"];

/// The report of `tune`, read back by the types that wrote it.
fn tune(rest: &[&str]) -> (Option<i32>, Report, String) {
    let (code, stdout, stderr) = meter("tune", &[rest, &["--json"]].concat());
    let report = serde_json::from_str(&stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
    (code, report, stderr)
}

fn truth() -> PathBuf {
    example("frames/truth.json")
}

fn int8() -> String {
    format!("digits:int8={}", text(&example("models/digits.int8.onnx")))
}

#[test]
fn what_is_found_is_told_and_written_and_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("found.toml");
    let html = folder.path().join("found.html");
    let (code, report, stderr) = tune(
        &[
            &SHORT[..],
            &["--out", text(&out), "--html", text(&html)],
            &["--truth", text(&truth())],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(report.schema, "tollgate.tune/2");
    assert_eq!(report.inputs.frames, 48);
    assert_eq!(report.search.grid, report.candidates.len());
    assert!(report.search.seconds > 0.0 && report.check.is_none());
    assert!(report.accuracy.expect("that of the default") > 0.9);
    let reference = &report.candidates[report.reference];
    assert!((reference.of_reference - 1.0).abs() < 1e-9);
    assert_eq!(reference.settings.workers().get(), 1);
    let most = report.candidates.iter().map(|one| one.rungs).max();
    assert_eq!(Some(reference.rungs), most, "the default goes to the end");
    let winner = &report.candidates[report.winner.expect("ten seconds are enough")];
    assert!(winner.eligible && winner.kept_bound && winner.frames > 0);
    assert!(winner.frames_per_second > 0.0 && report.nearest.is_none());
    assert!(report.candidates.iter().any(|one| one.on_front));
    for one in &report.candidates {
        assert!(one.problem.is_some() || one.frames > 0);
        assert_eq!(one.failed, 0);
    }
    // Batches were tried, or it is said why not.
    let batched = |settings: &Settings| settings.batch == Some(BatchPolicy::On);
    let tried = report.candidates.iter().any(|one| batched(&one.settings));
    let left_out = report.excluded.iter().any(|one| one.what == "batches");
    assert!(tried != left_out);

    let written = std::fs::read_to_string(&out).expect("the settings");
    has(
        &written,
        &["# Written by tollgate", "# Why: ", "schema = 1"],
    );
    assert_eq!(Settings::read(&out).expect("settings"), winner.settings);
    let page = std::fs::read_to_string(&html).expect("the page");
    has(&page, &["<html", "What was tried"]);
    let frames = ["--settings", text(&out), "--json"];
    let (code, stdout, stderr) = meter("run", &frames);
    assert_eq!(code, Some(0), "{stderr}");
    has(&stdout, &["\"reading\""]);
    let short = [
        "--window",
        "50ms",
        "--max-windows",
        "3",
        "--scenario",
        "offline",
    ];
    let (code, stdout, stderr) = meter("bench", &[&frames[..], &short].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let bench: tollgate_report::record::Report = serde_json::from_str(&stdout).expect("a report");
    assert_eq!(bench.settings.workers, winner.settings.workers().get());
}

#[test]
fn without_json_the_settings_are_all_of_standard_output() {
    let (code, stdout, stderr) = meter(
        "tune",
        &[&SHORT[..], &["--workers", "2", "--batch", "off"]].concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept.toml");
    std::fs::write(&kept, &stdout).expect("written");
    let settings = Settings::read(&kept).expect("settings");
    assert_eq!(settings.workers().get(), 2, "what is typed is settled");
    has(
        &stderr,
        &[
            "throughput",
            "p99",
            "candidates; the search took",
            "default",
        ],
    );
}

#[test]
fn the_whole_grid_checks_the_search() {
    let rest = ["--exhaustive", "--workers", "2", "--batch", "off"];
    let (code, report, stderr) = tune(&[&SHORT[..], &rest].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let check = report.check.expect("it was asked for");
    assert!(check.seconds > 0.0 && check.search_of_grid > 0.0);
    assert!(check.best.is_some() && check.winner_of_best > Some(0.0));
    for one in &report.candidates {
        assert!(one.grid.expect("measured again").frames_per_second > 0.0);
        assert_eq!(one.settings.workers().get(), 2);
        assert_eq!(one.settings.batch, Some(BatchPolicy::Off));
    }
}

#[test]
fn a_variant_is_recommended_only_where_its_accuracy_is_known() {
    let int8 = int8();
    let rest = ["--model", &int8, "--batch", "off", "--workers", "1"];
    let (code, report, stderr) = tune(&[&SHORT[..], &rest].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        report
            .candidates
            .iter()
            .all(|one| one.settings.variant.is_empty())
    );
    has(&report.excluded[0].what, &["`int8`"]);
    has(&report.excluded[0].reason, &["--truth"]);

    let truth = truth();
    let rest = [&rest[..], &["--truth", text(&truth), "--accuracy", "80%"]].concat();
    let (code, report, stderr) = tune(&[&SHORT[..], &rest].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let mut excluded = report.excluded.iter();
    assert!(!excluded.any(|one| one.what.starts_with("the variant")));
    assert_eq!(report.models.len(), 2);
    let (int8, default): (Vec<_>, Vec<_>) = report
        .candidates
        .iter()
        .partition(|one| !one.settings.variant.is_empty());
    assert_eq!(int8.len(), default.len());
    for one in &report.candidates {
        let accuracy = one.accuracy.expect("there is truth");
        assert_eq!(one.eligible, accuracy.frames >= 0.8);
    }
}

#[test]
fn what_cannot_be_had_exits_with_one_names_the_nearest_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("found.toml");
    let truth = truth();
    let few = ["--workers", "1", "--batch", "off", "--out", text(&out)];
    let (code, report, stderr) = tune(&[&few[..], &["--window", "60ms", "--p99", "1us"]].concat());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(report.winner.is_none() && report.nearest.is_some());
    has(
        &stderr,
        &["no settings keep a p99 of 1.00 us", "the nearest"],
    );

    let (code, report, stderr) = tune(
        &[
            &few[..],
            &SHORT,
            &["--truth", text(&truth), "--accuracy", "1"],
        ]
        .concat(),
    );
    assert_eq!(code, Some(1), "{stderr}");
    assert!(report.winner.is_none() && !report.candidates[0].eligible);
    has(&stderr, &["no variant gets 100 % of the frames right"]);
    assert!(!out.exists());
}

#[test]
fn what_was_asked_wrongly_exits_with_two() {
    for (rest, part) in [
        (&["--window", "60ms"][..], "--p99"),
        (&["--p99", "1s", "--accuracy", "0.9"], "--truth"),
        (
            &["--p99", "1s", "--variant", "int8"],
            "`digits` has default",
        ),
        (&["--p99", "1s", "--model", "digits=x"], "named `digits`"),
        (&["--p99", "1s", "--workers", "5000"], "5000 workers"),
    ] {
        let (code, _, stderr) = meter("tune", rest);
        assert_eq!(code, Some(2), "{rest:?}: {stderr}");
        has(&stderr, &[part]);
    }
    let (code, _, stderr) = meter("run", &["--variant", "int8"]);
    assert_eq!(code, Some(2), "{stderr}");
    let (code, _, stderr) = meter("bench", &["--variants", "all"]);
    assert_eq!(code, Some(2), "{stderr}");
    has(&stderr, &["only `default`"]);
}

#[test]
fn data_and_settings_that_cannot_be_used_get_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    };
    let other = bad("other.json", "{\"somebody.jpg\": \"01234\"}");
    let (code, _, stderr) = meter("tune", &[&SHORT[..], &["--truth", text(&other)]].concat());
    assert_eq!(code, Some(1));
    has(&stderr, &["names none of the frames"]);
    let picture = bad("picture.jpg", "no picture");
    let (code, _, stderr) = meter("tune", &[&SHORT[..], &[text(&picture)]].concat());
    assert_eq!(code, Some(1));
    has(&stderr, &["picture.jpg", "fails on"]);

    for (content, part) in [
        ("workers = 2", "expected `schema = 1`"),
        ("schema = 1\nwrokers = 2", "`wrokers`"),
        ("schema = 7", "its schema is 7"),
        ("schema = 1\nvariant = [\"int8\"]", "`digits` has default"),
    ] {
        let settings = bad("settings.toml", content);
        for command in ["run", "bench"] {
            let (code, _, stderr) = meter(command, &["--settings", text(&settings)]);
            let asked_wrongly = content.contains("int8");
            assert_eq!(code, Some(if asked_wrongly { 2 } else { 1 }), "{content}");
            has(&stderr, &[part]);
        }
    }
    let (code, _, stderr) = meter("run", &["--settings", "gone.toml"]);
    assert_eq!(code, Some(1));
    has(&stderr, &["cannot read the settings in `gone.toml`"]);
}

#[test]
fn a_variant_takes_the_place_of_the_default_if_it_takes_and_gives_the_same() {
    let int8 = int8();
    let variant = ["--model", &int8, "--variant", "int8"];
    let (code, stdout, stderr) = meter("run", &variant);
    assert_eq!(code, Some(0), "{stderr}");
    has(&stdout, &["\"reading\""]);

    let other = format!("digits:other={}", text(&file("tests/models/mlp.onnx")));
    let truth = truth();
    for (command, rest) in [
        ("run", &["--variant", "other"][..]),
        ("bench", &["--variants", "all"]),
        ("tune", &["--p99", "1s", "--truth", text(&truth)]),
    ] {
        let (code, _, stderr) = meter(command, &[&["--model", &other], rest].concat());
        assert_eq!(code, Some(1), "{command}: {stderr}");
        has(
            &stderr,
            &["`other`", "cannot stand in for `default`", "input"],
        );
    }
}
