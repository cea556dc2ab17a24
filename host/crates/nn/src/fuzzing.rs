//! What only fuzzing reaches from outside: the readers of models, without ONNX Runtime behind them.

use crate::{apart::Findings, onnx};

/// Whether a model from bytes would be handed on to ONNX Runtime.
pub fn takes(model: &[u8]) -> bool {
    !onnx::is_ort_format(model) && onnx::references(model) == Ok(None)
}

/// Reads all that is read of a model beside ONNX Runtime.
pub fn read(model: &[u8]) {
    let _ = Findings::of(model);
    let _ = crate::model_size(model);
    let _ = onnx::not_a_model(model);
}
