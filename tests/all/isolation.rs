//! Instances do not see each other, and one's end is not another's.

use std::{sync::Arc, thread};

use tollgate_runtime::{Error, GuestFault, Instance, Policy, Pool};
use tollgate_services::{Ledger, Limits};

use crate::support::{self, CONDUCT, Conduct, all_graphs, frame, has};

#[test]
fn handles_that_are_foreign_dropped_or_of_another_type_trap() {
    for command in ["foreign-handle", "dropped-handle", "wrong-handle"] {
        let error = Conduct::new(&[]).dies(command);
        assert!(
            matches!(error, Error::Guest(GuestFault::Trap { .. })),
            "{command}: {error}"
        );
    }
}

#[test]
fn an_instance_that_trapped_is_not_used_again() {
    let mut guest = Conduct::new(&[]);
    has(&guest.dies("trap").to_string(), &["trapped", "unreachable"]);
    assert!(matches!(guest.dies("count"), Error::Poisoned));
}

#[test]
fn a_fault_is_the_plugins_own_and_the_instance_goes_on() {
    let mut guest = Conduct::new(&[]);
    let fault = guest
        .try_say(b"fault not a picture")
        .0
        .expect("no trap")
        .expect_err("a fault");
    assert_eq!(fault.to_string(), "invalid frame: not a picture");
    assert_eq!(guest.say("count"), "2");
}

#[test]
fn instances_keep_their_state_to_themselves() {
    let (mut one, mut other) = (Conduct::new(&[]), Conduct::new(&[]));
    assert_eq!(one.say("count"), "1");
    assert_eq!(one.say("count"), "2");
    assert_eq!(other.say("count"), "1");
}

#[test]
fn warm_instances_are_recycled_and_fresh_ones_never_used_twice() {
    let plugin = Arc::new(support::plugin("conduct"));
    let counts = |policy| {
        let mut pool = Pool::new(
            Arc::clone(&plugin),
            support::host(&[]),
            all_graphs(),
            Limits::default(),
            policy,
        );
        (0..5)
            .map(|_| {
                let mut ledger = Ledger::open();
                ledger.start();
                let outputs = pool.handle(&frame("count"), &mut ledger);
                String::from_utf8(outputs.expect("no trap").expect("no fault")[0].data.clone())
                    .expect("text")
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(Policy::Fresh), ["1"; 5]);
    assert_eq!(
        counts(Policy::Warm { max_calls: 3 }),
        ["1", "2", "3", "1", "2"]
    );
}

#[test]
fn one_graph_runs_for_many_instances_at_once_each_with_its_own_answer() {
    let host = support::host(&["pair"]);
    thread::scope(|scope| {
        for rows in 1..=8u32 {
            let host = host.clone();
            scope.spawn(move || {
                let instance = Instance::new(&CONDUCT, &host, &all_graphs(), &Limits::default());
                let mut guest = Conduct(instance.expect("an instance"));
                let command = format!("pair a:FP32:{rows},4 b:I64:{rows}");
                let standard = guest.say(&format!("compute {command}"));
                let fused = guest.say(&format!("infer {command}"));
                has(&standard, &[&format!("[{rows}]")]);
                for _ in 0..200 {
                    assert_eq!(guest.say(&format!("compute {command}")), standard);
                    assert_eq!(guest.say(&format!("infer {command}")), fused);
                    assert_eq!(guest.say(&format!("prepared {command}")), fused);
                }
            });
        }
    });
}
