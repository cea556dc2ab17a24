//! ONNX models as bytes: one bounded reader of protobuf and what is read with it, before and beside
//! ONNX Runtime.
//!
//! - `wire`: protobuf's wire format;
//! - `bodies`: whether operators have bodies with outputs that ONNX Runtime would not write;
//! - `files`: whether a model would make ONNX Runtime open files;
//! - `graph`: nodes, constants, inputs and outputs of a model, as far as `apart` needs them;
//! - `kind`: what bytes are that are not a model, and what a model asks for that is not there.
//!
//! Nothing here uses a session. All of it reads untrusted bytes, bounds its nesting, and allocates in
//! proportion to the bytes.

mod bodies;
mod files;
mod graph;
mod kind;
mod wire;

pub(crate) use bodies::unwritten;
pub(crate) use files::{Reference, is_ort_format, references};
pub(crate) use graph::{Attribute, Dimension, Graph, Node, Tensor, read};
pub(crate) use kind::{HEAD, explain, has_no_graph, not_a_model, well_known};
