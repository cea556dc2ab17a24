//! Models from bytes, before ONNX Runtime sees them: nothing that is taken names a file, by an
//! independent reading, and nothing that reads a model's structure goes wrong on any bytes.
#![no_main]

use tollgate_fuzz::protobuf;
use tollgate_nn::fuzzing;

libfuzzer_sys::fuzz_target!(|model: &[u8]| {
    if fuzzing::takes(model) {
        assert!(
            !protobuf::keeps_elements_elsewhere(model),
            "a model that keeps elements in a file was taken"
        );
    }
    fuzzing::read(model);
});
