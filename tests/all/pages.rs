//! What people read, held against what it was: each page of help, and the table of a benchmark. Where one is
//! to change, `INSTA_UPDATE=always cargo test -p tollgate-tests --test all pages` writes them anew, and the
//! difference is read before it is committed.

use std::fs;

use crate::{
    cli::{path, run},
    support::{file, has},
};

/// Each command's page, in its long form; the short one of those that have options worth a look.
#[test]
fn help() {
    for words in [
        "",
        "run",
        "bench",
        "tune",
        "new",
        "inspect",
        "pack",
        "doctor",
        "runtime install",
        "generate",
    ] {
        let page = |flag: &str| {
            let arguments: Vec<&str> = words.split_whitespace().chain([flag]).collect();
            let (code, page, stderr) = run(&arguments);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{words}");
            page
        };
        let name = if words.is_empty() { "tollgate" } else { words };
        insta::assert_snapshot!(format!("help {name}"), page("--help"));
        if matches!(words, "run" | "bench" | "tune") {
            insta::assert_snapshot!(format!("help {name} short"), page("-h"));
        }
    }
}

#[test]
fn table() {
    let sample = fs::read_to_string(file("tests/reports/sample.json")).expect("a report");
    let report = serde_json::from_str(&sample).expect("a report");
    insta::assert_snapshot!("table bench", tollgate_report::bench_table::table(&report));
}

#[test]
fn completions_and_manual_pages_name_every_command_and_option() {
    let options = [
        "--max-tensors",
        "--batch-delay",
        "--out-dir",
        "--exhaustive",
    ];
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, stderr) = run(&["generate", "completions", shell]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{shell}");
        // Fish writes them without dashes.
        for option in options {
            has(&script, &[option.trim_start_matches('-')]);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man");
    let (code, _, stderr) = run(&["generate", "man", path(&pages)]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for page in [
        "tollgate.1",
        "tollgate-run.1",
        "tollgate-bench.1",
        "tollgate-runtime-install.1",
    ] {
        let text = fs::read_to_string(pages.join(page)).expect("a page");
        has(&text, &[".TH", "tollgate"]);
    }
    let (code, _, stderr) = run(&["generate", "man", "/dev/null/here"]);
    assert_eq!(code, Some(1));
    has(&stderr, &["cannot make the folder `/dev/null/here`"]);
}
