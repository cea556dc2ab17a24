//! The readers of models without ONNX Runtime, made public for fuzzing only.

use crate::{apart::Findings, onnx};

/// Whether a model from bytes would be passed on to ONNX Runtime.
pub fn takes(model: &[u8]) -> bool {
    !onnx::is_ort_format(model) && onnx::references(model) == Ok(None)
}

/// Runs every reader on a model.
pub fn read(model: &[u8]) {
    let _ = Findings::of(model);
    let _ = crate::model_size(model);
    let _ = onnx::not_a_model(model);
}
