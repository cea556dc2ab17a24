//! Figures that are told are figures that can be relied on.

use serde_json::Value;
use tollgate_report::record::{Load, Report};

use super::{conduct, example, frames, json, meter};
use crate::{
    cli::{path, run},
    support::{component, has},
};

fn measured(repeat: &str) -> (Value, String) {
    let folder = frames(&[("a", "count")]);
    let (code, stdout, stderr) = conduct(folder.path(), &["--json", "--repeat", repeat]);
    assert_eq!(code, Some(0), "{stderr}");
    let (_, _, table) = conduct(folder.path(), &["--repeat", repeat]);
    (json(&stdout)["latency_ns"].clone(), table)
}

#[test]
fn percentile() {
    let known = |latency: &Value| {
        let names = ["p50", "p90", "p99", "p999", "max"];
        names.map(|name| latency[name].is_u64())
    };
    for (repeat, count, expected) in [
        ("1", 1, [false, false, false, false, true]),
        ("49", 48, [true, false, false, false, true]),
        ("913", 912, [true, true, false, false, true]),
        ("1001", 1000, [true, true, true, false, true]),
    ] {
        let (latency, table) = measured(repeat);
        assert_eq!(latency["count"], count);
        assert_eq!(known(&latency), expected, "{latency}");
        for (name, known) in ["p50", "p90", "p99 ", "p99.9"].iter().zip(expected) {
            assert_eq!(
                table.contains(&format!("  {name}")),
                known,
                "{name}: {table}"
            );
        }
    }
}

fn bench(rest: &[&str]) -> (Report, String) {
    let arguments = meter("bench");
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--window", "100ms", "--max-windows", "2"]);
    arguments.extend(rest);
    let (_, table, stderr) = run(&arguments);
    arguments.push("--json");
    let (_, stdout, _) = run(&arguments);
    let report = serde_json::from_str(&stdout);
    (
        report.unwrap_or_else(|error| panic!("{error}: {stderr}")),
        table,
    )
}

/// A sweep takes no scenario away, and what it tells first is a load that is served.
#[test]
fn sweep_headline() {
    let overload = [
        "--rate",
        "5,100000",
        "--concurrency",
        "1",
        "--p99",
        "10s",
        "--queue",
        "1",
    ];
    let (report, table) = bench(&[&overload[..], &["--scenario", "none"]].concat());
    let refused = report
        .sweep
        .iter()
        .find(|point| point.load == Load::Rate(100_000.0));
    let refused = refused.expect("it was asked for");
    assert!(refused.rejected > refused.frames, "{refused:?}");
    let best = &report.sweep[report.best.expect("a client is served")];
    assert_eq!(best.rejected, 0, "{best:?}");
    has(
        &table,
        &["best: plugin at ", "refused or failed (at most 1 %)"],
    );

    let (report, table) = bench(&["--concurrency", "1"]);
    assert!(!report.results.is_empty() && report.sweep.len() == 1);
    has(
        &table,
        &["single-stream", "multi-stream", "offline", "1 client"],
    );
}

#[test]
fn tune_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let html = folder.path().join("page.html");
    let digits = format!("digits={}", path(&example("models/digits.onnx")));
    let (code, _, stderr) = run(&[
        "tune",
        path(&component("meter-reader")),
        path(&example("frames-pgm")),
        "--model",
        &digits,
        "--p99",
        "10s",
        "--window",
        "60ms",
        "--html",
        path(&html),
    ]);
    assert_eq!(code, Some(0), "{stderr}");
    let page = std::fs::read_to_string(&html).expect("a page");
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("Run it with ") < at("id=\"candidates\""));
    assert!(at("schema = ") < at("id=\"candidates\""));
    for word in ["<dt>windows", "<dt>seed", "<dt>queue", " at most<"] {
        assert!(!page.contains(word), "{word}");
    }
}
