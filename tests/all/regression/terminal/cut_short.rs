//! A signal in the middle of a measurement: what was measured so far is told, and said to be cut short.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tollgate_report::record::Report;

use super::{conduct, frames, json, meter};
use crate::{
    cli::{path, tollgate},
    support::{component, has},
};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(sent.expect("`kill`").success());
}

/// Starts a measurement, ends it by a signal while it goes on, and gives what it printed.
fn cut(command: &str, rest: &[&str], by: &str) -> (Option<i32>, String, String) {
    let mut child = tollgate()
        .args(meter(command))
        .args(rest)
        .env("TOLLGATE_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut err = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("measuring") {
        assert_ne!(err.read_line(&mut said).expect("text"), 0, "{said}");
    }
    // Long enough for something to be measured, far too short for all of it.
    thread::sleep(Duration::from_millis(1500));
    signal(&child, by);
    let mut out = String::new();
    let mut stdout = child.stdout.take().expect("piped");
    let rest = thread::spawn(move || {
        err.read_to_string(&mut said).expect("text");
        said
    });
    stdout.read_to_string(&mut out).expect("text");
    let code = child.wait().expect("it ends").code();
    (code, out, rest.join().expect("read"))
}

#[test]
fn ctrl_c() {
    let mut child = tollgate()
        .args(meter("run"))
        .args(["--json", "--repeat", "1000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    // Outputs are written as they come, so frames go round by now.
    for _ in 0..10 {
        out.read_line(&mut text).expect("text");
    }
    signal(&child, "INT");
    out.read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{text}");
    let report = json(&text);
    has(report["cut_short"].as_str().expect("why"), &["signal"]);
    let count = report["frames"]["count"].as_u64().expect("a count");
    assert!(count > 0 && count < 48_000_000, "{count}");
    assert!(!report["outputs"].as_array().expect("outputs").is_empty());
    assert_eq!(report["frames"]["failed"], 0);
}

#[test]
fn a_table_that_is_cut_short_says_so_and_a_whole_one_does_not() {
    let folder = frames(&[("a", "count"), ("b", "count")]);
    let (code, stdout, _) = conduct(folder.path(), &["--json"]);
    assert_eq!(
        (code, &json(&stdout)["cut_short"]),
        (Some(0), &serde_json::Value::Null)
    );
    let mut child = tollgate()
        .args(["run", path(&component("conduct")), path(folder.path())])
        .args(["--repeat", "100000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut String::new()).expect("a line");
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    has(&said, &["cut short: ", "0 failed"]);
}

#[test]
fn frames_before_standard_input_do_not_wait_for_it_and_a_signal_ends_the_wait() {
    let folder = frames(&[("a", "count")]);
    let mut child = tollgate()
        .args(["run", path(&component("conduct")), path(folder.path()), "-"])
        .arg("--json")
        // It is never written to and never closed.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let _open = child.stdin.take().expect("piped");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = Vec::new();
    assert_ne!(out.read_until(b'}', &mut text).expect("text"), 0);
    signal(&child, "INT");
    out.read_to_end(&mut text).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let report = json(&String::from_utf8_lossy(&text));
    has(report["cut_short"].as_str().expect("why"), &["signal"]);
    assert_eq!(report["frames"]["failed"], 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = frames(&[("a", "count"), ("b", "loop")]);
    let mut child = tollgate()
        .args(["run", path(&component("conduct")), path(folder.path())])
        .args(["--json", "--deadline", "10m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    // The first frame's output: its line is ended when the next one begins.
    let mut text = Vec::new();
    assert_ne!(out.read_until(b'}', &mut text).expect("text"), 0);
    // By then the loop has begun, which goes on for ten minutes: the first signal waits for it.
    thread::sleep(Duration::from_secs(2));
    signal(&child, "INT");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().expect("a child"), None);
    signal(&child, "INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn a_benchmark_that_is_cut_short_has_its_page_and_its_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let html = folder.path().join("report.html");
    let rest = [
        "--json",
        "--html",
        path(&html),
        "--p99",
        "1s",
        "--concurrency",
        "1,2",
        "--window",
        "30s",
    ];
    let (code, stdout, stderr) = cut("bench", &rest, "INT");
    assert_eq!(code, Some(130), "{stderr}");
    let report: Report = serde_json::from_str(&stdout).expect("a report");
    has(report.cut_short.as_deref().expect("why"), &["signal"]);
    assert!(report.sweep.is_empty(), "it did not come to that");
    assert!(report.results.iter().all(|one| one.frames > 0));
    has(
        &fs::read_to_string(&html).expect("a page"),
        &["cut short", "</html>"],
    );

    let (code, stdout, stderr) = cut(
        "bench",
        &[
            "--scenario",
            "none",
            "--rate",
            "20",
            "--window",
            "500ms",
            "--max-windows",
            "1000",
            "--tolerance",
            "0.001%",
        ],
        "TERM",
    );
    assert_eq!(code, Some(130), "{stderr}");
    has(&stdout, &["cut short: ", "20.0/s"]);
}

#[test]
fn a_search_that_is_cut_short_tells_the_best_so_far_and_writes_no_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let (html, out) = (
        folder.path().join("page.html"),
        folder.path().join("found.toml"),
    );
    let rest = [
        "--json",
        "--html",
        path(&html),
        "--out",
        path(&out),
        "--p99",
        "10s",
        "--window",
        "20s",
    ];
    let (code, stdout, stderr) = cut("tune", &rest, "INT");
    assert_eq!(code, Some(130), "{stderr}");
    let report = json(&stdout);
    has(report["cut_short"].as_str().expect("why"), &["signal"]);
    assert!(
        report["candidates"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    has(
        &fs::read_to_string(&html).expect("a page"),
        &["cut short", "id=\"answer\""],
    );
    assert!(!out.exists(), "an unfinished answer is not written");
}
