//! Where the host starts, and which modules it runs as what.

use std::{fs, process::Command};

use tollgate_inspect::{Need, World as Seen};
use tollgate_runtime::{Engine, EngineConfig, Error, Instance, Plugin, World};
use tollgate_services::{Grants, Ledger, Limits};

use crate::{
    cli::{path, run, tollgate},
    support::{ENGINE, case_wat, component, frame, has, host},
};

pub(super) fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("text that assembles")
}

fn plugin(wasm: &[u8]) -> Plugin {
    Plugin::new(&ENGINE, wasm).expect("a plugin")
}

/// What is said of a guest that is refused.
pub(super) fn refused(wasm: &[u8]) -> String {
    match Plugin::new(&ENGINE, wasm) {
        Ok(plugin) => panic!("accepted as {:?}", plugin.world()),
        Err(error) => error.to_string(),
    }
}

/// Hands an empty frame to an instance of its own.
fn handles(plugin: &Plugin, limits: &Limits) {
    let made = Instance::new(plugin, &host(&[]), &Grants::default(), limits);
    let mut ledger = Ledger::open();
    let outputs = made.expect("an instance").handle(&frame(""), &mut ledger);
    outputs.expect("no trap").expect("no fault");
}

fn command(wasm: &[u8]) -> i32 {
    let plugin = plugin(wasm);
    assert_eq!(plugin.world(), World::Command);
    let mut ledger = Ledger::open();
    let grants = Grants::default();
    Instance::run_command(
        &plugin,
        &host(&[]),
        &grants,
        &Limits::default(),
        &mut ledger,
    )
    .expect("it ends")
}

/// `run`, `pack` and `inspect` of a file, one after the other: exit code and what was said.
pub(super) fn say_all(wasm: &[u8]) -> [(Option<i32>, String); 3] {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guest.wasm");
    fs::write(&file, wasm).expect("written");
    let file = path(&file);
    let frame = folder.path().join("frame");
    fs::write(&frame, "").expect("written");
    let say = |arguments: &[&str]| {
        let (code, stdout, stderr) = run(arguments);
        (code, stdout + &stderr)
    };
    [
        say(&["run", "--no-cache", file, path(&frame)]),
        say(&["pack", file]),
        say(&["inspect", file]),
    ]
}

/// The program under a bound on its address space, in KiB.
fn bounded(kib: u64, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")])
        .arg(tollgate().get_program())
        .args(arguments)
        .output()
        .expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_as_standard_error_is_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let (module, frame) = (folder.path().join("guest.wasm"), folder.path().join("f"));
    fs::write(&module, case_wat("modules/gc.wat")).expect("written");
    fs::write(&frame, "").expect("written");
    let full = fs::File::options().write(true).open("/dev/full");
    let ran = tollgate()
        .args(["run", "-v", "--no-cache", path(&module), path(&frame)])
        .env("TOLLGATE_LOG", "trace")
        .stderr(full.expect("a device"))
        .output()
        .expect("it starts");
    assert_eq!(ran.status.code(), Some(0));
    assert!(!ran.stdout.is_empty());
}

#[test]
fn address_space() {
    const GIB: u64 = 1 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let frame = folder.path().join("frame");
    fs::write(&frame, "").expect("written");
    let module = folder.path().join("guest.wasm");
    let wasm = case_wat("modules/gc.wat");
    fs::write(&module, wasm).expect("written");
    let asynchronous = component("wasi3-sync");
    for gib in [512, 1, 8, 64, 2048] {
        for guest in [&module, &asynchronous] {
            let (code, said) = bounded(gib * GIB, &["inspect", path(guest)]);
            assert_eq!(code, Some(0), "{gib} GiB: {said}");
            let packed = folder.path().join("packed.wasm");
            let arguments = ["pack", path(guest), "--output", path(&packed)];
            let (code, said) = bounded(gib * GIB, &arguments);
            assert_eq!(code, Some(0), "{gib} GiB: {said}");
        }
        let arguments = ["run", "--no-cache", path(&module), path(&frame)];
        let (code, said) = bounded(gib * GIB, &arguments);
        assert_eq!(code, Some(0), "{gib} GiB: {said}");
        // Whole memories fit into what is left of 64 GiB, and do not into 1 or 8.
        assert_eq!(said.contains("ulimit -v"), gib < 64, "{gib} GiB: {said}");
    }
    let (_, said) = bounded(512 * GIB, &["doctor"]);
    has(
        &said,
        &["sandbox", "instances reserved beforehand", "ulimit -v"],
    );
    let (_, said) = bounded(8 * GIB, &["doctor", "--json"]);
    has(&said, &["\"checks_bounds\": true", "\"instances\": null"]);
    // What does not fit at all is said with what would.
    let workers = [
        "run",
        "--no-cache",
        path(&module),
        path(&frame),
        "--workers",
        "500",
    ];
    let (code, said) = bounded(4 * GIB, &workers);
    assert_eq!(code, Some(1), "{said}");
    has(&said, &["500 instances at once", "--workers", "ulimit -v"]);
}

#[test]
fn big_table() {
    let wasm = case_wat("modules/big-table.wat");
    let config = EngineConfig {
        max_table_elements: 200_000,
        ..EngineConfig::default()
    };
    let engine = Engine::new(&config);
    let limits = Limits {
        table_elements: 200_000,
        ..Limits::default()
    };
    handles(&Plugin::new(&engine, &wasm).expect("a plugin"), &limits);
    // Above what any pool has.
    let config = EngineConfig {
        max_table_elements: usize::MAX,
        max_memory_bytes: usize::MAX,
        ..EngineConfig::default()
    };
    handles(
        &Plugin::new(&Engine::new(&config), &wasm).expect("a plugin"),
        &limits,
    );

    let folder = tempfile::tempdir().expect("a folder");
    let (file, frame) = (folder.path().join("g.wasm"), folder.path().join("frame"));
    fs::write(&file, &wasm).expect("written");
    fs::write(&frame, "").expect("written");
    let arguments = ["run", "--no-cache", path(&file), path(&frame)];
    let raised = [&arguments[..], &["--max-table-elements", "200000"]].concat();
    let (code, _, stderr) = run(&raised);
    assert_eq!(code, Some(0), "{stderr}");
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(1));
    has(&stderr, &["100000", "20000", "--max-table-elements"]);
    let (code, _, stderr) = run(&["pack", path(&file)]);
    assert_eq!(code, Some(0), "{stderr}");
}

/// More memories and tables than a pool once had for a module.
#[test]
fn many_memories_and_tables() {
    let mut text = String::from("(module (func (export \"handle\") (result i32) (i32.const 0))");
    for _ in 0..20 {
        text.push_str("(memory 1) (table 1 funcref)");
    }
    text.push(')');
    handles(&plugin(&wat(&text)), &Limits::default());
}

#[test]
fn features() {
    for (case, feature) in [("exceptions", "exceptions"), ("gc", "garbage collection")] {
        let wasm = case_wat(&format!("modules/{case}.wat"));
        handles(&plugin(&wasm), &Limits::default());
        let seen = tollgate_inspect::inspect(&wasm).expect("an inspection");
        assert_eq!(seen.features, [feature]);
    }
    // The rest of what Wasmtime has on.
    for body in [
        "(func $f (result i32) (i32.const 0)) (func (export \"handle\") (result i32) (return_call $f))",
        "(memory i64 1) (func (export \"handle\") (result i32) (i32.load (i64.const 8)))",
        "(global i32 (i32.add (i32.const 1) (i32.const 2))) (func (export \"handle\") (result i32) (i32.const 0))",
        "(type $f (func (result i32))) (elem declare func $g) (func $g (result i32) (i32.const 0)) \
         (func (export \"handle\") (result i32) (call_ref $f (ref.func $g)))",
        "(func (export \"handle\") (result i32) (i32x4.extract_lane 0 (i8x16.relaxed_swizzle \
         (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
    ] {
        handles(
            &plugin(&wat(&format!("(module {body})"))),
            &Limits::default(),
        );
    }
    let broken = refused(&wat(
        "(module (func (export \"handle\") (result i32) (i64.const 0)))",
    ));
    has(&broken, &["not a valid core module"]);
}

#[test]
fn start_and_handle() {
    for case in ["start-then-handle", "both"] {
        let wasm = case_wat(&format!("modules/{case}.wat"));
        assert_eq!(command(&wasm), 0);
        let seen = tollgate_inspect::inspect(&wasm).expect("an inspection");
        assert_eq!(seen.world, Seen::Preview1Command, "{case}");
    }
    // A name that begins alike is another.
    let other = wat("(module (func (export \"handle_all\") (result i32) (i32.const 0)))");
    assert_eq!(
        tollgate_inspect::inspect(&other).expect("seen").world,
        Seen::Other
    );
    has(&refused(&other), &["handle_all"]);
}

#[test]
fn exit_in_start() {
    assert_eq!(command(&case_wat("modules/start-section-exit0.wat")), 0);
    let exits = |rest: &str| {
        wat(&format!(
            "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) \
             (memory (export \"memory\") 1) (func $leave (call $exit (i32.const 7))) {rest})"
        ))
    };
    assert_eq!(
        command(&exits("(start $leave) (func (export \"_start\"))")),
        7
    );
    assert_eq!(command(&exits("(export \"_start\" (func $leave))")), 7);
    // A plugin that leaves at its start has nobody to hand frames to.
    for rest in [
        "(start $leave) (func (export \"handle\") (result i32) (i32.const 0))",
        "(export \"_initialize\" (func $leave)) (func (export \"handle\") (result i32) (i32.const 0))",
    ] {
        let plugin = plugin(&exits(rest));
        let made = Instance::new(&plugin, &host(&[]), &Grants::default(), &Limits::default());
        assert!(matches!(made.map(|_| ()), Err(Error::Exited { code: 7 })));
    }
}

#[test]
fn env_function() {
    for (case, words) in [
        (
            "as-abort",
            &[
                "env.abort",
                "(func (param i32 i32 i32 i32))",
                "--use abort=",
            ][..],
        ),
        (
            "extism",
            &["extism:host/env.input_length", "Extism", "tollgate new"],
        ),
        (
            "wasmedge-single",
            &[
                "compute_single",
                "get_output_single",
                "WasmEdge",
                "`compute`",
            ],
        ),
        (
            "wrong-type",
            &[
                "fd_write",
                "(func (param i32 i32 i32) (result i32))",
                "offered as",
            ],
        ),
        ("handle-void", &["`handle`", "(func (result i32))"]),
    ] {
        let wasm = case_wat(&format!("modules/{case}.wat"));
        let [ran, packed, seen] = say_all(&wasm);
        assert_eq!(
            (ran.0, packed.0, seen.0),
            (Some(1), Some(1), Some(0)),
            "{case}"
        );
        for (_, said) in [&ran, &packed, &seen] {
            has(said, words);
        }
        has(&seen.1, &["does not run"]);
    }
    // What is offered is, whatever else is not.
    let known = wat(
        "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32))) \
         (import \"env\" \"emscripten_notify_memory_growth\" (func (param i32))) \
         (func (export \"_start\")))",
    );
    let seen = tollgate_inspect::inspect(&known).expect("an inspection");
    let needs: Vec<_> = seen.imports.iter().map(|import| import.need).collect();
    assert_eq!(needs, [Need::Nothing, Need::NotOffered]);
    has(&seen.imports[1].grant, &["Emscripten", "-sSTANDALONE_WASM"]);
}

/// What ended a run names the option that would have let it go on, or the place that is full.
#[test]
fn an_instance_over_its_limit_and_a_full_standard_output_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = folder.path().join("frame.txt");
    std::fs::write(&frame, "x").expect("written");
    let plugin = component("counter");
    let (code, _, stderr) = run(&["run", path(&plugin), path(&frame), "--max-memory", "1MiB"]);
    assert_eq!(code, Some(1));
    has(
        &stderr,
        &["1048576 bytes of memory", "raise it with `--max-memory`"],
    );
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = tollgate()
        .arg("doctor")
        .stdout(full.expect("Linux has it"))
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    has(&said, &["cannot write to standard output", "No space left"]);
}
