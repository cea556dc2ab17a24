//! A plugin driven as a host drives a twin: through the symbol that `export!` makes, with a table
//! of functions that stand in for the host's.
#![cfg(not(target_family = "wasm"))]
#![allow(unsafe_code, reason = "the host's side of a C ABI")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]

#[path = "twin/host.rs"]
mod host;

use std::{
    cell::{Cell, RefCell},
    ptr,
};

use tollgate_guest::{Fault, Frame, Graph, Input, Output, Plugin};
use tollgate_twin_abi as abi;

use host::{Answer, Session, on_fail, tollgate_twin_v2};

thread_local! {
    static REFUSE_NEW: Cell<bool> = const { Cell::new(false) };
    static STASH: RefCell<Option<Graph>> = const { RefCell::new(None) };
}

/// Does what the frame's content type says, and counts the frames it has seen.
struct Obedient {
    double: Graph,
    seen: u32,
}

impl Plugin for Obedient {
    fn new() -> Result<Self, Fault> {
        if REFUSE_NEW.get() {
            return Err(Fault::Internal("not today".into()));
        }
        Ok(Self {
            double: Graph::load("double")?,
            seen: 0,
        })
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        self.seen += 1;
        let dimensions = [frame.data.len() as u32];
        let input = Input::new(&dimensions, &frame.data);
        match frame.content_type.as_str() {
            "infer" => {
                let tensors = self.double.infer(&[input])?;
                assert_eq!(tensors[1].dimensions(), []);
                let sum = tensors[1].as_slice::<i64>()?[0];
                Ok(vec![
                    Output::new("y", "raw", tensors[0].bytes()),
                    Output::json("sum", format!("{{\"sum\":{sum}}}")),
                ])
            }
            "many" => {
                let tensors = self.double.infer(&[input.named("a"), input.named("b")])?;
                Ok(vec![Output::new("count", "raw", tensors[0].bytes())])
            }
            "compute" => {
                let tensors = self.double.context()?.compute(&[("x", input)])?;
                let output = |(name, tensor): &(String, tollgate_guest::Tensor)| {
                    Output::new(name.as_str(), "raw", tensor.bytes())
                };
                Ok(tensors.iter().map(output).collect())
            }
            "describe" => {
                let metadata = self.double.describe()?;
                Ok(vec![Output::new(
                    "metadata",
                    "text",
                    format!("{metadata:?}"),
                )])
            }
            "stash" => {
                STASH.set(Some(Graph::load("double")?));
                Ok(vec![])
            }
            "seen" => Ok(vec![Output::new(
                "seen",
                frame.source.as_str(),
                format!("{} {} {}", self.seen, frame.sequence, frame.acquired_ns),
            )]),
            "missing" => Graph::load("missing").map(|_| vec![]).map_err(Fault::from),
            "panic" => panic!("asked to"),
            other => Err(Fault::InvalidFrame(format!("'{other}' means nothing"))),
        }
    }
}

tollgate_guest::export!(Obedient);

#[test]
fn frames_go_in_and_outputs_come_out() {
    let session = Session::new();
    let outputs = session.handle("infer", &[1, 2, 3]).unwrap();
    assert_eq!(outputs[0], ("y".into(), "raw".into(), vec![2, 4, 6]));
    assert_eq!(
        outputs[1],
        (
            "sum".into(),
            "application/json".into(),
            b"{\"sum\":6}".to_vec()
        )
    );
    let outputs = session.handle("compute", &[4]).unwrap();
    assert_eq!(outputs[0], ("y".into(), "raw".into(), vec![8]));
    assert_eq!(outputs[1].0, "sum");
    assert_eq!(session.handle("many", &[9]).unwrap()[0].2, [18]);
    let outputs = session.handle("seen", &[]).unwrap();
    assert_eq!(
        outputs,
        [("seen".into(), "camera".into(), b"4 3 5".to_vec())]
    );
}

#[test]
fn a_graph_is_described() {
    let session = Session::new();
    let text = String::from_utf8(session.handle("describe", &[]).unwrap()[0].2.clone()).unwrap();
    for part in ["\"x\"", "U8", "\"y\"", "Fp32", "[None, Some(3)]", "\"cpu\""] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn faults_come_back_and_the_plugin_goes_on() {
    let session = Session::new();
    let refused = session.handle("dance", &[]).unwrap_err();
    assert_eq!(refused, [(0, "'dance' means nothing".to_owned())]);
    let refused = session.handle("infer", &[]).unwrap_err();
    assert_eq!(
        refused,
        [(1, "input 'x' is empty (invalid-argument)".to_owned())]
    );
    let refused = session.handle("missing", &[]).unwrap_err();
    assert_eq!(
        refused,
        [(1, "no graph of that name (not-found)".to_owned())]
    );
    assert_eq!(session.handle("seen", &[]).unwrap()[0].2, b"4 3 5");
}

#[test]
fn a_panic_is_a_fault_and_the_next_frame_meets_a_new_plugin() {
    let session = Session::new();
    session.handle("seen", &[]).unwrap();
    let refused = session.handle("panic", &[]).unwrap_err();
    let [(2, words)] = &refused[..] else {
        panic!("expected one internal fault: {refused:?}");
    };
    assert!(
        words.starts_with("the plugin panicked at ") && words.contains("tests/twin.rs:"),
        "{words}"
    );
    assert!(words.ends_with(": asked to"), "{words}");
    assert_eq!(
        (session.host.loaded.get(), session.host.dropped.get()),
        (1, 1)
    );
    assert_eq!(session.handle("seen", &[]).unwrap()[0].2, b"1 3 5");
    assert_eq!(session.host.loaded.get(), 2);
}

#[test]
fn a_plugin_that_cannot_be_made_says_why() {
    REFUSE_NEW.set(true);
    let refused = Session::with_abi(abi::ABI_VERSION).map(drop).unwrap_err();
    assert_eq!(refused, [(2, "not today".to_owned())]);
    REFUSE_NEW.set(false);
    Session::new().handle("seen", &[]).unwrap();
}

#[test]
fn another_abi_is_refused() {
    let refused = Session::with_abi(abi::ABI_VERSION + 1)
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].1.contains("version 2"), "{}", refused[0].1);
    let mut answer = Answer::default();
    // SAFETY: no table is what is being tested; the answer lives here.
    let plugin = unsafe {
        (tollgate_twin_v2().create)(ptr::null(), on_fail, ptr::from_mut(&mut answer).cast())
    };
    assert!(plugin.is_null());
    assert!(
        answer.said[0].1.starts_with("no host"),
        "{}",
        answer.said[0].1
    );
}

#[test]
fn a_graph_that_outlives_its_plugin_never_reaches_the_host() {
    let session = Session::new();
    session.handle("stash", &[]).unwrap();
    let graph = STASH.take().unwrap();
    assert_eq!(
        graph.infer(&[Input::new(&[1], &[1u8])]).unwrap()[0].bytes(),
        [2]
    );
    drop(session);
    let error = graph.infer(&[Input::new(&[1], &[1u8])]).unwrap_err();
    assert!(error.message.contains("outlived"), "{error}");
    drop(graph);
    let error = Graph::load("double").map(drop).unwrap_err();
    assert!(error.message.starts_with("no host"), "{error}");
}

#[test]
fn graphs_are_handed_back() {
    let mut session = Session::new();
    session.handle("compute", &[1]).unwrap();
    assert_eq!(
        (session.host.loaded.get(), session.host.dropped.get()),
        (1, 0)
    );
    // SAFETY: made by `create`, and `Drop` now finds no plugin to drop again.
    unsafe { (session.twin.drop)(std::mem::replace(&mut session.plugin, ptr::null_mut())) };
    assert_eq!(session.host.dropped.get(), 1);
}
