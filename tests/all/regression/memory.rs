//! What ONNX Runtime hands back and what is handed to it: aliases, memory of other callers, sizes that are only foretold.
