//! Guests whose language has a garbage collector of the engine's, and exceptions and tail calls, which
//! come with it: they handle frames, and their heap is bounded as memory is.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use tollgate_runtime::{Engine, EngineConfig, Error, GuestFault, Instance, Plugin};
use tollgate_services::{Grants, Ledger, Limit, Limits};
use tollgate_wasm::Calls;

use super::{bounds::any, starts::wat};
use crate::{
    cli::{path, run, tollgate},
    support::{ENGINE, case_wat, frame, has, host},
};

const MIB: usize = 1 << 20;

/// Little memory: whatever is left as garbage has to be collected again and again.
fn little() -> Limits {
    Limits {
        memory_bytes: 2 * MIB,
        ..Limits::default()
    }
}

fn instance(plugin: &Plugin, limits: &Limits) -> Result<Instance, Error> {
    Instance::new(plugin, &host(&[]), &Grants::default(), limits)
}

fn guest(case: &str) -> Plugin {
    Plugin::new(&ENGINE, &case_wat(&format!("collected/{case}.wat"))).expect("a plugin")
}

fn say(instance: &mut Instance, data: &str) -> String {
    let outputs = instance.handle(&frame(data), &mut Ledger::open());
    let outputs = outputs.expect("no trap").expect("no fault");
    String::from_utf8(outputs[0].data.clone()).expect("text")
}

/// How a module ends that is made into an instance and handed one frame.
fn ends(wasm: &[u8], limits: &Limits) -> Error {
    let plugin = Plugin::new(&ENGINE, wasm).expect("a plugin");
    let ended = instance(&plugin, limits).and_then(|mut instance| {
        let ended = instance.handle(&frame(""), &mut Ledger::open());
        assert!(instance.memory_bytes() <= limits.memory_bytes);
        ended
    });
    ended.map(|_| ()).expect_err("it ends")
}

fn is_memory(error: &Error) {
    assert_eq!(error.limit(), Some(Limit::MemoryBytes), "{error}");
    has(
        &error.to_string(),
        &["the guest ran into a limit", "bytes of memory"],
    );
}

#[test]
fn structs_arrays_and_i31_handle_frames() {
    let plugin = guest("boxes");
    let mut instance = instance(&plugin, &little()).expect("an instance");
    for n in 0..5 {
        let data = format!("frame {n} of some");
        let backwards: String = data.chars().rev().collect();
        assert_eq!(say(&mut instance, &data), backwards);
    }
}

/// `sorted.wat` is what MoonBit's compiler made of `sorted.mbt`.
#[test]
fn moonbit_handles_frames() {
    let seen = tollgate_inspect::inspect(&case_wat("collected/sorted.wat")).expect("an inspection");
    assert_eq!(seen.features, ["garbage collection"]);
    let plugin = guest("sorted");
    let mut instance = instance(&plugin, &little()).expect("an instance");
    // A frame of this length leaves a megabyte and more.
    let long = "the quick brown fox jumps over the lazy dog".repeat(200);
    for _ in 0..20 {
        assert_eq!(say(&mut instance, &long), " abcdefghijklmnopqrstuvwxyz");
        assert_eq!(say(&mut instance, "hello"), "ehlo");
    }
}

#[test]
fn an_asynchronous_guest_waits_with_objects_on_its_stack() {
    let plugin = guest("waits");
    assert_eq!(plugin.calls(), Calls::Async);
    let mut instance = instance(&plugin, &little()).expect("an instance");
    for _ in 0..5 {
        assert_eq!(say(&mut instance, "hello world"), "dlrow olleh");
    }
}

#[test]
fn an_asynchronous_guests_heap_and_exceptions_end_it_as_a_synchronous_ones() {
    let plugin = guest("waits");
    let ended = |data| {
        let mut instance = instance(&plugin, &little()).expect("an instance");
        let ended = instance.handle(&frame(data), &mut Ledger::open());
        assert!(instance.memory_bytes() <= 2 * MIB);
        ended.map(|_| ()).expect_err("it ends")
    };
    is_memory(&ended("keep"));
    is_uncaught(&ended("x"));
}

/// A function that keeps objects until there is no more room.
const KEEP: [(&str, &str); 3] = [
    (
        "structs",
        "(type $list (struct (field (ref null $list)) (field i64))) \
         (func $keep (local $l (ref null $list)) \
         (loop $more (local.set $l (struct.new $list (local.get $l) (i64.const 1))) (br $more)))",
    ),
    (
        "arrays",
        "(type $list (array (mut (ref null array)))) \
         (func $keep (local $l (ref null $list)) (loop $more \
         (local.set $l (array.new $list (local.get $l) (i32.const 100))) (br $more)))",
    ),
    (
        "exceptions",
        "(tag $t (param exnref)) (func $keep (local $l exnref) (loop $more \
         (block $caught (result exnref) (try_table (catch_all_ref $caught) \
         (throw $t (local.get $l))) (unreachable)) (local.set $l) (br $more)))",
    ),
];

#[test]
fn a_collected_heap_counts_as_memory() {
    let limits = Limits {
        memory_bytes: 8 * MIB,
        ..Limits::default()
    };
    for (_, keep) in KEEP {
        for rest in [
            "(func (export \"handle\") (result i32) (call $keep) (i32.const 0))",
            "(func (export \"handle\") (result i32) (i32.const 0)) (start $keep)",
            "(func (export \"handle\") (result i32) (i32.const 0)) (export \"_initialize\" (func $keep))",
        ] {
            is_memory(&ends(&wat(&format!("(module {keep} {rest})")), &limits));
        }
    }
    let array = |length: u32| {
        wat(&format!(
            "(module (type $a (array i64)) (func (export \"handle\") (result i32) \
             (drop (array.new_default $a (i32.const {length}))) (i32.const 0)))"
        ))
    };
    is_memory(&ends(&array(4 << 20), &limits));
    // More than any heap can have.
    let error = ends(&array(u32::MAX), &limits).to_string();
    has(&error, &["allocation size too large"]);
}

/// Where each instance reserves its own memory, a heap moves when it grows.
#[test]
fn a_heap_without_a_pool_is_bounded_as_well() {
    let config = EngineConfig {
        max_memory_bytes: usize::MAX,
        ..EngineConfig::default()
    };
    let engine = Engine::new(&config);
    for case in ["boxes", "waits"] {
        let wasm = case_wat(&format!("collected/{case}.wat"));
        let plugin = Plugin::new(&engine, &wasm).expect("a plugin");
        let mut instance = instance(&plugin, &little()).expect("an instance");
        assert_eq!(say(&mut instance, "hello world"), "dlrow olleh");
    }
    let wasm = wat(&format!(
        "(module {} (func (export \"handle\") (result i32) (call $keep) (i32.const 0)))",
        KEEP[0].1
    ));
    let plugin = Plugin::new(&engine, &wasm).expect("a plugin");
    let mut instance = instance(&plugin, &little()).expect("an instance");
    let ended = instance.handle(&frame(""), &mut Ledger::open());
    is_memory(&ended.map(|_| ()).expect_err("it ends"));
    assert!(instance.memory_bytes() <= 2 * MIB);
}

/// The whole process, since a collector might keep more than the heap that is counted.
#[test]
fn what_a_heap_takes_of_the_host_is_what_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = folder.path().join("keep");
    fs::write(&first, "keep").expect("written");
    let mut guests = vec![("asynchronous", case_wat("collected/waits.wat"))];
    for (name, keep) in KEEP {
        let handle = "(func (export \"handle\") (result i32) (call $keep) (i32.const 0))";
        guests.push((name, wat(&format!("(module {keep} {handle})"))));
    }
    for (name, wasm) in guests {
        let file = folder.path().join("guest.wasm");
        fs::write(&file, wasm).expect("written");
        let mut running = tollgate()
            .args(["run", "--no-cache", "--max-memory", "64MiB"])
            .args([&file, &first])
            // More is to come, so that there is a process to look at.
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stderr = BufReader::new(running.stderr.take().expect("piped")).lines();
        let said = stderr.next().expect("a line").expect("text");
        let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("Linux");
        running.kill().expect("it runs");
        running.wait().expect("gone");
        has(&said, &["at most 67108864 bytes of memory", "--max-memory"]);
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        let kilobytes: usize = peak
            .and_then(|peak| peak.trim().parse().ok())
            .expect("a peak");
        assert!(kilobytes < 250_000, "{name}: {kilobytes} kB");
    }
}

fn is_uncaught(error: &Error) {
    assert!(
        matches!(error, Error::Guest(GuestFault::Trap { .. })),
        "{error}"
    );
    has(
        &error.to_string(),
        &["the guest trapped: it threw an exception and did not catch it"],
    );
}

#[test]
fn an_uncaught_exception_is_told_as_one() {
    let limits = Limits::default();
    let thrown = "(tag $t (param i32)) (func $go (throw $t (i32.const 7)))";
    let handle = "(func (export \"handle\") (result i32) (i32.const 0))";
    for rest in [
        "(func (export \"handle\") (result i32) (call $go) (i32.const 0))".to_owned(),
        // Caught, and thrown again.
        "(func (export \"handle\") (result i32) (throw_ref (block $caught (result exnref) \
         (try_table (catch_all_ref $caught) (call $go)) (unreachable))))"
            .to_owned(),
        format!("{handle} (start $go)"),
        format!("{handle} (export \"_initialize\" (func $go))"),
    ] {
        is_uncaught(&ends(&wat(&format!("(module {thrown} {rest})")), &limits));
    }
    for rest in [
        "(export \"_start\" (func $go))",
        "(start $go) (func (export \"_start\"))",
    ] {
        let wasm = wat(&format!("(module {thrown} {rest})"));
        let plugin = Plugin::new(&ENGINE, &wasm).expect("a command");
        let (host, grants) = (host(&[]), Grants::default());
        let ended = Instance::run_command(&plugin, &host, &grants, &limits, &mut Ledger::open());
        is_uncaught(&ended.expect_err("it ends"));
    }
    // An exception does not leave a component either.
    let text = format!(
        "(component (core module $m {thrown} (export \"go\" (func $go))) \
         (core instance $m (instantiate $m)) \
         (func (export \"go\") (canon lift (core func $m \"go\"))))"
    );
    let mut instance = any(&text, &limits);
    let go = instance.typed::<(), ()>("go").expect("it is exported");
    let ended = instance.call(&go, (), 0, &mut Ledger::open());
    is_uncaught(&ended.expect_err("it ends"));

    let folder = tempfile::tempdir().expect("a folder");
    let (file, empty) = (folder.path().join("g.wasm"), folder.path().join("frame"));
    let text = format!(
        "(module {thrown} (func (export \"handle\") (result i32) (call $go) (i32.const 0)))"
    );
    fs::write(&file, wat(&text)).expect("written");
    fs::write(&empty, "").expect("written");
    let (code, _, stderr) = run(&["run", "--no-cache", path(&file), path(&empty)]);
    assert_eq!(code, Some(1));
    has(&stderr, &["threw an exception and did not catch it in go"]);
}

/// An exception brings its values to the frame that catches it, over calls and by its tag; a trap is
/// none, and is not caught.
#[test]
fn exceptions_are_caught() {
    let wasm = wat("(module (tag $other) (tag $t (param i32 i64)) \
         (func $deep (param $n i32) (if (local.get $n) \
           (then (call $deep (i32.sub (local.get $n) (i32.const 1)))) \
           (else (throw $t (i32.const 40) (i64.const 2))))) \
         (func (export \"handle\") (result i32) \
           (block $wrong (block $caught (result i32 i64) \
             (try_table (catch $other $wrong) (catch $t $caught) (call $deep (i32.const 1000))) \
             (br $wrong)) \
             (i32.wrap_i64) (i32.add) (return (i32.sub (i32.const 42)))) \
           (i32.const 1)))");
    let plugin = Plugin::new(&ENGINE, &wasm).expect("a plugin");
    let mut caught = instance(&plugin, &Limits::default()).expect("an instance");
    // Ten thousand exceptions are collected like all else.
    for _ in 0..10_000 {
        assert_eq!(say(&mut caught, ""), "");
    }
    assert!(
        caught.memory_bytes() <= 2 * MIB,
        "{}",
        caught.memory_bytes()
    );
    let trapping = wat("(module (func (export \"handle\") (result i32) \
         (block $caught (try_table (catch_all $caught) (unreachable))) (i32.const 0)))");
    let error = ends(&trapping, &Limits::default()).to_string();
    has(&error, &["the guest trapped", "unreachable"]);
}

/// Five million calls that take no stack, through a function in an object.
#[test]
fn tail_calls_take_no_stack() {
    let wasm = wat("(module (type $next (func (param i32) (result i32))) \
         (type $object (struct (field (ref $next)))) (elem declare func $back) (table funcref (elem $back)) \
         (func $there (type $next) (if (result i32) (local.get 0) \
           (then (return_call_ref $next (i32.sub (local.get 0) (i32.const 1)) \
             (struct.get $object 0 (struct.new $object (ref.func $back))))) \
           (else (i32.const 0)))) \
         (func $back (type $next) (if (result i32) (i32.and (local.get 0) (i32.const 1)) \
           (then (return_call $there (local.get 0))) \
           (else (if (result i32) (local.get 0) \
             (then (return_call_indirect (type $next) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))) \
             (else (i32.const 0)))))) \
         (func (export \"handle\") (result i32) (call $there (i32.const 5000000))))");
    let plugin = Plugin::new(&ENGINE, &wasm).expect("a plugin");
    let mut instance = instance(&plugin, &little()).expect("an instance");
    assert_eq!(say(&mut instance, ""), "");
}
