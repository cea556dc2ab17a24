//! The command line, run as a user would: what it prints, and its exit codes.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{component, file, has, model, root};

/// The program, next to the tests' own.
pub fn tollgate() -> Command {
    let mut folder = std::env::current_exe().expect("a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let program = folder.join(format!("tollgate{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is missing: build it",
        program.display()
    );
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = tollgate().args(arguments).output().expect("it starts");
    said(&output)
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

pub fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Arguments that run the example over one frame.
fn meter(rest: &[&str]) -> Vec<String> {
    let digits = file("examples/meter-reader/models/digits.onnx");
    let mut arguments = vec![
        "run".to_owned(),
        path(&component("meter-reader")).to_owned(),
        "--model".to_owned(),
        format!("digits={}", path(&digits)),
    ];
    arguments.extend(rest.iter().map(|&word| word.to_owned()));
    arguments
}

fn run_meter(rest: &[&str]) -> (Option<i32>, String, String) {
    let arguments = meter(rest);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&arguments)
}

#[test]
fn reads_a_meter_and_says_where_the_time_went() {
    let frame = file("examples/meter-reader/frames/meter-000.jpg");
    let (code, stdout, stderr) = run_meter(&[path(&frame)]);
    assert_eq!(code, Some(0), "{stderr}");
    has(&stdout, &["meter-000.jpg", "\"reading\""]);
    has(&(stdout + &stderr), &["infer", "guest", "lower"]);
}

#[test]
fn the_report_has_every_figure_and_its_stages_add_up() {
    let frames = file("examples/meter-reader/frames");
    let truth = file("examples/meter-reader/frames/truth.json");
    let twin = file("target/guests/twins/meter-reader.so");
    let (code, stdout, stderr) = run_meter(&[
        "--twin",
        path(&twin),
        "--truth",
        path(&truth),
        "--json",
        path(&frames),
    ]);
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object");
    let number = |pointer: &str| {
        report
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or_else(|| panic!("no number at {pointer}: {report}"))
    };
    assert!(!report["schema"].is_null());
    assert_eq!(number("/frames/count"), 48.0);
    assert_eq!(number("/frames/failed"), 0.0);
    assert!(number("/accuracy/values") >= 0.9 && number("/accuracy/frames") >= 0.9);
    for percentile in ["p50", "max", "count"] {
        assert!(number(&format!("/latency_ns/{percentile}")) > 0.0);
    }
    let stages = [
        "queue",
        "instantiate",
        "guest",
        "lift",
        "batch",
        "infer",
        "lower",
        "glue",
        "keyvalue",
    ];
    let sum: f64 = stages
        .iter()
        .map(|stage| number(&format!("/stages_ns/{stage}")))
        .sum();
    let total = number("/stages_ns/total");
    assert!((sum - total).abs() <= total * 0.05, "{sum} of {total}");
    for count in [
        "per_frame",
        "bytes_in",
        "bytes_out",
        "copies_in",
        "copies_out",
    ] {
        number(&format!("/crossings/{count}"));
    }
    for part in [
        "crossing_ns",
        "sandbox_ns",
        "total_ns",
        "twin_total_ns",
        "ratio",
    ] {
        number(&format!("/toll/{part}"));
    }
    assert!(number("/probe_ns") > 0.0);
    for fact in ["wasmtime", "onnxruntime", "device", "cores"] {
        assert!(!report["host"][fact].is_null(), "{fact}");
    }
}

#[test]
fn frames_that_are_no_pictures_are_counted_and_the_others_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = std::fs::read(file("examples/meter-reader/frames/meter-000.jpg")).expect("a frame");
    std::fs::write(folder.path().join("a.jpg"), &frame).expect("written");
    std::fs::write(folder.path().join("b.jpg"), &frame[..frame.len() / 3]).expect("written");
    std::fs::write(folder.path().join("c.jpg"), &frame).expect("written");
    let (code, stdout, stderr) = run_meter(&["--json", path(folder.path())]);
    assert_eq!(code, Some(1), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object");
    assert_eq!(report["frames"]["count"], 3);
    assert_eq!(report["frames"]["failed"], 1);
    has(&stderr, &["b.jpg", "invalid frame"]);
}

#[test]
fn standard_input_is_a_frame() {
    use std::{fs::File, process::Stdio};
    let frame = File::open(file("examples/meter-reader/frames/meter-000.jpg")).expect("a frame");
    let output = tollgate()
        .args(meter(&["-"]))
        .stdin(Stdio::from(frame))
        .output()
        .expect("it starts");
    let (code, stdout, stderr) = said(&output);
    assert_eq!(code, Some(0), "{stderr}");
    has(&stdout, &["\"reading\""]);
}

#[test]
fn what_was_asked_wrongly_is_said_in_a_sentence() {
    let frame = file("examples/meter-reader/frames/meter-000.jpg");
    let frame = path(&frame);
    let plugin = component("meter-reader");
    let plugin = path(&plugin);
    let text = file("README.md");
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["run"], 2, &["PLUGIN"]),
        (
            &["run", "no-such-file.wasm", frame],
            1,
            &["no-such-file.wasm"],
        ),
        (
            &["run", path(&text), frame],
            1,
            &["not a component", "WebAssembly"],
        ),
        (
            &["run", plugin, "no-such-frame.jpg"],
            1,
            &["no-such-frame.jpg"],
        ),
        (
            &["run", plugin, frame, "--device", "abacus"],
            2,
            &["abacus", "cpu"],
        ),
        (&["run", plugin, frame, "--model", "digits"], 2, &["digits"]),
        (
            &["run", plugin, frame, "--model", "digits=nowhere.onnx"],
            1,
            &["nowhere.onnx"],
        ),
        (
            &["run", plugin, frame, "--onnxruntime", "nowhere.so"],
            1,
            &["nowhere.so"],
        ),
        (&["no-such-command"], 2, &["no-such-command"]),
    ];
    for (arguments, expected, words) in cases {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!(code, Some(*expected), "{arguments:?}: {stderr}");
        has(&stderr, words);
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn models_that_do_not_load_are_named() {
    let frame = file("examples/meter-reader/frames/meter-000.jpg");
    let plugin = component("meter-reader");
    for (bad, words) in [
        (file("README.md"), ["digits", "not an ONNX model"]),
        (model("unknown-op"), ["digits", "Teleport"]),
    ] {
        let argument = format!("digits={}", path(&bad));
        let (code, _, stderr) = run(&["run", path(&plugin), path(&frame), "--model", &argument]);
        assert_eq!(code, Some(1), "{stderr}");
        has(&stderr, &words);
    }
}

#[test]
fn a_device_that_is_not_there_is_never_replaced() {
    let frame = file("examples/meter-reader/frames/meter-000.jpg");
    let (code, stdout, stderr) = run_meter(&["--device", "tensorrt", path(&frame)]);
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["tensorrt", "cpu"]);
    assert_eq!(stdout, "");
}

/// A folder with a model and a tensor for the command.
fn given() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(model("mlp"), folder.path().join("model.onnx")).expect("copied");
    let tensor: Vec<u8> = (0..64u16)
        .flat_map(|n| (f32::from(n) / 64.0).to_le_bytes())
        .collect();
    std::fs::write(folder.path().join("tensor.bin"), tensor).expect("written");
    let path = folder.path().to_path_buf();
    (folder, path)
}

fn command(options: &[&str], arguments: &[&str]) -> (Option<i32>, String, String) {
    let guest = component("command-classify");
    let mut all = vec!["run", path(&guest)];
    all.extend(options);
    all.push("--");
    all.extend(arguments);
    run(&all)
}

#[test]
fn a_command_reads_its_model_and_tensor_from_a_directory() {
    let (_keep, folder) = given();
    let dir = format!("{}::/given", path(&folder));
    let arguments = ["/given/model.onnx", "/given/tensor.bin", "input", "1,64"];
    let (code, stdout, stderr) = command(&["--dir", &dir, "--env", "GREETING=hello"], &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    assert_eq!(lines[0], "hello");
    assert!(lines[1].starts_with("output\t"), "{stdout}");

    // The host's graph of a name gives the same.
    let named = format!("mlp={}", path(&model("mlp")));
    let (code, by_name, stderr) = command(
        &["--dir", &dir, "--model", &named],
        &["--named", "mlp", "/given/tensor.bin", "input", "1,64"],
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(by_name.lines().collect::<Vec<_>>(), lines[1..]);
}

#[test]
fn what_a_command_was_not_given_it_does_not_have() {
    let (_keep, folder) = given();
    let dir = format!("{}::/given", path(&folder));
    let arguments = ["/given/model.onnx", "/given/tensor.bin", "input", "1,64"];
    let (code, _, stderr) = command(&[], &arguments);
    // WASI 0.2 knows success and failure only.
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["/given/model.onnx"]);
    let (code, _, stderr) = command(&["--dir", &dir, "--deny", "load"], &arguments);
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["Security"]);
    let (code, _, stderr) = command(
        &["--dir", &dir],
        &["--named", "mlp", "/given/tensor.bin", "input", "1,64"],
    );
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["NotFound", "`mlp`"]);
}

#[test]
fn doctor_says_what_this_machine_has() {
    let (code, stdout, stderr) = run(&["doctor", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object");
    has(
        &report.to_string(),
        &["onnxruntime", "cpu", "wasmtime", "48.0.8"],
    );
    let (code, stdout, _) = run(&["doctor"]);
    assert_eq!(code, Some(0));
    has(
        &stdout.to_lowercase(),
        &["onnx runtime", "wasmtime", "cores"],
    );
}

#[test]
fn compiled_code_is_kept_and_a_broken_entry_made_again() {
    let home = tempfile::tempdir().expect("a folder");
    let frame = file("examples/meter-reader/frames/meter-000.jpg");
    let cached = |what: &str| {
        let output = tollgate()
            .args(meter(&[path(&frame)]))
            .env("XDG_CACHE_HOME", home.path())
            .env_remove("TOLLGATE_HOME")
            .output()
            .expect("it starts");
        let (code, stdout, stderr) = said(&output);
        assert_eq!(code, Some(0), "{what}: {stderr}");
        has(&stdout, &["\"reading\""]);
    };
    cached("an empty cache");
    let entries = files_below(home.path());
    assert!(!entries.is_empty(), "something was kept");
    cached("a full cache");
    for entry in &entries {
        let mut bytes = std::fs::read(entry).expect("an entry");
        let half = bytes.len() / 2;
        bytes.truncate(half);
        std::fs::write(entry, bytes).expect("cut");
    }
    cached("a broken cache");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files_below(&path));
        } else {
            all.push(path);
        }
    }
    all
}

#[test]
fn a_preview1_command_reads_its_model_and_tensor_from_a_directory() {
    let (_keep, folder) = given();
    let dir = format!("{}::/given", path(&folder));
    let guest = component("preview1-classify");
    let named = format!("mlp={}", path(&model("mlp")));
    let scores = |arguments: &[&str]| {
        let mut all = vec!["run", path(&guest), "--dir", &dir, "--model", &named, "--"];
        all.extend(arguments);
        let (code, stdout, stderr) = run(&all);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    };
    let from_bytes = scores(&["/given/model.onnx", "/given/tensor.bin", "1,64"]);
    assert_eq!(from_bytes.lines().count(), 3, "{from_bytes}");
    let by_name = scores(&["--named", "mlp", "/given/tensor.bin", "1,64"]);
    assert_eq!(by_name, from_bytes);

    // The component's guest says the same of the same model.
    let arguments = ["/given/model.onnx", "/given/tensor.bin", "input", "1,64"];
    let (_, component, _) = command(&["--dir", &dir], &arguments);
    assert_eq!(component.replace("output", "0"), from_bytes);

    // What it may not do is an errno that it says itself.
    let (code, _, stderr) = run(&[
        "run",
        path(&guest),
        "--dir",
        &dir,
        "--deny",
        "load",
        "--",
        "/given/model.onnx",
        "/given/tensor.bin",
        "1,64",
    ]);
    assert_eq!(code, Some(1), "{stderr}");
    has(&stderr, &["preview1-classify: the model"]);
}

#[test]
fn a_preview1_module_is_a_plugin_over_its_standard_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = folder.path().join("frame");
    std::fs::write(&frame, "compute type-u8 1 0:U8:2,3").expect("written");
    let guest = component("module-conduct");
    let named = format!("type-u8={}", path(&model("type-u8")));
    let (code, stdout, stderr) = run(&["run", path(&guest), path(&frame), "--model", &named]);
    assert_eq!(code, Some(0), "{stderr}");
    has(&stdout, &["020406080a0c"]);
}
