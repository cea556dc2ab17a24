//! What somebody who writes a plugin is told when it goes wrong.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use tollgate_runtime::{Error, GuestFault, Instance, Plugin};
use tollgate_services::{Fault, Grants, Ledger, Limits};
use tollgate_twin::Twin;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::{
    cli::{path, tollgate},
    support::{self, ENGINE, component, file, frame, has, host},
};

/// Runs a plugin over a frame of these lines.
fn run(plugin: &Path, lines: &str, options: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("frame.txt");
    fs::write(&input, lines).expect("written");
    let mut command = tollgate();
    command.arg("run").arg(plugin).arg(input);
    ended(command.args(options))
}

fn ended(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().expect("it starts");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

/// The lines of a text that have this in them.
fn with<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(word)).collect()
}

/// A preview1 module as a file.
fn module(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("module.wasm");
    fs::write(&path, wat::parse_str(text).expect("text that assembles")).expect("written");
    path
}

/// Writes 17 bytes to standard error; then comes what is put in.
fn speaking(then: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\11\00\00\00")
            (data (i32.const 16) "level\1b is\nnow low")
            (func (export "handle") (result i32)
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                {then}))"#
    )
}

#[test]
fn stderr() {
    let remarks = component("remarks");
    let lines = "out one\\ntwo\\n\nout three\nerr \\e[2Jhere\\r\\n\nout \\n";
    for options in [&["--logging"][..], &["-v"]] {
        let (code, said) = run(&remarks, lines, options);
        assert_eq!(code, Some(0), "{said}");
        for line in ["\"one\"", "\"two\"", "\"three\""] {
            let lines = with(&said, line);
            assert_eq!(lines.len(), 1, "{line}: {said}");
            has(lines[0], &["INFO", "plugin", "remarks", "stdout"]);
        }
        has(
            with(&said, "here")[0],
            &["WARN", "stderr", r#""\u{1b}[2Jhere\\r""#],
        );
        assert!(!said.contains("hint"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
    // Nothing of the lower level.
    let (_, said) = run(&remarks, lines, &["--logging=warn"]);
    assert_eq!(
        (with(&said, "stdout").len(), with(&said, "stderr").len()),
        (0, 1)
    );
    // Without the grant it does not pass unnoticed, whether the run went well or not.
    for (lines, code) in [("out hello", 0), ("err hello\nfault no", 1)] {
        let (ended, said) = run(&remarks, lines, &[]);
        assert_eq!(ended, Some(code), "{said}");
        assert!(!said.contains("hello"), "{said}");
        has(
            &said,
            &[
                "hint: it wrote to its standard output or error",
                "add `--logging`",
            ],
        );
    }
}

#[test]
fn stderr_is_bounded_as_log_lines_are() {
    let remarks = component("remarks");
    let long = format!(
        "out {}\\nafter\\n\nout {}",
        "x".repeat(9000),
        "y".repeat(200)
    );
    let (code, said) = run(&remarks, &long, &["--logging", "--max-log-line", "100"]);
    assert_eq!(code, Some(0), "{said}");
    has(
        &said,
        &[
            &format!("\"{}\" and 8900 bytes more", "x".repeat(100)),
            "\"after\"",
        ],
    );
    has(
        &said,
        &[&format!("\"{}\" and 100 bytes more", "y".repeat(100))],
    );
    // One sum with the log's own lines.
    let many = "log many\nout more\\n\n".repeat(100);
    let (code, said) = run(&remarks, &many, &["--logging", "--max-log", "200"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        with(&said, "what else it logs is dropped").len(),
        1,
        "{said}"
    );
    assert!(
        with(&said, "many").len() + with(&said, "more").len() < 30,
        "{said}"
    );
}

#[test]
fn stderr_of_preview1_is_log_where_it_is_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let well = module(folder.path(), &speaking("(i32.const 0)"));
    let (code, said) = run(&well, "", &["--logging"]);
    assert_eq!(code, Some(0), "{said}");
    has(with(&said, "level")[0], &["stderr", r#""level\u{1b} is""#]);
    has(with(&said, "now low")[0], &["stderr", "\"now low\""]);
    // A guest's last words are told with its trap, log or none.
    let traps = module(folder.path(), &speaking("unreachable"));
    let (code, said) = run(&traps, "", &[]);
    assert_eq!(code, Some(1), "{said}");
    has(
        with(&said, "the guest trapped: ")[0],
        &[
            "level",
            "is now low (wasm `unreachable` instruction executed)",
        ],
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    // The same guest as another host runs it: `handle` says what kind of fault it is.
    let fault = module(folder.path(), &speaking("(i32.const 1)"));
    let (code, said) = run(&fault, "", &[]);
    assert_eq!(code, Some(1), "{said}");
    has(&said, &["invalid frame: level"]);
    assert!(!said.contains("hint"), "it was seen: {said}");
}

#[test]
fn rust_panic() {
    let remarks = component("remarks");
    for (line, words) in [
        ("panic 7", "sensor 7 out of range"),
        (
            "unwrap x",
            "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }",
        ),
        (
            "index abc",
            "index out of bounds: the len is 3 but the index is 3",
        ),
        ("panic 1\\n\\e[2J2", "sensor 1 \\u{1b}[2J2 out of range"),
    ] {
        let (code, said) = run(&remarks, line, &[]);
        assert_eq!(code, Some(1), "{said}");
        let lines = with(&said, "panicked");
        assert_eq!(lines.len(), 1, "{said}");
        has(
            lines[0],
            &[
                "frame.txt: the guest trapped: panicked at ",
                "remarks/src/lib.rs:",
                words,
            ],
        );
        assert!(!said.contains("wasm"), "{said}");
        assert!(!said.contains("hint"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}

#[test]
fn rust_panic_is_bounded_and_the_twin_says_the_same() {
    let plugin = support::plugin("remarks");
    let (grants, limits) = (Grants::default(), Limits::default());
    let said = |lines: &str| {
        let mut instance =
            Instance::new(&plugin, &host(&[]), &grants, &limits).expect("an instance");
        let mut ledger = Ledger::open();
        ledger.start();
        match instance.handle(&frame(lines), &mut ledger) {
            Err(Error::Guest(GuestFault::Trap { said, .. })) => said,
            other => panic!("expected a trap: {other:?}"),
        }
    };
    let library = file("target/guests/twins/remarks.so");
    let mut twin = Twin::load(&library, host(&[]), &grants, &limits).expect("a twin");
    for lines in ["panic 7", "unwrap x", "index abc"] {
        let (outcome, _) = twin.handle(&frame(lines));
        let fault = outcome.expect("it goes on").expect_err("a fault");
        assert_eq!(
            fault,
            Fault::Internal(format!("the plugin {}", said(lines)))
        );
    }
    let long = said("long 100000");
    assert!(long.len() < 4200, "{}", long.len());
    has(&long, &["panicked at ", "xxx..."]);
}

#[test]
fn frames_have_their_names_where_there_are_any() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = r#"(module
        (func $_ZN5meter6decode17h0123456789abcdefE unreachable)
        (func $read (param $n i32)
            (if (i32.eqz (local.get $n)) (then call $_ZN5meter6decode17h0123456789abcdefE))
            (call $read (i32.sub (local.get $n) (i32.const 1))))
        (func (export "handle") (result i32) (call $read (i32.const 20)) (i32.const 0)))"#;
    let (_, said) = run(&module(folder.path(), deep), "", &[]);
    has(
        &said,
        &["the guest trapped: wasm `unreachable` instruction executed in meter::decode < read < "],
    );
    assert_eq!(said.matches("read <").count(), 7, "{said}");
    has(&said, &["< ..."]);
}

#[test]
fn hints() {
    // A command with a code of its own, which could load a model and open files.
    let folder = tempfile::tempdir().expect("a folder");
    let command = module(
        folder.path(),
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_ephemeral_nn" "load"
                (func (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const 3))))"#,
    );
    let (code, said) = ended(tollgate().arg("run").arg(command).args(["--deny", "load"]));
    assert_eq!((code, said.contains("hint")), (Some(3), false), "{said}");
    // A fault of the plugin's own, in languages whose toolchains take the whole world in.
    let digits = file("examples/meter-reader/models/digits.onnx");
    let model = format!("digits={}", path(&digits));
    for guest in ["meter-reader", "meter-reader-python", "meter-reader-js"] {
        let options = ["--model", &model, "--deadline", "60s"];
        let (code, said) = run(&component(guest), "nonsense", &options);
        assert_eq!(code, Some(1), "{guest}: {said}");
        assert!(!said.contains("hint"), "{guest}: {said}");
    }
    // What was refused is said, and only that.
    let (_, said) = run(&component("remarks"), "graph digits", &[]);
    assert_eq!(with(&said, "hint").len(), 1, "{said}");
    has(
        &said,
        &["hint: it asked for a graph", "add `--model NAME=PATH`"],
    );
    let (_, said) = run(&component("conduct"), "load\nnone", &[]);
    assert!(!said.contains("hint"), "the frame did not fail: {said}");
}

#[test]
fn python_m() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join("ran");
    let module = format!("open({:?}, 'w')\n", path(&marker));
    for name in ["pip.py", "zipfile.py", "sitecustomize.py"] {
        fs::write(folder.path().join(name), &module).expect("written");
    }
    let script = format!("#!/bin/sh\ntouch '{}'\n", path(&marker));
    let program = folder.path().join("python3");
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made a program");
    let search = std::env::var("PATH").expect("a PATH");
    let mut install = tollgate();
    install
        .args(["runtime", "install"])
        .current_dir(folder.path())
        .env("TOLLGATE_HOME", folder.path().join("home"))
        .env("PATH", format!(".::{search}"))
        .env("PYTHONPATH", folder.path())
        // Nothing is to be fetched: only what is run on the way counts.
        .env("PIP_INDEX_URL", "http://127.0.0.1:9/")
        .env("PIP_RETRIES", "0");
    let (code, said) = ended(&mut install);
    assert_eq!(code, Some(1), "{said}");
    assert!(!marker.exists(), "{said}");
}

/// A plugin whose `handle` returns these bytes, from address 64 on, whatever it is handed.
fn answering(answer: &[u8]) -> Plugin {
    let bytes: String = answer.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (data (i32.const 64) "{bytes}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
            (func (export "tollgate:plugin/handler@0.1.0#handle")
                (param i64 i32 i32 i32 i32 i64 i32 i32) (result i32) (i32.const 64)))"#
    );
    let mut module = wat::parse_str(module).expect("text that assembles");
    // The package's own types and handler, and a world of nothing else.
    let wit = fs::read_to_string(file("wit/plugin/plugin.wit")).expect("read");
    let interfaces = wit.split("\ninterface panic").next().expect("a beginning");
    let interfaces = interfaces.rsplit_once("///").expect("its comment").0;
    let mut resolve = Resolve::default();
    let package = resolve
        .push_source(
            "plugin.wit",
            &format!("{interfaces}\nworld only {{ export handler; }}"),
        )
        .expect("a package");
    let world = resolve
        .select_world(&[package], Some("only"))
        .expect("a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("embedded");
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.validate(true).module(&module).expect("a module");
    Plugin::new(&ENGINE, &encoder.encode().expect("a component")).expect("a plugin")
}

#[test]
fn wrong_return() {
    let word = |number: u32| number.to_le_bytes();
    // A result: which, then a list of outputs, or which fault and its text. An output: three lists.
    let output = [80, 1, 0, 0, 0, 0].map(word).concat();
    let one_output = [&word(0)[..], &word(76), &word(1), &output].concat();
    let text = |bytes: &[u8]| {
        let mut answer = one_output.clone();
        // The name, where the first output's first list is made to lie.
        answer.resize(64, 0);
        answer[12..16].copy_from_slice(&word(64 + 40));
        answer[40..40 + bytes.len()].copy_from_slice(bytes);
        answer
    };
    for (answer, words) in [
        (text(&[0xff]), "utf-8"),
        (word(7).to_vec(), "discriminant"),
        ([1, 9, 0, 0].map(word).concat(), "discriminant"),
        ([0, u32::MAX, 4].map(word).concat(), ""),
    ] {
        let plugin = answering(&answer);
        let (grants, limits) = (Grants::default(), Limits::default());
        let mut instance =
            Instance::new(&plugin, &host(&[]), &grants, &limits).expect("an instance");
        let mut ledger = Ledger::open();
        ledger.start();
        let error = instance
            .handle(&frame("x"), &mut ledger)
            .expect_err("no answer");
        assert!(
            matches!(error, Error::Guest(GuestFault::Answer { .. })),
            "{error:?}"
        );
        has(
            &error.to_string(),
            &[
                "the guest's answer cannot be read: ",
                words,
                "what its world says",
            ],
        );
    }
    // What is right is read.
    let plugin = answering(&text(b"n"));
    let mut instance = Instance::new(&plugin, &host(&[]), &Grants::default(), &Limits::default())
        .expect("an instance");
    let mut ledger = Ledger::open();
    ledger.start();
    let outputs = instance.handle(&frame("x"), &mut ledger);
    assert_eq!(outputs.expect("no trap").expect("no fault")[0].name, "n");
}
