//! Nothing that a file, a guest or a name says reaches a terminal as it is.

use std::process::Command;

use super::{conduct, frames, json};
use crate::{
    cli::{path, run, tollgate},
    support::{case, case_wat, component, has},
};

/// Whether a text could drive or mislead a terminal; line feeds and tabs are layout.
#[track_caller]
fn harmless(text: &str) {
    let hidden = |c: char| matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let bad = |c: &char| (c.is_control() && !matches!(c, '\n' | '\t')) || hidden(*c);
    let found = text.chars().find(bad);
    assert_eq!(found, None, "{text:?}");
}

/// A name with one of each: colours, titles, C1, overrides, isolates, zero width, line ends.
const NAME: &str = "a\u{1b}[31m\u{7}\u{9b}2J\u{202e}b\u{2066}c\u{200b}\u{61c}\u{2028}\nerror: x\r";

#[test]
fn terminal() {
    for name in ["inj-export", "inj-start"] {
        let wasm = case(&format!("hostile/wasm/{name}.wasm"));
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out.wasm");
        for arguments in [
            &["run", path(&wasm), "--no-cache"][..],
            &["inspect", path(&wasm)],
            &["inspect", path(&wasm), "--json"],
            &["pack", path(&wasm), "--output", path(&out)],
            &[
                "pack",
                path(&wasm),
                "--output",
                path(&out),
                "--keep-names",
                "--json",
            ],
        ] {
            let (_, stdout, stderr) = run(arguments);
            harmless(&stdout);
            harmless(&stderr);
            assert!(!(stdout + &stderr).is_empty(), "{arguments:?}");
        }
    }
}

#[test]
fn names_of_a_component_are_fields() {
    let wat = format!(
        "(module (import \"m{0}\" \"f{0}\" (func)) (func (export \"x{0}\")) (memory (export \"memory\") 1)
           (@custom \"producers\" \"\\01\\08language\\01\\05r\\1b[2J\\03\\c2\\9bJ\"))",
        NAME.escape_default()
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("m.wasm");
    std::fs::write(&file, wat::parse_str(wat).expect("a module")).expect("written");
    for command in ["inspect", "run", "pack"] {
        let (_, stdout, stderr) = run(&[command, path(&file)]);
        harmless(&stdout);
        harmless(&stderr);
        for line in stdout.lines().chain(stderr.lines()) {
            assert!(!line.starts_with("error: x"), "{stdout}{stderr}");
        }
    }
    let (_, stdout, _) = run(&["inspect", path(&file), "--json"]);
    harmless(&stdout);
    let seen = json(&stdout);
    assert_eq!(
        seen["exports"][0],
        format!("x{NAME}"),
        "JSON says the very same"
    );
}

#[test]
fn modules_of_other_hosts_are_told_without_escapes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("m.wasm");
    for module in ["as-abort", "extism", "wrong-type"] {
        let wasm = case_wat(&format!("modules/{module}.wat"));
        std::fs::write(&file, wasm).expect("written");
        for command in ["inspect", "run"] {
            let (_, stdout, stderr) = run(&[command, path(&file)]);
            harmless(&stdout);
            harmless(&stderr);
        }
    }
}

#[test]
fn names_that_were_typed_are_escaped_as_well() {
    let name = NAME.replace('\n', "");
    for arguments in [
        &["run", &*name][..],
        &["inspect", &*name],
        &["pack", &*name],
        &["doctor", "--onnxruntime", &*name],
        &["new", &*name, "--lang", "c"],
        &["run", "x.wasm", "f", "--device", &*name],
        &["run", "x.wasm", "f", "--max-memory", &*name],
        &["run", "x.wasm", "f", &*format!("--{name}")],
        &[&*name],
        &[
            "run",
            "x.wasm",
            "f",
            "--model",
            &*format!("a={name}"),
            "--model",
            &*format!("a={name}"),
        ],
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_ne!(code, Some(0), "{arguments:?}");
        harmless(&stdout);
        harmless(&stderr);
    }
}

#[test]
fn faults_and_frames_of_any_name_are_fields() {
    let folder = frames(&[
        (
            "a\u{1b}[31m\u{202e}.txt",
            "fault \u{1b}]0;owned\u{7}\u{202e}\u{9b}",
        ),
        ("b", "nothing \u{1b}[2J"),
    ]);
    let (code, stdout, stderr) = conduct(folder.path(), &[]);
    assert_eq!(code, Some(1));
    harmless(&stdout);
    harmless(&stderr);
    has(&stderr, &["\\u{1b}]0;owned\\u{7}\\u{202e}\\u{9b}"]);
    let (_, stdout, stderr) = conduct(folder.path(), &["--json"]);
    harmless(&stdout);
    harmless(&stderr);
    assert_eq!(
        json(&stdout)["failures"][0]["message"],
        "invalid frame: \u{1b}]0;owned\u{7}\u{202e}\u{9b}"
    );
}

/// On a terminal the text of an output is escaped; a program that reads it gets it.
#[test]
fn text_that_a_plugin_hands_back_does_not_drive_a_terminal() {
    let folder = frames(&[("a", "by-name \u{202e}x\u{200d}")]);
    let (_, piped, stderr) = conduct(folder.path(), &[]);
    has(&piped, &["\u{202e}x\u{200d}"]);
    harmless(&stderr);
    // `script` gives the program a terminal.
    let exe = tollgate();
    let line = format!(
        "{} run {} {} --no-cache",
        exe.get_program().display(),
        component("conduct").display(),
        folder.path().display()
    );
    let shown = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("NO_COLOR", "1")
        .output()
        .expect("`script` of util-linux");
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(
        !shown.contains('\u{202e}') && !shown.contains('\u{200d}'),
        "{shown:?}"
    );
    has(&shown, &["\\u{202e}x\\u{200d}"]);
}
