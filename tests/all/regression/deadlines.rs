//! That a deadline ends whatever a guest waits for, and whose deadline it is.

use std::{
    fs,
    io::Read,
    process::Stdio,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tollgate_deploy::keyvalue;
use tollgate_deploy::values::BucketArg;
use tollgate_nn::{GraphOptions, GraphRegistry, clock::Deadline};
use tollgate_runtime::{Error, GuestFault, Instance, Plugin};
use tollgate_services::{Bucket, BucketError, Grants, KeyValueGrant, Keys, Ledger, Limits, NnHost};
use tollgate_twin::Twin;

use super::bounds::{any, limits};
use crate::{
    cli::tollgate,
    support::{self, Conduct, ENGINE, all_graphs, case, file, frame, frame_of, has, model},
};

const NAP: u64 = 30_000_000_000;

/// A module that waits for 30 seconds in one way or another, as a plugin and as a command.
fn napping(export: &str, absolute: bool, subscriptions: u32) -> String {
    let (result, zero) = if export == "handle" {
        ("(result i32)", "(i32.const 0)")
    } else {
        ("", "")
    };
    let flags = u32::from(absolute);
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get"
            (func $now (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func $subscribe (param $at i32)
            (i32.store (i32.add (local.get $at) (i32.const 16)) (i32.const 1))
            (drop (call $now (i32.const 1) (i64.const 1) (i32.const 512)))
            (i64.store (i32.add (local.get $at) (i32.const 24))
                (i64.add (i64.const {NAP})
                    (i64.mul (i64.const {flags}) (i64.load (i32.const 512)))))
            (i32.store16 (i32.add (local.get $at) (i32.const 40)) (i32.const {flags})))
        (func (export "{export}") {result}
            (call $subscribe (i32.const 0))
            (call $subscribe (i32.const 48))
            (drop (call $poll (i32.const 0) (i32.const 128) (i32.const {subscriptions}) (i32.const 256)))
            {zero}))"#
    )
}

fn in_time(error: &Error, begin: Instant) {
    assert!(
        matches!(error, Error::Guest(GuestFault::Deadline { after }) if after.as_millis() == 100),
        "{error}"
    );
    // A bound on hangs: the nap is thirty seconds.
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn sleep_ends_at_the_deadline() {
    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(100)));
    let host = support::host(&[]);
    let case = fs::read(case("hostile/wasm/sleep.wasm")).expect("a module");
    let mut modules = vec![("handle", case)];
    for export in ["handle", "_start"] {
        for (absolute, subscriptions) in [(false, 1), (true, 1), (false, 2)] {
            let text = napping(export, absolute, subscriptions);
            modules.push((export, wat::parse_str(text).expect("text that assembles")));
        }
    }
    for (export, wasm) in modules {
        let plugin = Plugin::new(&ENGINE, &wasm).expect("a plugin");
        let begin = Instant::now();
        let ended = if export == "_start" {
            let grants = Grants::default();
            let ledger = &mut Ledger::open();
            Instance::run_command(&plugin, &host, &grants, &limits, ledger).map(|_| ())
        } else {
            let mut instance =
                Instance::new(&plugin, &host, &Grants::default(), &limits).expect("an instance");
            instance.handle(&frame(""), &mut Ledger::open()).map(|_| ())
        };
        in_time(&ended.expect_err("it is late"), begin);
    }
}

#[test]
fn sleep_of_a_component_ends_at_the_deadline() {
    let text = format!(
        r#"(component
        (import "wasi:io/poll@0.2.0" (instance $poll
            (export "pollable" (type $pollable (sub resource)))
            (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
            (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
            (alias outer 1 $pollable (type $pollable))
            (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
        (core module $memory
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $memory (instantiate $memory))
        (core func $subscribe (canon lower (func $clock "subscribe-duration")))
        (core func $block (canon lower (func $poll "[method]pollable.block")))
        (core func $poll (canon lower (func $poll "poll")
            (memory $memory "memory") (realloc (func $memory "realloc"))))
        (core module $main
            (import "host" "memory" (memory 1))
            (func $subscribe (import "host" "subscribe") (param i64) (result i32))
            (func $block (import "host" "block") (param i32))
            (func $poll (import "host" "poll") (param i32 i32 i32))
            (func (export "block") (call $block (call $subscribe (i64.const {NAP}))))
            (func (export "poll")
                (i32.store (i32.const 0) (call $subscribe (i64.const {NAP})))
                (call $poll (i32.const 0) (i32.const 1) (i32.const 64))))
        (core instance $main (instantiate $main (with "host" (instance
            (export "memory" (memory $memory "memory"))
            (export "subscribe" (func $subscribe))
            (export "block" (func $block))
            (export "poll" (func $poll))))))
        (func (export "block") (canon lift (core func $main "block")))
        (func (export "poll") (canon lift (core func $main "poll"))))"#
    );
    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(100)));
    for export in ["block", "poll"] {
        let mut instance = any(&text, &limits);
        let function = instance.typed::<(), ()>(export).expect("it is exported");
        let begin = Instant::now();
        let ended = instance.call(&function, (), 0, &mut Ledger::open());
        in_time(&ended.expect_err("it is late"), begin);
    }
}

/// A command that reads a standard input to which nothing comes.
#[test]
fn sleep_in_a_read_ends_at_the_deadline() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("reads.wasm");
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_read"
            (func $read (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 16))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;
    fs::write(&path, wat::parse_str(text).expect("text that assembles")).expect("written");
    let mut running = tollgate()
        .arg("run")
        .arg(&path)
        .args(["--deadline", "200ms"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stderr = String::new();
    let mut errors = running.stderr.take().expect("piped");
    errors.read_to_string(&mut stderr).expect("text");
    assert_eq!(running.wait().expect("it ends").code(), Some(1));
    has(&stderr, &["deadline of 200ms"]);
}

#[test]
fn sleep_late_is_late_and_the_instance_goes_on() {
    // The inference ends at the deadline, and the guest comes back with what it was told before the
    // epoch has moved, or is stopped by it: it is late in both cases.
    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(50)));
    let mut guest = Conduct::with(&["slow"], &all_graphs(), &limits);
    let error = guest.dies("compute slow x:FP32:1");
    has(&error.to_string(), &["deadline of 50ms"]);
}

#[test]
fn twin_limits_are_the_plugins() {
    support::onnxruntime();
    let registry = GraphRegistry::new();
    registry
        .load_file("digits", &model("slow-digits"), &GraphOptions::default())
        .expect("a model that loads");
    let host = NnHost::new(Arc::new(registry), GraphOptions::default());
    let library = file("target/guests/twins/meter-reader.so");
    let picture = file("examples/meter-reader/frames/meter-001.jpg");
    let mut frame = frame_of(fs::read(picture).expect("a picture"));
    frame.content_type = "image/jpeg".into();
    let short = Some(Duration::from_millis(50));
    for limits in [
        limits(|limits| limits.inference = Duration::from_millis(50)),
        limits(|limits| limits.deadline = short),
    ] {
        let mut twin = Twin::load(&library, host.clone(), &all_graphs(), &limits).expect("a twin");
        let (outcome, _) = twin.handle(&frame);
        let fault = outcome.expect("no failure").expect_err("it takes seconds");
        has(
            &fault.to_string(),
            &["inference failed", "deadline of 50ms"],
        );
    }
}

/// A bucket on a disk that takes its time.
#[derive(Debug)]
struct Slow;

const DISK: Duration = Duration::from_millis(200);

impl Bucket for Slow {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BucketError> {
        Ok(None)
    }

    fn exists(&self, _: &str) -> Result<bool, BucketError> {
        Ok(false)
    }

    fn set(&self, _: &[(String, Vec<u8>)], _: u64, _: Deadline) -> Result<(), BucketError> {
        thread::sleep(DISK);
        Ok(())
    }

    fn delete(&self, _: &[String], _: Deadline) -> Result<(), BucketError> {
        Ok(())
    }

    fn increment(&self, _: &str, delta: u64, _: u64, _: Deadline) -> Result<u64, BucketError> {
        Ok(delta)
    }

    fn keys(&self, _: Option<u64>) -> Result<Keys, BucketError> {
        Ok(Keys::default())
    }
}

fn slow_bucket() -> Grants {
    let bucket: Arc<dyn Bucket> = Arc::new(Slow);
    Grants {
        keyvalue: KeyValueGrant {
            buckets: Arc::new([("counts".to_owned(), bucket)].into()),
        },
        ..Grants::default()
    }
}

#[test]
fn bucket_toll_is_a_stage_of_its_own() {
    let plugin = support::plugin("counter");
    let (host, grants) = (support::host(&[]), slow_bucket());
    let limits = Limits::default();
    let mut instance = Instance::new(&plugin, &host, &grants, &limits).expect("an instance");
    let mut ledger = Ledger::open();
    ledger.start();
    let outcome = instance.handle(&frame("set counts a 1"), &mut ledger);
    outcome.expect("no trap").expect("no fault");
    let record = ledger.close();
    // The counter's rate is measured against the system's clock, to a thousandth.
    let disk = u64::try_from(DISK.as_nanos()).expect("a number") / 100 * 99;
    assert!(record.stages.keyvalue >= disk, "{record:?}");
    assert!(record.stages.crossing() < disk, "{record:?}");
    let rounding = record.total_ns.abs_diff(record.stages.sum());
    assert!(rounding <= 20, "{record:?}");

    let library = file("target/guests/twins/counter.so");
    let mut twin = Twin::load(&library, host, &grants, &limits).expect("a twin");
    let (outcome, record) = twin.handle(&frame("set counts a 1"));
    outcome.expect("no failure").expect("no fault");
    assert!(record.keyvalue_ns >= disk && record.host_ns >= record.keyvalue_ns);
    assert!(record.total_ns - record.keyvalue_ns < disk, "{record:?}");
}

/// Many writes in one call are ended by the deadline, and many reads.
#[test]
fn sleep_in_a_bucket_ends_at_the_deadline() {
    let folder = tempfile::tempdir().expect("a folder");
    let wanted = [BucketArg {
        name: "counts".to_owned(),
        path: folder.path().join("buckets"),
    }];
    let grants = Grants {
        keyvalue: keyvalue::open(&wanted, 64 << 20).expect("a bucket"),
        ..Grants::default()
    };
    let bucket = &grants.keyvalue.buckets["counts"];
    let past = Deadline::after(Duration::ZERO);
    let pairs = [("k".to_owned(), b"v".to_vec())];
    assert!(bucket.set(&pairs, 1 << 20, past).is_err());
    assert!(bucket.delete(&["k".to_owned()], past).is_err());
    assert!(!bucket.exists("k").expect("it can be read"));

    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(50)));
    let mut guest = Conduct::with(&[], &grants, &limits);
    let many = vec!["a"; 300_000].join(" ");
    let begin = Instant::now();
    let error = guest.dies(&format!("get-many counts {many}"));
    has(&error.to_string(), &["deadline of 50ms"]);
    assert!(begin.elapsed() < Duration::from_secs(15));
}
