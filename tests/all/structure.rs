//! The direction in which crates depend on each other, read from their manifests; and what their files use,
//! read from the files.

mod uses;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::support::root;

/// The crates of the house and what of the house each may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("tollgate-twin-abi", &[]),
    ("tollgate-onnx", &[]),
    ("tollgate-jail", &[]),
    ("tollgate-stats", &[]),
    ("tollgate-ort", &["tollgate-onnx"]),
    ("tollgate-nn", &["tollgate-onnx", "tollgate-ort"]),
    ("tollgate-isolate", &["tollgate-jail", "tollgate-nn"]),
    ("tollgate-guest", &["tollgate-twin-abi"]),
    ("tollgate-wasm", &[]),
    ("tollgate-services", &["tollgate-nn"]),
    (
        "tollgate-twin",
        &["tollgate-nn", "tollgate-services", "tollgate-twin-abi"],
    ),
    (
        "tollgate-runtime",
        &["tollgate-nn", "tollgate-services", "tollgate-wasm"],
    ),
    (
        "tollgate-dispatch",
        &[
            "tollgate-nn",
            "tollgate-runtime",
            "tollgate-services",
            "tollgate-twin",
        ],
    ),
    ("tollgate-report", &["tollgate-services", "tollgate-stats"]),
    ("tollgate-inspect", &["tollgate-services", "tollgate-wasm"]),
    (
        "tollgate-files",
        &["tollgate-dispatch", "tollgate-nn", "tollgate-services"],
    ),
    (
        "tollgate-deploy",
        &[
            "tollgate-isolate",
            "tollgate-jail",
            "tollgate-nn",
            "tollgate-report",
            "tollgate-runtime",
            "tollgate-services",
            "tollgate-wasm",
        ],
    ),
    (
        "tollgate-bench",
        &[
            "tollgate-deploy",
            "tollgate-dispatch",
            "tollgate-nn",
            "tollgate-report",
            "tollgate-runtime",
            "tollgate-services",
            "tollgate-twin",
            "tollgate-stats",
        ],
    ),
    ("tollgate", CRATES),
    ("meter-reader", &["tollgate-guest"]),
    ("preview1-meter-reader", &["meter-reader"]),
    ("tollgate-tests", CRATES),
    ("xtask", &["tollgate-stats"]),
];

/// All crates of the host, and the program's own library.
const CRATES: &[&str] = &[
    "tollgate",
    "tollgate-bench",
    "tollgate-deploy",
    "tollgate-dispatch",
    "tollgate-files",
    "tollgate-inspect",
    "tollgate-isolate",
    "tollgate-jail",
    "tollgate-nn",
    "tollgate-onnx",
    "tollgate-ort",
    "tollgate-report",
    "tollgate-runtime",
    "tollgate-services",
    "tollgate-twin",
    "tollgate-wasm",
    "tollgate-stats",
];

/// What is outside the house and must not be used by a crate.
const MUST_NOT_USE: &[(&str, &[&str])] = &[
    ("tollgate-ort", BELOW_THE_BOUNDARY),
    ("tollgate-nn", ABOVE_ONNX_RUNTIME),
    ("tollgate-isolate", ABOVE_ONNX_RUNTIME),
    ("tollgate-wasm", WITHOUT_THE_RUNTIME),
    ("tollgate-services", WITHOUT_THE_RUNTIME),
    ("tollgate-twin", WITHOUT_THE_RUNTIME),
    ("tollgate-runtime", &["ort", "clap", "axum"]),
    ("tollgate-dispatch", ABOVE_THE_RUNTIME),
    ("tollgate-report", ABOVE_THE_RUNTIME),
    ("tollgate-inspect", ABOVE_THE_RUNTIME),
    ("tollgate-files", ABOVE_THE_RUNTIME),
    ("tollgate-deploy", ABOVE_THE_RUNTIME),
    ("tollgate-bench", ABOVE_THE_RUNTIME),
    ("tollgate", &["ort", "tokio", "wasmtime", "wasmtime-wasi"]),
];

/// Inference stands by itself: a native program can use it.
const BELOW_THE_BOUNDARY: &[&str] = &["wasmtime", "wasmtime-wasi", "wit-bindgen", "tokio", "clap"];

/// The same, and no call of ONNX Runtime but by `tollgate-ort`.
const ABOVE_ONNX_RUNTIME: &[&str] = &[
    "ort",
    "wasmtime",
    "wasmtime-wasi",
    "wit-bindgen",
    "tokio",
    "clap",
];

/// Engines, and what waits, are below; the command line is above.
const ABOVE_THE_RUNTIME: &[&str] = &[
    "ort",
    "wasmtime",
    "wasmtime-wasi",
    "tokio",
    "clap",
    "anyhow",
];

/// What knows no engine needs none of these either.
const WITHOUT_THE_RUNTIME: &[&str] = ABOVE_THE_RUNTIME;

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo's JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            (
                text(&package["name"]),
                dependencies
                    .iter()
                    .filter(|one| one["kind"].is_null())
                    .map(|one| text(&one["name"]))
                    .collect(),
            )
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let all = dependencies();
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    for (package, uses) in &all {
        // Guests for tests use the interfaces alone, or the SDK.
        let may_use = allowed
            .get(package.as_str())
            .copied()
            .unwrap_or(&["tollgate-guest"]);
        for used in uses.iter().filter(|used| all.contains_key(*used)) {
            assert!(
                may_use.contains(&used.as_str()),
                "{package} must not use {used}"
            );
        }
    }
    for (package, forbidden) in MUST_NOT_USE {
        for used in &all[*package] {
            assert!(
                !forbidden.contains(&used.as_str()),
                "{package} must not use {used}"
            );
        }
    }
}

/// Wasmtime's streams are traits of tokio's, which have to be named, and asynchronous guests wait by
/// it. Synchronous ones, and inference, are to know nothing of it.
#[test]
fn in_the_runtime_only_streams_and_the_executor_know_tokio() {
    let folder = root().join("host/crates/runtime/src");
    let mut know: Vec<String> = std::fs::read_dir(folder)
        .expect("the sources")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| {
            let source = std::fs::read_to_string(path).expect("a source");
            source.contains("tokio::")
        })
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into())
        .collect();
    know.sort();
    assert_eq!(know, ["executor", "streams"]);
}

#[test]
fn these_know_no_wasmtime_not_even_through_others() {
    for (package, has) in [
        ("tollgate-nn", "ort "),
        ("tollgate-isolate", "tollgate-nn "),
        ("tollgate-services", "tollgate-nn "),
        ("tollgate-twin", "tollgate-services "),
        ("tollgate-report", "tollgate-services "),
        ("tollgate-wasm", "wasmparser "),
        ("tollgate-inspect", "tollgate-wasm "),
    ] {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "-p", package, "--offline", "--prefix", "none"])
            .current_dir(root())
            .output()
            .expect("cargo tree");
        let tree = String::from_utf8(output.stdout).expect("text");
        assert!(tree.contains(has), "{tree}");
        for word in ["wasmtime", "cranelift", "wit-"] {
            assert!(!tree.contains(word), "{word} in {tree}");
        }
    }
}

#[test]
fn the_version_of_wasmtime_that_reports_name_is_the_one_inside() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    let package = format!(
        "name = \"wasmtime\"\nversion = \"{}\"",
        tollgate_runtime::WASMTIME_VERSION
    );
    assert!(lock.contains(&package), "update `WASMTIME_VERSION`");
}

/// The crates whose files are read.
const READ: &[&str] = &[
    "host",
    "host/crates/bench",
    "host/crates/deploy",
    "host/crates/dispatch",
    "host/crates/files",
    "host/crates/inspect",
    "host/crates/isolate",
    "host/crates/jail",
    "host/crates/nn",
    "host/crates/onnx",
    "host/crates/ort",
    "host/crates/report",
    "host/crates/runtime",
    "host/crates/services",
    "host/crates/twin",
    "host/crates/wasm",
    "host/crates/stats",
    "guest-sdk/rust",
    "xtask",
];

/// Files of one folder may be about one thing and name each other's types; folders stand above each other.
#[test]
fn no_files_of_different_folders_use_each_other_in_a_circle() {
    for name in READ {
        let folder = root().join(name).join("src");
        assert!(!uses::sources(&folder).is_empty(), "{name} is read");
        let uses = uses::uses(&folder);
        for circle in uses::circles(&uses) {
            let folder = |file: &String| {
                // A folder's own file belongs to it.
                let own = uses.keys().any(|one| one.starts_with(&format!("{file}/")));
                let above = file.rsplit_once('/').map_or("", |(folder, _)| folder);
                if own { file.clone() } else { above.to_owned() }
            };
            let folders: BTreeSet<_> = circle.iter().map(folder).collect();
            assert_eq!(folders.len(), 1, "{name}: {circle:?}");
        }
    }
}

/// What only some crates may name, and which.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("clap::", &["host", "xtask"]),
    ("ort::", &["host/crates/ort"]),
    ("redb::", &["host/crates/deploy"]),
    ("env::var", &["host", "xtask"]),
    ("env::args", &["xtask"]),
    ("tokio::", &["host/crates/runtime"]),
    ("wasmtime::", &["host/crates/runtime"]),
    (
        "fs::",
        &[
            "host",
            "host/crates/bench",
            "host/crates/deploy",
            "host/crates/files",
            "host/crates/isolate",
            "host/crates/jail",
            "host/crates/nn",
            "host/crates/ort",
            "xtask",
        ],
    ),
];

#[test]
fn only_these_crates_name_what_opens_files_waits_or_runs() {
    for (word, crates) in MAY_NAME {
        for name in READ.iter().filter(|name| !crates.contains(name)) {
            for path in uses::sources(&root().join(name).join("src")) {
                let code = uses::code(&path);
                let named = code.match_indices(word).any(|(place, _)| {
                    let before = code[..place].chars().next_back();
                    before.is_none_or(|one| !one.is_alphanumeric() && !matches!(one, '_' | ':'))
                });
                assert!(!named, "{} names `{word}`", path.display());
            }
        }
    }
}

/// What begins with two hyphens in the crates' texts and is no option of ours.
const OTHERS_OPTIONS: &[&str] = &[
    // Arguments of pip, in `deploy`, which installs ONNX Runtime with it.
    "--abi",
    "--dest",
    "--disable-pip-version-check",
    "--hash",
    "--implementation",
    "--no-deps",
    "--no-input",
    "--only-binary",
    "--platform",
    "--progress-bar",
    "--python-version",
    "--require-hashes",
    "--requirement",
    "--version",
    // Options of toolchains, in `inspect`, which says with which of them a plugin is built again.
    "--import-memory",
    "--stub-wasi",
    "--use",
];

/// A library says what is wrong; which option mends it is said by `host/src/remedy.rs`, which knows the
/// command line.
#[test]
fn no_crate_below_the_program_names_an_option() {
    for name in READ.iter().filter(|name| name.starts_with("host/crates/")) {
        for path in uses::sources(&root().join(name).join("src")) {
            if path.ends_with("tests.rs") {
                continue;
            }
            // Comments are left out, so what is found stands in a string.
            let code = uses::code(&path);
            for (place, _) in code.match_indices("--") {
                let option: String = code[place..]
                    .chars()
                    .take_while(|one| one.is_ascii_lowercase() || *one == '-')
                    .collect();
                assert!(
                    option.trim_start_matches('-').is_empty()
                        || OTHERS_OPTIONS.contains(&option.as_str()),
                    "{} names `{option}`",
                    path.display()
                );
            }
        }
    }
}

/// The host's crates can each be held in mind: none is large, and no file is. Lines with tests and comments.
#[test]
fn no_crate_and_no_file_is_too_large() {
    let mut all = 0;
    let mut lines = Vec::new();
    for name in READ.iter().filter(|name| name.starts_with("host")) {
        let mut own = 0;
        for path in uses::sources(&root().join(name).join("src")) {
            let text = std::fs::read_to_string(&path).expect("a source");
            let count = text.lines().count();
            assert!(count <= 500, "{} has {count} lines", path.display());
            own += count;
        }
        all += own;
        lines.push((*name, own));
    }
    for (name, own) in lines {
        assert!(own <= 6500, "{name} has {own} lines");
        assert!(5 * own <= all, "{name} has {own} of {all} lines");
    }
}
