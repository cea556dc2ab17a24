//! The twin: the same source natively, on the same graphs, with the same answers.

use std::sync::Arc;

use tollgate_nn::{GraphOptions, GraphRegistry};
use tollgate_runtime::Instance;
use tollgate_services::{Frame, Ledger, Limits, NnHost};
use tollgate_twin::Twin;

use crate::support::{self, all_graphs, file, has};

fn digits() -> NnHost {
    support::onnxruntime();
    let registry = GraphRegistry::new();
    let model = file("examples/meter-reader/models/digits.onnx");
    registry
        .load_file("digits", &model, &GraphOptions::default())
        .expect("the example's model");
    NnHost::new(Arc::new(registry), GraphOptions::default())
}

/// The twin and an instance, on the same graph.
fn both() -> (Twin, Instance) {
    let host = digits();
    let library = file("target/guests/twins/meter-reader.so");
    let twin = Twin::load(&library, host.clone(), &all_graphs(), &Limits::default())
        .expect("the example's twin");
    let plugin = support::plugin("meter-reader");
    let instance = Instance::new(&plugin, &host, &all_graphs(), &Limits::default());
    (twin, instance.expect("an instance"))
}

fn frames() -> Vec<Frame> {
    let mut paths: Vec<_> = std::fs::read_dir(file("examples/meter-reader/frames"))
        .expect("the example's frames")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    paths.sort();
    paths
        .iter()
        .enumerate()
        .map(|(sequence, path)| Frame {
            sequence: sequence as u64,
            source: path.display().to_string().into(),
            content_type: "image/jpeg".into(),
            acquired_ns: 0,
            data: std::fs::read(path).expect("a frame").into(),
        })
        .collect()
}

#[test]
fn sandbox_and_twin_read_the_same_from_every_frame() {
    let (mut twin, mut instance) = both();
    let frames = frames();
    assert!(frames.len() >= 48, "{} frames", frames.len());
    for frame in &frames {
        let mut ledger = Ledger::open();
        ledger.start();
        let sandboxed = instance.handle(frame, &mut ledger).expect("no trap");
        let (native, record) = twin.handle(frame);
        assert_eq!(sandboxed, native.expect("no failure"), "{}", frame.source);
        assert!(record.infer_ns > 0 && record.infer_ns < record.total_ns);
        let sandboxed = ledger.close();
        assert_eq!(
            sandboxed.counts.inferences, 1,
            "all digits in one inference"
        );
    }
}

#[test]
fn both_find_the_same_fault_with_a_frame_that_is_no_picture() {
    let (mut twin, mut instance) = both();
    let whole = frames().remove(0).data;
    let cut = |bytes: usize| whole.slice(..bytes);
    for data in [
        b"".as_slice().into(),
        b"text".as_slice().into(),
        cut(100),
        cut(whole.len() / 2),
    ] {
        let frame = Frame {
            data,
            ..support::frame("")
        };
        let mut ledger = Ledger::open();
        let sandboxed = instance.handle(&frame, &mut ledger).expect("no trap");
        let native = twin.handle(&frame).0.expect("no failure");
        assert_eq!(sandboxed, native, "{} bytes", frame.data.len());
        assert!(
            sandboxed.is_err(),
            "{} bytes: {sandboxed:?}",
            frame.data.len()
        );
    }
}

#[test]
fn libraries_that_are_no_twin_are_refused() {
    let refused = |path: &std::path::Path| {
        let error = Twin::load(path, digits(), &all_graphs(), &Limits::default())
            .map(|_| ())
            .expect_err("no twin");
        error.to_string()
    };
    has(&refused(&file("README.md")), &["cannot use", "as a twin"]);
    has(
        &refused(std::path::Path::new("/no/such/library.so")),
        &["cannot use"],
    );
}
