//! What frames leave behind, in every language: ten thousand of them leave an instance the handles and the memory that
//! a hundred left it. One in ten ends in a fault, by an inference that the host refuses.
//!
//! The guest is `repeat` (`tests/guests/repeat`, `tests/repeat`), which calls its SDK in all the ways that it has.

use std::sync::Arc;

use tollgate_deploy::{cache::Cache, compile::Compiler};
use tollgate_jail::Strength;
use tollgate_nn::GraphOptions;
use tollgate_runtime::{Error, Instance, Plugin, Policy, Pool};
use tollgate_services::{Fault, Ledger, Limits, Output};

use crate::support::{ENGINE, all_graphs, component, file, frame_of, host, root};

const FRAMES: usize = 10_000;
/// Frames after which nothing more is to come.
const SETTLED: usize = 100;

/// A guest, its code compiled once for all runs of the tests: Python's takes half a minute.
fn plugin(name: &str) -> Plugin {
    let wasm = std::fs::read(component(name)).expect("a readable guest");
    let cache = Cache::open(&root().join("target/tmp/steady")).expect("a cache");
    cache
        .load(&ENGINE, &wasm, &Compiler::new(Strength::Off))
        .expect("a plugin")
        .0
}

/// Hands over so many frames, of all kinds and of so many inferences each, and holds what comes back against what should.
fn hand_over(
    count: usize,
    times: u8,
    mut handle: impl FnMut(Vec<u8>, &mut Ledger) -> Result<Result<Vec<Output>, Fault>, Error>,
) {
    for place in 0..count {
        let how = match place % 10 {
            9 => b'x',
            odd if odd % 2 == 1 => b'c',
            _ => b'i',
        };
        let mut ledger = Ledger::open();
        ledger.start();
        let handled = handle(vec![how, times], &mut ledger).expect("no trap");
        match handled {
            Ok(outputs) => {
                assert_ne!(how, b'x', "frame {place} was to be refused");
                assert_eq!((outputs.len(), outputs[0].data.len()), (1, 4));
            }
            Err(Fault::Inference(_)) => assert_eq!(how, b'x', "frame {place}"),
            Err(fault) => panic!("frame {place}: {fault}"),
        }
    }
}

/// The example's own code, beside the SDKs: the same after some passes over its frames as after two.
#[test]
fn no_reader_leaves_anything_behind() {
    let digits = file("examples/meter-reader/models/digits.onnx");
    let host = host(&[]);
    host.registry
        .load_file("digits", &digits, &GraphOptions::default())
        .expect("the example's model");
    let folder = file("examples/meter-reader/frames-pgm");
    let frames = std::fs::read_dir(folder).expect("the example's frames");
    let frames: Vec<Vec<u8>> = frames
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a frame"))
        .collect();
    for (guest, passes) in [
        ("meter-reader", 10),
        ("preview1-meter-reader", 10),
        ("meter-reader-c", 10),
        ("meter-reader-cpp", 10),
        ("meter-reader-zig", 10),
        ("meter-reader-assemblyscript", 10),
        ("meter-reader-go", 10),
        ("meter-reader-js", 2),
    ] {
        let made = Instance::new(&plugin(guest), &host, &all_graphs(), &Limits::default());
        let mut instance = made.expect("an instance");
        let [settled, after] = [2, passes].map(|passes| {
            for data in frames.iter().cycle().take(passes * frames.len()) {
                let mut ledger = Ledger::open();
                ledger.start();
                let handled = instance.handle(&frame_of(data.clone()), &mut ledger);
                handled.expect("no trap").expect("a reading");
            }
            (instance.handles(), instance.memory_bytes())
        });
        assert_eq!(after, settled, "{guest}: handles and bytes of memory");
    }
}

/// Handles and bytes of memory after so many frames of so many inferences, and after ten thousand more.
fn left_behind(guest: &str, settled: usize, times: u8) -> [(usize, usize); 2] {
    let made = Instance::new(
        &plugin(guest),
        &host(&["mlp"]),
        &all_graphs(),
        &Limits::default(),
    );
    let mut instance = made.expect("an instance");
    [settled, FRAMES].map(|count| {
        hand_over(count, times, |data, ledger| {
            instance.handle(&frame_of(data), ledger)
        });
        (instance.handles(), instance.memory_bytes())
    })
}

#[track_caller]
fn is_steady(guest: &str) {
    is_steady_from(guest, SETTLED, 1);
}

#[track_caller]
fn is_steady_from(guest: &str, settled: usize, times: u8) {
    let [settled, after] = left_behind(guest, settled, times);
    assert_eq!(after, settled, "{guest}: handles and bytes of memory");
    assert!(
        settled.0 > 0,
        "{guest} holds a graph and a context, or nothing was counted"
    );
}

#[test]
fn rust_leaves_nothing_behind() {
    is_steady("repeat");
    is_steady("preview1-repeat");
}

/// What is prepared once, and what is prepared anew for each inference.
#[test]
fn prepared_inferences_answer_as_others_and_leave_nothing_behind() {
    let said = [b'i', b'p', b'q'].map(|how| {
        let host = host(&["mlp"]);
        let made = Instance::new(&plugin("repeat"), &host, &all_graphs(), &Limits::default());
        let mut instance = made.expect("an instance");
        let mut answers = Vec::new();
        let mut after = |frames: usize| {
            for _ in 0..frames {
                let mut ledger = Ledger::open();
                ledger.start();
                let handled = instance.handle(&frame_of(vec![how, 1]), &mut ledger);
                let outputs = handled.expect("no trap").expect("no fault");
                answers.push(outputs[0].data.to_vec());
            }
            (instance.handles(), instance.memory_bytes())
        };
        let settled = after(SETTLED);
        assert_eq!(after(FRAMES), settled, "handles and bytes of memory");
        answers
    });
    let [inferred, prepared, anew] = said;
    assert!(inferred == prepared && inferred == anew);
}

#[test]
fn c_and_cpp_leave_nothing_behind() {
    is_steady("repeat-c");
    is_steady("repeat-cpp");
}

#[test]
fn zig_leaves_nothing_behind() {
    is_steady("repeat-zig");
}

#[test]
fn javascript_leaves_nothing_behind() {
    is_steady("repeat-js");
}

#[test]
fn assemblyscript_leaves_nothing_behind() {
    is_steady("repeat-assemblyscript");
}

/// Go's collector first runs when four megabytes are there, which takes some twenty thousand inferences.
#[test]
fn go_leaves_nothing_behind_once_its_collector_ran() {
    is_steady_from("repeat-go", FRAMES, 8);
}

/// Python leaves no handle behind. Bytes that go from Python to the host it does: componentize-py's own
/// runtime copies them for the call and forgets the copy. So the host ends an instance that grows, without a
/// frame noticing.
#[test]
fn python_leaves_no_handle_behind_and_its_memory_ends_with_its_instances() {
    let [settled, after] = left_behind("repeat-python", SETTLED, 1);
    assert_eq!(after.0, settled.0, "handles");

    let limits = Limits {
        // What Python starts with, and less than what 80,000 inferences of 256 bytes leave behind.
        memory_bytes: 16 << 20,
        ..Limits::default()
    };
    let mut pool = Pool::new(
        Arc::new(plugin("repeat-python")),
        host(&["mlp"]),
        all_graphs(),
        limits.clone(),
        Policy::default(),
    );
    let mut most = 0;
    hand_over(FRAMES, 8, |data, ledger| {
        let handled = pool.handle(&frame_of(data), ledger);
        most = most.max(pool.memory_bytes().unwrap_or_default());
        handled
    });
    assert!(most > 0 && most <= limits.memory_bytes, "{most} bytes");
    assert!(pool.recycled() > 0, "it did not grow: say so in its README");
}
