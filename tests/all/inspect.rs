//! What `tollgate inspect` says of files, and what `tollgate pack` makes of them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    cli::{path, run},
    support::{component, has, root},
};

fn inspect(file: &Path) -> Value {
    let (code, stdout, stderr) = run(&["inspect", path(file), "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(&stdout).expect("JSON")
}

fn needs(seen: &Value, name: &str) -> String {
    let imports = seen["imports"].as_array().expect("imports");
    let import = imports
        .iter()
        .find(|import| import["name"].as_str().expect("a name").starts_with(name))
        .unwrap_or_else(|| panic!("no import {name} in {seen}"));
    format!(
        "{}: {}",
        import["need"].as_str().unwrap(),
        import["grant"].as_str().unwrap()
    )
}

#[test]
fn worlds_imports_and_grants_are_told() {
    let (plugin, command) = ("tollgate:plugin/plugin", "wasi:cli/command");
    for (name, kind, world, wasi, calls) in [
        ("meter-reader", "component", plugin, None, "synchronous"),
        ("conduct-older", "component", plugin, None, "synchronous"),
        (
            "command-classify",
            "component",
            command,
            Some("0.2"),
            "synchronous",
        ),
        (
            "module-conduct",
            "module",
            "preview1 plugin",
            Some("preview1"),
            "synchronous",
        ),
        (
            "preview1-classify",
            "module",
            "preview1 command",
            Some("preview1"),
            "synchronous",
        ),
        (
            "boundary-standard",
            "component",
            "other",
            None,
            "synchronous",
        ),
        ("boundary-async", "component", "other", None, "asynchronous"),
        (
            "wasi3-command",
            "component",
            command,
            Some("0.3"),
            "asynchronous",
        ),
        (
            "wasi3-plugin",
            "component",
            plugin,
            Some("0.3"),
            "asynchronous",
        ),
        (
            "wasi3-sync",
            "component",
            plugin,
            Some("0.3"),
            "asynchronous",
        ),
    ] {
        let seen = inspect(&component(name));
        assert_eq!(
            (&seen["kind"], &seen["world"], &seen["wasi"], &seen["calls"]),
            (&kind.into(), &world.into(), &wasi.into(), &calls.into()),
            "{name}"
        );
        assert!(seen["memory_bytes"].as_u64() > Some(0) && seen["code_bytes"].as_u64() > Some(0));
        let imports = seen["imports"].as_array().expect("imports");
        assert!(
            imports.iter().all(|import| import["need"] != "not-offered"),
            "{name}: {seen}"
        );
    }
    let command = inspect(&component("command-classify"));
    has(
        &needs(&command, "wasi:nn/graph"),
        &["grant", "--model", "--allow load"],
    );
    has(
        &needs(&command, "wasi:filesystem/preopens"),
        &["grant", "--dir"],
    );
    has(&needs(&command, "wasi:nn/tensor"), &["nothing"]);
    has(&command["producers"].to_string(), &["wit-component"]);
    let reader = inspect(&component("meter-reader"));
    has(&needs(&reader, "wasi:nn/graph"), &["--model NAME=PATH"]);

    let (code, stdout, _) = run(&["inspect", path(&component("preview1-classify"))]);
    assert_eq!(code, Some(0));
    has(
        &stdout,
        &[
            "preview1 command",
            "wasi_ephemeral_nn",
            "--model",
            "imports",
            "memory",
        ],
    );
}

#[test]
fn what_is_no_wasm_is_refused() {
    let (code, _, stderr) = run(&["inspect", path(&root().join("README.md"))]);
    assert_eq!(code, Some(1));
    has(&stderr, &["README.md", "not WebAssembly"]);
    let (code, _, stderr) = run(&["inspect", "/nowhere.wasm"]);
    assert_eq!(code, Some(1));
    has(&stderr, &["/nowhere.wasm"]);
}

/// The core module that Cargo made of a plugin, before it was encoded.
fn core_module(name: &str) -> std::path::PathBuf {
    let file = format!("target/guests/wasm32-unknown-unknown/guest/{name}.wasm");
    crate::support::file(&file)
}

#[test]
fn a_core_module_is_packed_into_a_component_that_reads_meters() {
    let module = core_module("meter_reader");
    assert_eq!(inspect(&module)["kind"], "unencoded-component");
    let (code, _, stderr) = run(&["run", path(&module), path(&root().join("README.md"))]);
    assert_eq!(code, Some(1));
    has(&stderr, &["core module", "encode"]);

    let folder = tempfile::tempdir().expect("a folder");
    let packed = folder.path().join("reader.wasm");
    let (code, _, stderr) = run(&["pack", path(&module), "--output", path(&packed)]);
    assert_eq!(code, Some(0), "{stderr}");
    let seen = inspect(&packed);
    assert_eq!(
        (&seen["kind"], &seen["world"]),
        (&"component".into(), &"tollgate:plugin/plugin".into())
    );

    let digits = format!(
        "digits={}",
        path(&root().join("examples/meter-reader/models/digits.onnx"))
    );
    let frame = root().join("examples/meter-reader/frames/meter-000.jpg");
    let read = |plugin: &Path| {
        let (code, stdout, stderr) = run(&["run", path(plugin), path(&frame), "--model", &digits]);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    };
    assert_eq!(read(&packed), read(&component("meter-reader")));
}

#[test]
fn packing_leaves_the_input_alone_and_refuses_what_would_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("guest.wasm");
    fs::copy(component("command-classify"), &copy).expect("copied");
    let before = fs::read(&copy).expect("read");
    let (code, _, stderr) = run(&["pack", path(&copy), "--output", path(&copy)]);
    assert_eq!(code, Some(1));
    has(&stderr, &["overwritten by itself"]);
    let (code, stdout, stderr) = run(&["pack", path(&copy), "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(report["encoded"], false);
    assert!(report["output_bytes"].as_u64() <= report["input_bytes"].as_u64());
    assert!(folder.path().join("guest.packed.wasm").exists());
    assert_eq!(fs::read(&copy).expect("read"), before);

    let (code, _, stderr) = run(&["pack", path(&component("boundary-standard"))]);
    assert_eq!(code, Some(1));
    has(&stderr, &["would not be accepted", "another world"]);
}
