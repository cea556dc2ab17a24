//! Models from bytes, before ONNX Runtime sees them: nothing that is taken names a file, by an
//! independent reading, and nothing that reads a model's structure goes wrong on any bytes.
#![no_main]

use tollgate_fuzz::protobuf;
use tollgate_onnx::{apart::Findings, is_ort_format, model_size, not_a_model, references};

libfuzzer_sys::fuzz_target!(|model: &[u8]| {
    if !is_ort_format(model) && references(model) == Ok(None) {
        assert!(
            !protobuf::keeps_elements_elsewhere(model),
            "a model that keeps elements in a file was taken"
        );
    }
    let _ = Findings::of(model);
    let _ = model_size(model);
    let _ = not_a_model(model);
});
