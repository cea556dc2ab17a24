//! What a host asks of a helper that has one graph. The host is trusted, but a mistake there is to be an answer.
#![no_main]

use std::{
    cell::RefCell,
    sync::Arc,
};

use tollgate_isolate::fuzzing::HelperEnd;
use tollgate_nn::{GraphOptions, GraphRegistry};

thread_local! {
    static END: RefCell<HelperEnd> = RefCell::new(end());
}

fn end() -> HelperEnd {
    tollgate_fuzz::onnxruntime();
    let model = std::fs::read(tollgate_fuzz::file("tests/models/pair.onnx")).expect("a model");
    let graph = GraphRegistry::load_private(&model, &GraphOptions::default());
    HelperEnd::new(Arc::clone(&graph.expect("a graph")))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    END.with_borrow_mut(|end| end.request(bytes));
});
