//! `tollgate bench`, run as a user would on real plugins, with windows too short for figures worth
//! anything: what is asserted is the report's structure and what must hold whatever the times are.

use std::path::Path;

use serde_json::Value;
use tollgate_report::record::{Load, Path as Way, Report, Scenario};

use crate::{
    cli::run,
    support::{component, file, has, model},
};

/// Runs `tollgate bench` over the example.
fn bench(rest: &[&str]) -> (Option<i32>, String, String) {
    let plugin = component("meter-reader");
    let digits = format!(
        "digits={}",
        text(&file("examples/meter-reader/models/digits.onnx"))
    );
    let frames = file("examples/meter-reader/frames");
    let truth = file("examples/meter-reader/frames/truth.json");
    let mut arguments = vec!["bench", text(&plugin), text(&frames), "--model", &digits];
    arguments.extend(["--truth", text(&truth)]);
    arguments.extend(rest);
    run(&arguments)
}

/// The report, read back by the types that wrote it.
fn report(rest: &[&str]) -> (Option<i32>, Report, String) {
    let (code, stdout, stderr) = bench(&[rest, &["--json"]].concat());
    let report = serde_json::from_str(&stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
    (code, report, stderr)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

const SHORT: [&str; 4] = ["--window", "100ms", "--max-windows", "3"];

#[test]
fn paths_stand_side_by_side_and_what_is_known_is_told() {
    let twin = file("target/guests/twins/meter-reader.so");
    let (code, report, stderr) = report(
        &[
            &SHORT[..],
            &["--paths", "native,twin,plugin", "--twin", text(&twin)],
            &["--scenario", "single-stream,offline", "--workers", "2"],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(report.schema, "tollgate.bench/2");
    assert_eq!(report.inputs.frames, 48);
    assert_eq!(report.models[0].file.sha256.len(), 64);
    assert!(report.machine.cores > 0 && report.machine.onnxruntime.is_some());
    assert!(report.command.iter().any(|word| word == "--paths"));
    assert!(report.accuracy.expect("there is truth").values > 0.9);
    assert_eq!(
        (report.settings.workers, &*report.settings.instances),
        (2, "warm")
    );

    let expected = [Scenario::SingleStream, Scenario::Offline]
        .into_iter()
        .flat_map(|scenario| [Way::Native, Way::Twin, Way::Plugin].map(|path| (scenario, path)));
    let results = report.results.iter().map(|one| (one.scenario, one.path));
    assert!(results.eq(expected), "{:?}", report.results);
    for result in &report.results {
        assert!(result.frames > 0 && result.failed == 0 && result.rejected == 0);
        assert!(result.frames_per_second > 0.0 && result.cpu_ns_per_inference > Some(0.0));
        // One inference for all digits of a meter.
        let ratio = result.inferences_per_second / result.frames_per_second;
        assert!((ratio - 1.0).abs() < 1e-6, "{ratio}");
        let latency = result.latency_ns.expect("frames were done");
        assert_eq!(latency.count, result.frames);
        assert!(latency.min > 0 && latency.min <= latency.max);
        assert!(
            latency.p999.is_none() || latency.count >= 10_000,
            "{latency:?}"
        );
        assert!(
            latency.p99.is_none() || latency.count >= 1000,
            "{latency:?}"
        );
        let energy = &result.energy;
        assert_ne!(
            energy.joules_per_inference.is_some(),
            energy.reason.is_some()
        );
        assert!(result.windows.taken == 3 && result.windows.counted == 3);
        let sandboxed = result.path == Way::Plugin;
        assert_eq!(result.stages_ns.is_some(), sandboxed);
        assert_eq!(result.memory.instances > 0, sandboxed);
        assert!(!sandboxed || result.memory.linear_bytes > 0);
        let toll = result.toll;
        assert_eq!(toll.is_some(), sandboxed);
        if let (Some(toll), Some(stages)) = (toll, result.stages_ns) {
            assert!(toll.crossing_ns > 0.0 && toll.twin_total_ns.is_some());
            let sum = stages.queue + stages.instantiate + stages.guest + stages.lift;
            let sum =
                sum + stages.batch + stages.infer + stages.lower + stages.glue + stages.keyvalue;
            assert!((sum - stages.total).abs() <= stages.total * 0.01);
        }
    }
}

#[test]
fn a_sweep_counts_every_frame_that_arrived() {
    let (code, report, stderr) = report(
        &[
            &SHORT[..],
            &["--concurrency", "1,3", "--rate", "40,2x", "--p99", "20ms"],
            &["--queue", "8", "--workers", "2", "--scenario", "none"],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert!(report.results.is_empty(), "a sweep alone was asked for");
    let loads: Vec<Load> = report.sweep.iter().map(|point| point.load).collect();
    assert_eq!(loads[..2], [Load::Concurrency(1), Load::Concurrency(3)]);
    assert_eq!(loads[2], Load::Rate(40.0));
    assert_eq!(loads.len(), 4);
    assert_eq!(report.sweep[3].of_saturation, Some(2.0));
    let instances: Vec<u64> = report.sweep.iter().map(|p| p.memory.instances).collect();
    assert_eq!(instances[..2], [1, 3]);
    assert_eq!(
        report.sweep[1].memory.linear_bytes,
        3 * report.sweep[0].memory.linear_bytes
    );
    for point in &report.sweep[2..] {
        let offered = point.offered_per_second.expect("they arrive") * point.windows.seconds;
        let counted = point.frames + point.rejected + point.timed_out + point.failed;
        assert!((offered - counted as f64).abs() < 1e-3, "{point:?}");
        let goodput = point.goodput_per_second.expect("there is a bound");
        assert!(goodput <= point.frames_per_second * 1.000_001);
    }
}

#[test]
fn arrivals_are_the_same_for_one_seed() {
    let offered = |seed: &str| {
        let (_, report, stderr) = report(
            &[
                &["--rate", "60", "--window", "200ms", "--max-windows", "1"][..],
                &["--seed", seed, "--workers", "1", "--scenario", "none"],
            ]
            .concat(),
        );
        let point = report.sweep.first().unwrap_or_else(|| panic!("{stderr}"));
        point.frames + point.rejected + point.timed_out
    };
    assert_eq!(offered("7"), offered("7"));
}

#[test]
fn a_bound_that_no_rate_keeps_is_said_with_the_best_there_is() {
    let (code, report, stderr) =
        report(&[&SHORT[..], &["--scenario", "server", "--p99", "1us"]].concat());
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["server of plugin", "no rate keeps it", "--p99"]);
    let result = &report.results[0];
    assert!(result.metric.is_none() && result.problem.is_some());
    assert!(
        result
            .goodput_per_second
            .is_some_and(|goodput| goodput <= 0.0)
    );
}

#[test]
fn a_run_too_short_for_its_percentile_tells_none() {
    let (code, report, stderr) = report(&[
        "--scenario",
        "multi-stream",
        "--window",
        "20ms",
        "--max-windows",
        "1",
    ]);
    assert_eq!(code, Some(1), "{stderr}");
    has(
        &stderr,
        &["too short for a p99", "1000 samples", "--max-windows"],
    );
    let result = &report.results[0];
    assert!(result.metric.is_none());
    assert_eq!(result.latency_ns.expect("some were done").p99, None);
}

#[test]
fn variants_are_compared_by_accuracy_and_speed() {
    let other = format!(
        "digits:again={}",
        text(&file("examples/meter-reader/models/digits.onnx"))
    );
    let (code, report, stderr) = report(
        &[
            &SHORT[..],
            &[
                "--model",
                &other,
                "--variants",
                "all",
                "--scenario",
                "offline",
            ],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    let names: Vec<&str> = report.variants.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["default", "again"]);
    for variant in &report.variants {
        assert!(variant.bytes > 0 && variant.frames_per_second > Some(0.0));
        assert_eq!(
            variant.accuracy.expect("there is truth").of,
            report.accuracy.expect("there is truth").of
        );
    }
}

#[test]
fn the_batched_path_is_one_of_them() {
    let (code, report, stderr) = report(
        &[
            &SHORT[..],
            &["--paths", "plugin,batched", "--max-batch", "16"],
            &["--scenario", "offline", "--workers", "3"],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    let paths: Vec<Way> = report.results.iter().map(|one| one.path).collect();
    assert_eq!(paths, [Way::Plugin, Way::Batched]);
    assert_eq!(report.settings.batch_max, Some(16));
    assert!(
        report
            .results
            .iter()
            .all(|one| one.frames > 0 && one.failed == 0)
    );
}

#[test]
fn the_page_holds_what_the_tables_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    let (code, _, stderr) = bench(
        &[
            &SHORT[..],
            &["--scenario", "offline", "--html", text(&path)],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{stderr}");
    let page = std::fs::read_to_string(&path).expect("a page");
    has(&page, &["<html", "offline", "plugin"]);

    let gone = folder.path().join("no-such-folder/report.html");
    let (code, _, stderr) = bench(
        &[
            &SHORT[..],
            &["--scenario", "offline", "--html", text(&gone)],
        ]
        .concat(),
    );
    assert_eq!(code, Some(1));
    has(&stderr, &["cannot write the report", "no-such-folder"]);
}

#[test]
fn the_table_is_for_people() {
    let (code, stdout, stderr) =
        bench(&[&SHORT[..], &["--scenario", "offline", "--concurrency", "2"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    has(
        &stdout,
        &["offline", "plugin", "frames/s", "2 clients", "48 frames"],
    );
    assert!(serde_json::from_str::<Value>(&stdout).is_err());
}

#[test]
fn what_was_asked_wrongly_is_said_in_a_sentence() {
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["--scenario", "server"], 2, &["--p99"]),
        (&["--paths", "twin"], 2, &["--twin"]),
        (&["--paths", "sideways"], 2, &["sideways"]),
        (&["--concurrency", "0"], 2, &["0"]),
        (&["--concurrency", "9999"], 2, &["9999"]),
        (&["--rate", "fast"], 2, &["frames a second"]),
        (&["--tolerance", "5"], 2, &["5%"]),
        (&["--batch", "off"], 2, &["`batched`"]),
        (&["--window", "0s"], 2, &["more than zero"]),
        (&["--scenario", "none"], 2, &["nothing to measure"]),
        (&["--model", "digits=other.onnx"], 2, &["two models"]),
        (&["no-such-frame.jpg"], 1, &["no-such-frame.jpg"]),
        (
            &["--twin", "no-such-twin.so", "--paths", "twin"],
            1,
            &["no-such-twin.so"],
        ),
    ];
    for (arguments, expected, words) in cases {
        let (code, stdout, stderr) = bench(arguments);
        assert_eq!(code, Some(*expected), "{arguments:?}: {stderr}");
        has(&stderr, words);
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn frames_and_plugins_that_measure_nothing_are_refused() {
    let readme = file("README.md");
    let (code, _, stderr) = bench(&[text(&readme)]);
    assert_eq!(code, Some(1), "{stderr}");
    has(
        &stderr,
        &["README.md", "the plugin fails on", "invalid frame"],
    );

    let command = component("command-classify");
    let (code, _, stderr) = run(&["bench", text(&command), text(&readme)]);
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["is a command"]);

    // The plugin asks for one model; with two loaded nobody knows which inference went where.
    let second = format!("mlp={}", text(&model("mlp")));
    let (code, _, stderr) = bench(&["--paths", "native", "--model", &second]);
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["there are 2 models", "--paths"]);
}
