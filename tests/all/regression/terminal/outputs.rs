//! Outputs and failures: which there are, where they go, how much of them is kept.

use std::{fs, process::Stdio};

use super::{conduct, example, frames, json, meter};
use crate::{
    cli::{path, run, tollgate},
    support::{component, file, has},
};

#[test]
fn frames_folder() {
    let digits = format!("digits={}", path(&example("models/digits.onnx")));
    let (code, stdout, stderr) = run(&[
        "run",
        path(&component("meter-reader")),
        "--model",
        &digits,
        path(&example("frames")),
    ]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout.lines().count(), 48);
    has(
        &stderr,
        &["48 frames, 0 failed", "left out", "truth.json", "--include"],
    );

    let (code, stdout, stderr) = run(&[
        "run",
        path(&component("meter-reader")),
        "--model",
        &digits,
        path(&example("frames")),
        "--include",
        "meter-00?.jpg",
    ]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout.lines().count(), 10);
}

#[test]
fn json_failures() {
    let folder = frames(&[
        ("a", "count"),
        ("b", "fault the sensor is dark"),
        ("c", "trap"),
        ("d", "loop"),
        ("e", "exhaust"),
        ("f", "no-such-command"),
        ("g", "count"),
    ]);
    fs::write(folder.path().join("h"), vec![b'x'; 2000]).expect("written");
    let (code, stdout, stderr) = conduct(
        folder.path(),
        &[
            "--json",
            "--deadline",
            "300ms",
            "--max-frame",
            "1000",
            "--max-memory",
            "64MiB",
        ],
    );
    assert_eq!(code, Some(1), "{stderr}");
    let report = json(&stdout);
    assert_eq!(
        (&report["frames"]["count"], &report["frames"]["failed"]),
        (&8.into(), &6.into())
    );
    assert_eq!(report["failures_left_out"], 0);
    let failures = report["failures"].as_array().expect("a list");
    let told: Vec<(u64, &str, &str)> = failures
        .iter()
        .map(|one| {
            let text = |field: &str| one[field].as_str().expect("text");
            assert_eq!(one["pass"], 0);
            (
                one["sequence"].as_u64().expect("a number"),
                text("source"),
                text("kind"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "b", "invalid-frame"),
            (2, "c", "trap"),
            (3, "d", "deadline"),
            (4, "e", "limit"),
            (5, "f", "internal"),
            (7, "h", "input"),
        ]
    );
    assert_eq!(failures[0]["message"], "invalid frame: the sensor is dark");
    has(
        failures[5]["message"].as_str().expect("text"),
        &["--max-frame"],
    );
}

#[test]
fn failures_are_bounded_in_number_and_length() {
    let long = format!("fault {}", "x".repeat(100_000));
    let names: Vec<String> = (0..150).map(|number| format!("{number:03}")).collect();
    let commands: Vec<(&str, &str)> = names.iter().map(|name| (&**name, &*long)).collect();
    let folder = frames(&commands);
    let (code, stdout, stderr) = conduct(folder.path(), &["--json"]);
    assert_eq!(code, Some(1));
    let report = json(&stdout);
    assert_eq!(report["frames"]["failed"], 150);
    assert_eq!(report["failures"].as_array().map(Vec::len), Some(100));
    assert_eq!(report["failures_left_out"], 50);
    assert!(stdout.len() < 300_000 && stderr.len() < 200_000);
}

/// A guest whose every output has 8 MiB: a preview1 module that answers with its memory.
const LARGE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 256)
    (func (export "handle") (result i32)
        (local $left i32)
        (local.set $left (i32.const 0x800000))
        (i32.store (i32.const 0) (i32.const 16))
        (memory.fill (i32.const 16) (i32.const 90) (local.get $left))
        (loop $more
            (i32.store (i32.const 4) (local.get $left))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 8))))
            (br_if $more (local.get $left)))
        (i32.const 0)))"#;

#[test]
#[cfg(target_os = "linux")]
fn kept_outputs() {
    use std::io::Read;
    let folder = tempfile::tempdir().expect("a folder");
    let wasm = folder.path().join("large.wasm");
    fs::write(&wasm, wat::parse_str(LARGE).expect("a module")).expect("written");
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).expect("a folder");
    for number in 0..60 {
        fs::write(frames.join(format!("{number:02}")), "x").expect("written");
    }
    // 480 MiB of outputs go through; none of them may stay.
    let mut child = tollgate()
        .args([
            "run",
            path(&wasm),
            path(&frames),
            "--json",
            "--workers",
            "3",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut out = child.stdout.take().expect("piped");
    let (mut text, mut most, mut chunk) = (Vec::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = out.read(&mut chunk).expect("it is there");
        if read == 0 {
            break;
        }
        // The letters of the outputs themselves are let go.
        text.extend(chunk[..read].iter().filter(|&&byte| byte != b'Z'));
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|kib| kib.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        most = most.max(peak.unwrap_or_default());
    }
    assert!(child.wait().expect("it ends").success());
    let report = json(&String::from_utf8(text).expect("UTF-8"));
    let outputs = report["outputs"].as_array().expect("a list");
    assert_eq!(outputs.len(), 60);
    assert!(most > 0 && most < 400 << 10, "{most} kB at most");
}

#[test]
fn binary_outputs() {
    let folder = frames(&[("a.txt", "count")]);
    // What a preview1 module answers has no type: bytes that are no text are told as bytes.
    let wat = LARGE.replace("0x800000", "4");
    let bytes = wat.replace("i32.const 90", "i32.const 255");
    let wasm = folder.path().join(".bytes.wasm");
    let out = folder.path().join(".out");
    for (module, text, base64, ending) in [
        (&wat, Some("ZZZZ"), None, "txt"),
        (&bytes, None, Some("/////w=="), "bin"),
    ] {
        fs::write(&wasm, wat::parse_str(module).expect("a module")).expect("written");
        let (code, stdout, stderr) = run(&["run", path(&wasm), path(folder.path()), "--json"]);
        assert_eq!(code, Some(0), "{stderr}");
        let output = &json(&stdout)["outputs"][0];
        assert_eq!(
            (output["text"].as_str(), output["base64"].as_str()),
            (text, base64)
        );
        assert_eq!(output["bytes"], 4);

        let arguments = [
            "run",
            path(&wasm),
            path(folder.path()),
            "--out-dir",
            path(&out),
        ];
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!(code, Some(0), "{stderr}");
        let name = format!("a.txt.stdout.{ending}");
        let written = fs::read(out.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(written.len(), 4);
        assert_eq!(stdout.contains(&name), text.is_none(), "{stdout}");
    }
}

/// Files of outputs are as readable as any other, and named by what they are.
#[test]
fn outputs_become_files() {
    let out = tempfile::tempdir().expect("a folder");
    let mut arguments = meter("run");
    arguments.extend([
        "--out-dir".to_owned(),
        path(out.path()).to_owned(),
        "--json".to_owned(),
    ]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let report = json(&stdout);
    let outputs = report["outputs"].as_array().expect("a list");
    let sequences: Vec<u64> = outputs
        .iter()
        .filter_map(|one| one["sequence"].as_u64())
        .collect();
    assert!(sequences.is_sorted() && sequences.len() == 48);
    let first = outputs[0]["file"].as_str().expect("a name");
    assert_eq!(first, "meter-000.pgm.reading.json");
    let written = fs::read_to_string(out.path().join(first)).expect("written");
    assert_eq!(Some(&*written), outputs[0]["text"].as_str());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let plain = out.path().join("plain");
        fs::write(&plain, "").expect("written");
        let mode = |path| fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(out.path().join(first)), mode(plain));
    }
}

#[test]
fn several_workers_keep_the_frames_in_order() {
    let digits = format!(
        "digits={}",
        path(&file("examples/meter-reader/models/digits.onnx"))
    );
    let (code, stdout, stderr) = run(&[
        "run",
        path(&component("meter-reader")),
        path(&example("frames-pgm")),
        "--model",
        &digits,
        "--workers",
        "3",
    ]);
    assert_eq!(code, Some(0), "{stderr}");
    let names: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert!(names.is_sorted() && names.len() == 48, "{names:?}");
}
