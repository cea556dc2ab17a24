//! Asynchronous guests: commands and plugins for WASI 0.3, on the engine that is made for them. What
//! holds of every guest holds of them: limits, grants, deadlines and the ledger.

use std::{sync::Arc, time::Duration};

use tollgate_nn::clock::Deadline;
use tollgate_runtime::{Error, GuestFault, Instance, Plugin, Policy, Pool, World};
use tollgate_services::{Frame, Grants, GraphGrant, Ledger, Limits, NnHost, Record};
use tollgate_wasm::Calls;

use crate::{
    cli::{path, run},
    support::{self, ENGINE, all_graphs, component, frame, has, host, model},
};

const SECOND: Duration = Duration::from_secs(1);

fn short(deadline_ms: u64) -> Limits {
    Limits {
        deadline: Some(Duration::from_millis(deadline_ms)),
        ..Limits::default()
    }
}

/// A pool of one instance of a plugin.
struct Guest(Pool);

impl Guest {
    fn new(name: &str, host: NnHost, grants: Grants, limits: Limits) -> Self {
        let plugin = Arc::new(support::plugin(name));
        assert_eq!(plugin.calls(), Calls::Async);
        assert_eq!(plugin.world(), World::Plugin);
        Self(Pool::new(plugin, host, grants, limits, Policy::default()))
    }

    fn waiting(models: &[&str], limits: Limits) -> Self {
        Self::new("wasi3-plugin", host(models), all_graphs(), limits)
    }

    fn tell(&mut self, frame: &Frame, by: Option<Deadline>) -> (Result<String, Error>, Record) {
        let mut ledger = Ledger::open();
        ledger.start();
        let result = self.0.handle_by(frame, by, &mut ledger);
        let said = result.map(|outputs| match outputs {
            Ok(outputs) => String::from_utf8(outputs[0].data.clone()).expect("text"),
            Err(fault) => fault.to_string(),
        });
        (said, ledger.close())
    }

    fn say(&mut self, command: &str) -> String {
        self.tell(&frame(command), None).0.expect("no trap")
    }

    fn dies(&mut self, command: &str) -> Error {
        let ended = self.tell(&frame(command), None).0;
        ended.expect_err("the guest must not come back")
    }
}

#[test]
fn a_plugin_waits_and_infers_and_is_accounted_for() {
    let mut guest = Guest::waiting(&["rows-fp32"], Limits::default());
    for command in ["compute", "infer", "wait-and-infer"] {
        let said = guest.say(&format!("{command} rows-fp32"));
        assert_eq!(said, "[2.0, 4.0, 6.0]", "{command}");
        let said = guest.say(&format!("{command} rows-fp32 2,3"));
        assert_eq!(said, "[2.0, 4.0, 6.0, 8.0, 10.0, 12.0]", "{command}");
    }
    assert_eq!(guest.say("count"), "7", "one instance");
    assert_eq!(
        guest.say("fault of the frame's"),
        "invalid frame: of the frame's"
    );

    let (said, record) = guest.tell(&frame("wait-and-infer rows-fp32"), None);
    assert_eq!(said.expect("no trap"), "[2.0, 4.0, 6.0]");
    let stages = record.stages;
    assert!(record.total_ns.abs_diff(stages.sum()) <= 10, "{record:?}");
    assert_eq!(record.counts.inferences, 1);
    assert_eq!((record.counts.copies_in, record.counts.copies_out), (1, 1));
    assert!(stages.infer > 0 && stages.guest_before > 0 && stages.guest_after > 0);
    // Twice two milliseconds, which the clock itself promised.
    assert!(stages.glue >= 4_000_000, "{stages:?}");
}

#[test]
fn a_plugin_of_the_synchronous_world_may_use_wasi_3_and_may_not_wait() {
    let mut guest = Guest::new(
        "wasi3-sync",
        host(&[]),
        Grants::default(),
        Limits::default(),
    );
    assert_eq!(guest.say("now"), "right");
    let error = guest.dies("wait");
    has(&error.to_string(), &["trapped", "cannot block"]);
    assert_eq!(guest.say("now"), "right");
}

#[test]
fn a_guest_that_waits_for_ever_is_ended_by_its_deadline() {
    let mut guest = Guest::waiting(&[], short(50));
    assert_eq!(guest.say("wait 1000000"), "waited", "obeyed");
    for command in ["wait", "loop"] {
        let error = guest.dies(command);
        assert!(
            matches!(error, Error::Guest(GuestFault::Deadline { after }) if after.as_millis() == 50),
            "{command}: {error}"
        );
        assert_eq!(guest.say("count"), "1", "a new instance");
    }
}

#[test]
fn a_frames_own_deadline_ends_what_waits_and_what_infers() {
    let mut guest = Guest::waiting(&["slow", "rows-fp32"], Limits::default());
    for command in ["wait", "loop", "compute slow 1", "infer slow 1"] {
        let by = Some(Deadline::after(Duration::from_millis(50)));
        match guest.tell(&frame(command), by).0 {
            // An inference tells the guest, which may come back before the epoch moves.
            Ok(said) => has(&said, &["Timeout"]),
            Err(error) => has(&error.to_string(), &["deadline of 50ms"]),
        }
        assert_eq!(guest.say("infer rows-fp32"), "[2.0, 4.0, 6.0]");
    }
}

#[test]
fn what_waits_for_nobody_is_told_apart_from_what_waits() {
    let error = Guest::waiting(&[], Limits::default()).dies("wait-for-nobody");
    has(&error.to_string(), &["trapped", "deadlock"]);
}

#[test]
fn limits_hold() {
    let limits = Limits {
        memory_bytes: 16 << 20,
        handles: 100,
        ..short(10_000)
    };
    let mut guest = Guest::waiting(&["rows-fp32"], limits);
    // Tasks and handles are given back.
    for _ in 0..300 {
        assert_eq!(guest.say("compute rows-fp32"), "[2.0, 4.0, 6.0]");
        assert_eq!(guest.say("wait 1000"), "waited");
    }
    has(
        &guest.dies("exhaust").to_string(),
        &["limit", "at most 16777216 bytes of memory"],
    );
    let error = guest.dies("leak-streams");
    assert!(
        matches!(error, Error::Guest(GuestFault::Limit { .. })),
        "{error}"
    );
    assert_eq!(guest.say("count"), "1");
}

#[test]
fn nothing_is_granted_that_was_not_asked_for() {
    let grants = Grants {
        graphs: GraphGrant::Names(vec!["other".to_owned()]),
        ..Grants::default()
    };
    let mut guest = Guest::new(
        "wasi3-plugin",
        host(&["rows-fp32"]),
        grants,
        Limits::default(),
    );
    for command in ["compute rows-fp32", "infer rows-fp32"] {
        has(&guest.say(command), &["Security", "not granted"]);
    }
    let mut guest = Guest::waiting(&["rows-fp32"], Limits::default());
    has(&guest.say("infer absent"), &["NotFound", "rows-fp32"]);
    has(&guest.say("compute rows-fp32 1,4"), &["InvalidArgument"]);
}

#[test]
fn fresh_instances_are_made_and_dropped() {
    let plugin = Arc::new(support::plugin("wasi3-plugin"));
    let limits = Limits::default();
    let mut pool = Pool::new(plugin, host(&[]), Grants::default(), limits, Policy::Fresh);
    for _ in 0..50 {
        for command in ["wait 1000", "count"] {
            let mut ledger = Ledger::open();
            ledger.start();
            let outputs = pool.handle(&frame(command), &mut ledger).expect("no trap");
            let data = &outputs.expect("no fault")[0].data;
            assert!(data == b"1" || data == b"waited");
            assert!(ledger.close().stages.instantiate > 0);
        }
    }
}

#[test]
fn several_threads_have_an_executor_each() {
    let plugin = Arc::new(support::plugin("wasi3-plugin"));
    let host = host(&["rows-fp32"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (plugin, host) = (Arc::clone(&plugin), host.clone());
            scope.spawn(move || {
                let limits = Limits::default();
                let pool = Pool::new(plugin, host, all_graphs(), limits, Policy::default());
                let mut guest = Guest(pool);
                for _ in 0..20 {
                    assert_eq!(guest.say("wait-and-infer rows-fp32"), "[2.0, 4.0, 6.0]");
                }
            });
        }
    });
}

fn command(arguments: &[&str]) -> (Option<i32>, String, String) {
    let rows = format!("rows={}", path(&model("rows-fp32")));
    let guest = component("wasi3-command");
    let mut all = vec!["run", path(&guest), "--model", &rows, "--"];
    all.extend(arguments);
    run(&all)
}

#[test]
fn a_command_writes_waits_and_infers() {
    // Twice: compiled, and from the cache.
    for _ in 0..2 {
        let (code, stdout, stderr) = command(&["wait=1000000", "infer=rows", "infer=none"]);
        assert_eq!(code, Some(0), "{stderr}");
        let lines: Vec<&str> = stdout.lines().collect();
        assert_eq!(lines.len(), 2, "{stdout}");
        assert_eq!(lines[0], "y=[2.0, 4.0, 6.0]");
        has(lines[1], &["NotFound", "none"]);
    }
    let (code, stdout, _) = command(&["fail"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(command(&["exit=3"]).0, Some(3));
}

#[test]
fn a_command_that_waits_for_ever_is_ended_by_its_deadline() {
    let plugin = support::plugin("wasi3-command");
    assert_eq!(
        (plugin.world(), plugin.calls()),
        (World::Command, Calls::Async)
    );
    let grants = Grants {
        args: vec!["command".to_owned(), format!("wait={}", u64::MAX)],
        ..Grants::default()
    };
    let mut ledger = Ledger::open();
    let ended = Instance::run_command(&plugin, &host(&[]), &grants, &short(50), &mut ledger);
    has(
        &ended.expect_err("a deadline").to_string(),
        &["deadline of 50ms"],
    );
    // With no arguments there is nothing to do, and standard output leads nowhere.
    let grants = Grants::default();
    let ended = Instance::run_command(
        &plugin,
        &host(&[]),
        &grants,
        &Limits::default(),
        &mut ledger,
    );
    assert_eq!(ended.expect("no trap"), 0);
}

#[test]
fn compiled_code_is_for_one_kind_of_calls() {
    assert_ne!(
        ENGINE
            .target(Calls::Sync)
            .expect("an engine")
            .compatibility(),
        ENGINE
            .target(Calls::Async)
            .expect("an engine")
            .compatibility()
    );
    let wasm = std::fs::read(component("wasi3-plugin")).expect("a component");
    let folder = tempfile::tempdir().expect("a folder");
    let code = folder.path().join("code");
    let compiled = Plugin::new(&ENGINE, &wasm)
        .and_then(|plugin| plugin.to_compiled())
        .expect("compiled");
    std::fs::write(&code, compiled).expect("written");
    let other = std::fs::read(component("counter")).expect("a component");
    assert_eq!(Calls::of(&other), Calls::Sync);
    for (source, fits) in [(&other, false), (&wasm, true)] {
        // SAFETY: the file holds what this build compiled a moment ago, in a folder of our own.
        #[expect(unsafe_code, reason = "which code is taken is what is tested")]
        let plugin = unsafe { Plugin::from_compiled_file(&ENGINE, source, &code) };
        assert_eq!(plugin.is_ok(), fits);
    }
}

#[test]
fn a_frame_that_is_late_does_not_reach_the_guest() {
    let mut guest = Guest::waiting(&[], Limits::default());
    assert_eq!(guest.say("count"), "1");
    let (said, _) = guest.tell(&frame("count"), Some(Deadline::after(Duration::ZERO)));
    has(&said.expect_err("late").to_string(), &["deadline of 0ns"]);
    let (said, _) = guest.tell(&frame("count"), Some(Deadline::after(60 * SECOND)));
    assert_eq!(
        said.expect("no trap"),
        "2",
        "the same instance, and the only other call"
    );
}
