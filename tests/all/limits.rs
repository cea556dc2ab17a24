//! Every limit, obeyed and violated; after a violation the host goes on with the next frame.

use std::{sync::Arc, time::Duration};

use tollgate_nn::clock::Deadline;
use tollgate_runtime::{Error, GuestFault, Policy, Pool};
use tollgate_services::{Frame, Grants, Ledger, Limits};

use crate::support::{self, CONDUCT, Conduct, all_graphs, frame, has};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[test]
fn a_loop_is_stopped_at_the_deadline() {
    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(50)));
    let mut guest = Conduct::with(&[], &Grants::default(), &limits);
    assert_eq!(guest.say("count"), "1", "obeyed");
    let error = guest.dies("loop");
    assert!(
        matches!(error, Error::Guest(GuestFault::Deadline { after }) if after.as_millis() == 50),
        "{error}"
    );
    has(&error.to_string(), &["deadline", "50ms"]);
}

#[test]
fn an_inference_is_stopped_at_its_deadline_and_the_guest_told() {
    let limits = limits(|limits| limits.inference = Duration::from_millis(50));
    let mut guest = Conduct::with(&["slow", "pair"], &all_graphs(), &limits);
    for command in ["compute", "infer", "prepared", "prepared-one"] {
        let said = guest.say(&format!("{command} slow x:FP32:1"));
        has(&said, &["Timeout", "`slow`", "50ms"]);
        // The termination does not reach the next inference.
        has(&guest.say("compute pair a:FP32:1,4 b:I64:1"), &["sum="]);
    }
}

#[test]
fn the_frames_deadline_bounds_its_inferences_as_well() {
    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(50)));
    let mut guest = Conduct::with(&["slow"], &all_graphs(), &limits);
    let said = guest.try_say(b"compute slow x:FP32:1").0;
    match said {
        // The guest is told, and is stopped itself as soon as the epoch moves.
        Ok(said) => has(&said.expect("no fault"), &["Timeout"]),
        Err(error) => has(&error.to_string(), &["deadline"]),
    }
}

#[test]
fn a_frames_own_deadline_ends_a_loop_and_an_inference_and_the_next_frame_is_fine() {
    let plugin = Arc::new(support::plugin("conduct"));
    let host = support::host(&["slow", "pair"]);
    let limits = Limits::default();
    let mut pool = Pool::new(plugin, host, all_graphs(), limits, Policy::default());
    let mut handle = |command: &str, deadline: Option<Duration>| {
        let deadline = deadline.map(Deadline::after);
        let mut ledger = Ledger::open();
        ledger.start();
        let result = pool.handle_by(&frame(command), deadline, &mut ledger);
        result.map(|outputs| {
            let outputs = outputs.expect("no fault");
            String::from_utf8_lossy(&outputs[0].data).into_owned()
        })
    };
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(3600));
    for command in ["loop", "compute slow x:FP32:1", "infer slow x:FP32:1"] {
        match handle(command, Some(short)) {
            // An inference tells the guest, which may come back before the epoch moves.
            Ok(said) => has(&said, &["Timeout", "`slow`", "50ms"]),
            Err(error) => assert!(
                matches!(error, Error::Guest(GuestFault::Deadline { after }) if after == short),
                "{command}: {error}"
            ),
        }
        for deadline in [None, Some(long)] {
            let said = handle("compute pair a:FP32:1,4 b:I64:1", deadline);
            has(&said.expect("no trap"), &["sum="]);
        }
    }
}

#[test]
fn the_earlier_of_two_deadlines_holds() {
    let limits = limits(|limits| limits.deadline = Some(Duration::from_millis(50)));
    let mut guest = Conduct::with(&[], &Grants::default(), &limits);
    let late = Some(Deadline::after(Duration::from_secs(3600)));
    let ended = guest.0.handle_by(&frame("loop"), late, &mut Ledger::open());
    let error = ended.expect_err("it loops");
    assert!(
        matches!(error, Error::Guest(GuestFault::Deadline { after }) if after.as_millis() == 50),
        "{error}"
    );
}

#[test]
fn memory_is_bounded() {
    let limits = limits(|limits| limits.memory_bytes = 8 << 20);
    let mut guest = Conduct::with(&[], &Grants::default(), &limits);
    assert_eq!(guest.say("grow 16"), "granted");
    assert_eq!(guest.say("grow 1000"), "denied");
    let error = guest.dies("trap");
    assert!(
        matches!(error, Error::Guest(GuestFault::Trap { .. })),
        "what was denied two calls ago is not why: {error}"
    );
    let error = Conduct::with(&[], &Grants::default(), &limits).dies("exhaust");
    has(
        &error.to_string(),
        &["limit", "at most 8388608 bytes of memory"],
    );
}

#[test]
fn a_plugin_that_starts_with_more_memory_than_it_may_have_is_refused() {
    let limits = limits(|limits| limits.memory_bytes = 64 << 10);
    let host = support::host(&[]);
    let refused =
        tollgate_runtime::Instance::new(&CONDUCT, &host, &Grants::default(), &limits).map(|_| ());
    has(
        &refused.expect_err("too much").to_string(),
        &["cannot make an instance", "65536 bytes of memory"],
    );
}

#[test]
fn tables_are_bounded() {
    let limits = limits(|limits| limits.table_elements = 1);
    let host = support::host(&[]);
    let refused =
        tollgate_runtime::Instance::new(&CONDUCT, &host, &Grants::default(), &limits).map(|_| ());
    has(
        &refused.expect_err("too much").to_string(),
        &["table entries"],
    );
}

#[test]
fn handles_are_bounded() {
    let limits = limits(|limits| limits.handles = 100);
    let mut guest = Conduct::with(&["pair"], &all_graphs(), &limits);
    for _ in 0..200 {
        has(&guest.say("compute pair a:FP32:1,4 b:I64:1"), &["sum="]);
        has(&guest.say("prepared pair a:FP32:1,4 b:I64:1"), &["[1]"]);
    }
    assert_eq!(guest.0.handles(), 0, "all were given back");
    for leak in ["leak", "prepare-and-leak pair a:FP32:1,4 b:I64:1"] {
        let mut guest = Conduct::with(&["pair"], &all_graphs(), &limits);
        has(
            &guest.dies(leak).to_string(),
            &["as many handles as it may"],
        );
    }
}

#[test]
fn lists_that_are_not_in_memory_trap() {
    for command in ["huge-list", "list-past-the-end"] {
        let mut guest = Conduct::new(&[]);
        assert_eq!(guest.say("count"), "1");
        let error = guest.dies(command);
        assert!(matches!(error, Error::Guest(_)), "{command}: {error}");
    }
}

#[test]
fn what_a_guest_hands_back_is_bounded() {
    let limits = limits(|limits| limits.host_call_bytes = 1 << 10);
    let mut guest = Conduct::with(&["nonzero"], &all_graphs(), &limits);
    has(&guest.say("compute nonzero x:FP32:2"), &["I64"]);
    let command = format!("by-name {}", "x".repeat(4096));
    // The guest's own words would carry the long name back.
    let error = guest.dies(&command);
    assert!(matches!(error, Error::Guest(_)), "{error}");
}

#[test]
fn after_any_violation_the_pool_goes_on_with_the_next_frame() {
    let limits = limits(|limits| {
        limits.deadline = Some(Duration::from_millis(100));
        limits.memory_bytes = 16 << 20;
        limits.handles = 50;
    });
    let plugin = Arc::new(support::plugin("conduct"));
    let host = support::host(&["pair"]);
    let mut pool = Pool::new(plugin, host, all_graphs(), limits, Policy::default());
    let mut handle = |frame: &Frame| {
        let mut ledger = Ledger::open();
        ledger.start();
        (pool.handle(frame, &mut ledger), ledger.close())
    };
    for bad in [
        "trap",
        "loop",
        "exhaust",
        "leak",
        "huge-list",
        "foreign-handle",
        "dropped-handle",
        "wrong-handle",
    ] {
        let (result, record) = handle(&frame(bad));
        assert!(matches!(result, Err(Error::Guest(_))), "{bad}: {result:?}");
        assert!(record.total_ns > 0);
        let (result, _) = handle(&frame("count"));
        let outputs = result.expect("a new instance").expect("no fault");
        assert_eq!(
            outputs[0].data, b"1",
            "after {bad}: a new instance, counting anew"
        );
        let (result, _) = handle(&frame("compute pair a:FP32:1,4 b:I64:1"));
        assert!(result.expect("no trap").is_ok(), "after {bad}");
    }
}
