//! Where the host starts, and which modules it runs as what.

use std::{fmt::Write, fs, process::Command, time::Instant};

use tollgate::inspect::{self, Need, World as Seen};
use tollgate_runtime::{
    Engine, EngineConfig, Error, Grants, Instance, Ledger, Limits, Plugin, World,
};

use crate::{
    cli::{path, run, tollgate},
    support::{ENGINE, case_wat, component, frame, has, host},
};

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("text that assembles")
}

fn plugin(wasm: &[u8]) -> Plugin {
    Plugin::new(&ENGINE, wasm).expect("a plugin")
}

/// What is said of a guest that is refused.
fn refused(wasm: &[u8]) -> String {
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
fn say_all(wasm: &[u8]) -> [(Option<i32>, String); 3] {
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
        let seen = inspect::inspect(&wasm).expect("an inspection");
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

/// A garbage collector's heap is memory of the guest's.
#[test]
fn a_collected_heap_counts_as_memory() {
    let wasm = wat(
        "(module (type $list (struct (field (ref null $list)) (field i64))) \
         (func (export \"handle\") (result i32) (local $l (ref null $list)) \
         (loop $more (local.set $l (struct.new $list (local.get $l) (i64.const 1))) (br $more)) \
         (i32.const 0)))",
    );
    let limits = Limits {
        memory_bytes: 8 << 20,
        ..Limits::default()
    };
    let plugin = plugin(&wasm);
    let made = Instance::new(&plugin, &host(&[]), &Grants::default(), &limits);
    let mut instance = made.expect("an instance");
    let error = instance.handle(&frame(""), &mut Ledger::open());
    let error = error.map(|_| ()).expect_err("it ends").to_string();
    has(&error, &["limit", "bytes of memory"]);
    assert!(instance.memory_bytes() <= limits.memory_bytes);
}

#[test]
fn start_and_handle() {
    for case in ["start-then-handle", "both"] {
        let wasm = case_wat(&format!("modules/{case}.wat"));
        assert_eq!(command(&wasm), 0);
        let seen = inspect::inspect(&wasm).expect("an inspection");
        assert_eq!(seen.world, Seen::Preview1Command, "{case}");
    }
    // A name that begins alike is another.
    let other = wat("(module (func (export \"handle_all\") (result i32) (i32.const 0)))");
    assert_eq!(inspect::inspect(&other).expect("seen").world, Seen::Other);
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
    let seen = inspect::inspect(&known).expect("an inspection");
    let needs: Vec<_> = seen.imports.iter().map(|import| import.need).collect();
    assert_eq!(needs, [Need::Nothing, Need::NotOffered]);
    has(&seen.imports[1].grant, &["Emscripten", "-sSTANDALONE_WASM"]);
}

/// A number as LEB128.
fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// A component of these sections.
fn component_of(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", &sections.concat()[..]].concat()
}

/// `compile bombs`: each is refused, by everything that would read it, before anything recurses.
#[test]
fn compile_bombs() {
    // Components in each other, built from the inside. The sizes are what the bytes of each level add up to.
    let mut headers: Vec<Vec<u8>> = Vec::new();
    let mut inner = 8;
    for _ in 0..100_000 {
        let header = [&[4u8][..], &leb(inner), b"\0asm\x0d\0\x01\0"].concat();
        inner += header.len() - 8 + 8;
        headers.push(header);
    }
    let nested = |depth: usize| {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        for header in headers[..depth].iter().rev() {
            wasm.extend(header);
        }
        wasm
    };
    // A component type in each other's declarations.
    let mut types = vec![1];
    types.extend([0x42, 1, 1].repeat(100_000));
    types.extend([0x42, 0]);
    let types = component_of(&[section(7, &types)]);
    // Each component instantiates the one before it twice.
    let mut text = String::from(
        "(component (component $c0 (core module $m) (core instance (instantiate $m)))",
    );
    for n in 1..40 {
        let before = n - 1;
        write!(
            text,
            "(component $c{n} (alias outer 1 $c{before} (component $b)) (instance (instantiate $b)) \
             (instance (instantiate $b)))"
        )
        .expect("written");
    }
    text.push_str("(instance (instantiate $c39)))");
    let doubled = wat(&text);
    for (what, wasm, words) in [
        ("20,000 deep", nested(20_000), "inside each other"),
        ("100,000 deep", nested(100_000), "inside each other"),
        ("types", types.clone(), "types inside each other"),
        ("doubled", doubled, "unrolled"),
    ] {
        has(&refused(&wasm), &[words]);
        let seen = inspect::inspect(&wasm)
            .map(|_| ())
            .expect_err(what)
            .to_string();
        has(&seen, &[words]);
    }
    for (code, said) in &say_all(&nested(100_000)) {
        assert_eq!(*code, Some(1), "{said}");
        has(said, &["inside each other"]);
    }
    // A module whose world is such a component: `pack` would read it.
    let name = "component-type:bomb";
    let mut custom = leb(name.len());
    custom.extend(name.as_bytes());
    custom.extend(&types);
    let described = [b"\0asm\x01\0\0\0", &section(0, &custom)[..]].concat();
    let [_, packed, _] = say_all(&described);
    assert_eq!(packed.0, Some(1));
    has(&packed.1, &["types inside each other"]);
    // What honest toolchains make is none of these.
    for honest in [
        "counter-python",
        "counter-js",
        "wasi3-plugin",
        "meter-reader",
    ] {
        let wasm = fs::read(component(honest)).expect("a component");
        Plugin::check(&wasm).expect("an outline");
    }
}

/// `compile bombs`: small code that stands for very much.
#[test]
fn functions_that_multiply() {
    let module = |types: &[u8], functions: usize, body: &[u8]| {
        let mut declared = leb(functions);
        declared.extend(vec![0; functions]);
        let mut code = leb(functions);
        for _ in 0..functions {
            code.extend(leb(body.len()));
            code.extend(body);
        }
        let sections = [section(1, types), section(3, &declared), section(10, &code)];
        [b"\0asm\x01\0\0\0", &sections.concat()[..]].concat()
    };
    let void = [1, 0x60, 0, 0];
    // 50,000 locals in each of 9,000 functions: 81 kB.
    let locals = [&[1][..], &leb(50_000), &[0x7f, 0x0b]].concat();
    has(&refused(&module(&void, 9_000, &locals)), &["values"]);
    // A call that gives 1,000 results, 60,000 times in all.
    let mut results = vec![1, 0x60, 0];
    results.extend(leb(1_000));
    results.extend(vec![0x7f; 1_000]);
    let calls = [&[0][..], &[0x10, 0].repeat(3_000), &[0x00, 0x0b]].concat();
    has(&refused(&module(&results, 40, &calls)), &["values"]);
    // Loops in each other, and locals that every one of them has to merge.
    let mut loops = [&[1][..], &leb(30_000), &[0x7f]].concat();
    for _ in 0..20_000 {
        loops.extend([0x03, 0x40]);
    }
    for local in 0..30_000 {
        loops.push(0x20);
        loops.extend(leb(local));
        loops.push(0x1a);
    }
    loops.extend(vec![0x0b; 20_001]);
    has(&refused(&module(&void, 1, &loops)), &["merged"]);
    // One function of two megabytes.
    let long = [&[0][..], &[0x01].repeat(2 << 20), &[0x0b]].concat();
    has(
        &refused(&module(&void, 1, &long)),
        &["bytes of one function"],
    );
}

/// `quadratic inspect`: the time may not grow with the square.
#[test]
fn many_imports() {
    let module = |imports: usize| {
        let mut text = String::from("(module (type (func))");
        for n in 0..imports {
            write!(text, "(import \"m{n}\" \"f\" (func (type 0)))").expect("written");
        }
        text.push(')');
        wat(&text)
    };
    let one_module = |imports: usize| {
        let mut text = String::from("(module (type (func))");
        for n in 0..imports {
            write!(text, "(import \"m\" \"f{n}\" (func (type 0)))").expect("written");
        }
        text.push(')');
        wat(&text)
    };
    let begun = Instant::now();
    for wasm in [module(80_000), one_module(80_000)] {
        let seen = inspect::inspect(&wasm).expect("an inspection");
        let functions: usize = seen
            .imports
            .iter()
            .map(|import| import.functions.len())
            .sum();
        assert_eq!(functions, 80_000);
        let [ran, packed, shown] = say_all(&wasm);
        for (_, said) in [&ran, &packed, &shown] {
            assert!(said.len() < 64 << 10, "{} bytes", said.len());
        }
        assert_eq!((ran.0, packed.0, shown.0), (Some(1), Some(1), Some(0)));
    }
    // It took 12 seconds for one when it was quadratic, and then for each of eight readings.
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
}
