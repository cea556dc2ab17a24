//! What `tollgate inspect` says of files, and what `tollgate pack` makes of them.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use wasm_encoder::{
    CodeSection, CustomSection, ExportKind, ExportSection, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

use crate::{
    cli::{path, run, tollgate},
    support::{component, file, has, root},
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

/// What `inspect --check` says of a file, as text and as JSON.
fn check(wasm: &[u8]) -> (Option<i32>, String, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let guest = folder.path().join("guest.wasm");
    fs::write(&guest, wasm).expect("written");
    let (code, text, stderr) = run(&["inspect", path(&guest), "--check"]);
    assert_eq!(stderr, "");
    let (again, json, _) = run(&["inspect", path(&guest), "--check", "--json"]);
    assert_eq!(again, code);
    let seen: Value = serde_json::from_str(&json).expect("JSON");
    assert!(seen["kind"].is_string(), "it is described all the same");
    (code, text, seen["check"].clone())
}

#[test]
fn a_check_compiles_and_keeps_nothing() {
    let guest = component("command-classify");
    let folder = tempfile::tempdir().expect("a folder");
    for jail in ["strict", "best", "off"] {
        let output = tollgate()
            .args(["inspect", path(&guest), "--json", "--check", "--jail", jail])
            .env("TOLLGATE_HOME", folder.path())
            .output()
            .expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let check = &seen["check"];
        assert_eq!(check["accepted"], true);
        assert_eq!(check["problem"], Value::Null);
        assert!(check["compile_ns"].as_u64() > Some(0), "{check}");
        assert!(check["code_bytes"].as_u64() > seen["code_bytes"].as_u64());
    }
    let kept = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(kept, 0, "nothing is cached");
    let (code, text, _) = check(&fs::read(&guest).expect("read"));
    assert_eq!(code, Some(0));
    has(&text, &["check      accepted, compiled in ", " of code"]);
    // Without one there is nothing about it.
    assert_eq!(inspect(&guest)["check"], Value::Null);
    let (code, _, stderr) = run(&["inspect", path(&guest), "--jail", "off"]);
    assert_eq!(code, Some(2));
    has(&stderr, &["--check"]);
}

#[test]
fn a_check_says_why_a_file_is_not_accepted() {
    // Sound in its structure, and no code of the right type.
    let wrong = "(module (func (export \"handle\") (result i32) (i64.const 0)))";
    let wrong = wat::parse_str(wrong).expect("text that assembles");
    let other = fs::read(component("boundary-standard")).expect("read");
    for (wasm, words) in [
        (wrong, &["not a valid core module", "type mismatch"][..]),
        (other, &["another world"]),
        (bomb(), &["values"]),
    ] {
        let (code, text, check) = check(&wasm);
        assert_eq!(code, Some(1), "{text}");
        assert_eq!(check["accepted"], false);
        assert_eq!(check["code_bytes"], Value::Null);
        has(check["problem"].as_str().expect("a sentence"), words);
        has(&text, &["check      refused: "]);
    }
}

/// 50,000 locals in each of 9,000 functions, in 100 kB: gigabytes for a compiler.
fn bomb() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..9_000 {
        functions.function(0);
        let mut body = Function::new([(50_000, ValType::I32)]);
        body.instructions().end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
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

#[test]
fn the_language_is_told_and_not_that_of_its_interpreter() {
    for (name, language) in [
        ("meter-reader", "Rust"),
        ("command-classify", "Rust"),
        ("meter-reader-c", "C, C++ or Zig"),
        ("meter-reader-python", "Python, by componentize-py"),
        (
            "meter-reader-js",
            "JavaScript or TypeScript, by componentize-qjs",
        ),
    ] {
        let seen = inspect(&component(name));
        has(seen["language"].as_str().unwrap_or_default(), &[language]);
    }
}

/// componentize-py with `--stub-wasi` takes wasi:nn away as well, and only a trap would tell.
#[test]
fn a_stubbed_wasi_nn_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let stubbed = folder.path().join("stubbed.wasm");
    let output = Command::new(file(
        "target/toolchains/componentize-py/bin/componentize-py",
    ))
    .env("PYTHONDONTWRITEBYTECODE", "1")
    .arg("-d")
    .arg(file("target/guests/wit"))
    .args(["-w", "plugin", "componentize", "--stub-wasi", "-p"])
    .arg(file("guest-sdk/python"))
    .arg("-p")
    .arg(file("examples/meter-reader/python"))
    .args(["meter_reader", "-o", path(&stubbed)])
    .output()
    .expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let seen = inspect(&stubbed);
    assert_eq!(seen["world"], "tollgate:plugin/plugin");
    has(
        &seen["notes"].to_string(),
        &["stubbed `wasi:nn/graph@", "--stub-wasi"],
    );
    // The same plugin with the real one.
    let seen = inspect(&component("meter-reader-python"));
    assert_eq!(seen["notes"], Value::Array(Vec::new()));
}

#[test]
fn a_run_that_failed_says_what_to_add() {
    let frame = file("examples/meter-reader/frames-pgm/meter-000.pgm");
    let (code, _, stderr) = run(&["run", path(&component("meter-reader")), path(&frame)]);
    assert_eq!(code, Some(1));
    has(
        &stderr,
        &["hint: it asked for a graph", "add `--model NAME=PATH`"],
    );

    let model = "/models/mlp.onnx";
    let command = component("command-classify");
    let arguments = ["--", model, "/models/x", "x", "1"];
    let failed = |options: &[&str]| {
        let (code, _, stderr) = run(&[&["run", path(&command)], options, &arguments].concat());
        assert_eq!(code, Some(1), "{stderr}");
        stderr
    };
    has(
        &failed(&[]),
        &[
            "hint: it opens files and no folder was given",
            "add `--dir HOST::GUEST`",
        ],
    );
    let models = format!("{}::/models", path(&file("tests/models")));
    let denied = failed(&[
        "--dir",
        &models,
        "--deny",
        "load",
        "--model",
        "x=tests/models/mlp.onnx",
    ]);
    has(
        &denied,
        &[
            "hint: it loads a model of its own",
            "leave out `--deny load`",
        ],
    );
    // Where all is granted there is nothing to add.
    let granted = failed(&["--dir", &models, "--model", "x=tests/models/mlp.onnx"]);
    assert!(!granted.contains("hint"), "{granted}");
}

/// A preview1 command that does nothing, with a section that only debuggers read.
fn with_names() -> Vec<u8> {
    let (mut types, mut functions, mut exports) =
        <(TypeSection, FunctionSection, ExportSection)>::default();
    types.ty().function([], []);
    functions.function(0);
    exports.export("_start", ExportKind::Func, 0);
    exports.export("memory", ExportKind::Memory, 0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut body = Function::new([]);
    body.instructions().end();
    let mut code = CodeSection::new();
    code.function(&body);
    let names = CustomSection {
        name: ".debug_line".into(),
        data: (&[7_u8; 1000]).into(),
    };
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&names);
    module.finish()
}

#[test]
fn packing_leaves_out_what_only_debuggers_read_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let guest = folder.path().join("guest.wasm");
    fs::write(&guest, with_names()).expect("written");
    for (option, custom) in [(None, 0), (Some("--keep-names"), 1000)] {
        let packed = folder.path().join(format!("{custom}.wasm"));
        let mut arguments = vec!["pack", path(&guest), "--output", path(&packed)];
        arguments.extend(option);
        let (code, _, stderr) = run(&arguments);
        assert_eq!(code, Some(0), "{stderr}");
        let seen = inspect(&packed);
        assert_eq!(seen["custom_bytes"], custom);
        assert_eq!(run(&["run", path(&packed)]).0, Some(0));
    }
}

/// What is packed is compiled into the cache, and `run` takes it from there.
#[test]
fn what_is_packed_starts_from_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = folder.path().join("packed.wasm");
    let say = |arguments: &[&str]| {
        let output = tollgate()
            .args(arguments)
            .env("XDG_CACHE_HOME", folder.path())
            .env_remove("TOLLGATE_HOME")
            .env("TOLLGATE_LOG", "tollgate=info")
            .output()
            .expect("it starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let guest = component("command-classify");
    say(&["pack", path(&guest), "--output", path(&packed)]);
    has(&say(&["run", path(&packed)]), &["origin=Cached"]);
    has(&say(&["run", path(&guest)]), &["origin=Compiled"]);
}

#[test]
fn a_version_that_is_not_accepted_is_named_with_what_is() {
    let wasm = fs::read(component("command-classify")).expect("read");
    // The same length, so that no section's size changes.
    let (real, other) = (b"0.2.0-rc-2024-10-28", b"0.2.0-rc-2024-06-25");
    let mut bytes = wasm.clone();
    for place in 0..wasm.len() - real.len() {
        if wasm[place..].starts_with(real) {
            bytes[place..place + real.len()].copy_from_slice(other);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let guest = folder.path().join("guest.wasm");
    fs::write(&guest, bytes).expect("written");
    has(
        &needs(&inspect(&guest), "wasi:nn/graph"),
        &[
            "not-offered",
            "2024-06-25",
            "rebuild it against",
            "2024-10-28",
            "2024-08-19",
        ],
    );
    let (code, _, stderr) = run(&["run", path(&guest)]);
    assert_eq!(code, Some(1));
    has(
        &stderr,
        &[
            "`wasi:nn/graph@0.2.0-rc-2024-06-25`",
            "rebuild it against 0.2.0-rc-2024-10-28",
        ],
    );
}
