//! What the bytes of an ONNX model say, without ONNX Runtime: one bounded reader of protobuf, and what is read
//! with it before and beside a session.
//!
//! - `wire`: protobuf's wire format;
//! - `bodies`: whether operators have bodies with outputs that ONNX Runtime would not write;
//! - `files`: whether a model would make ONNX Runtime open files;
//! - `graph`: nodes, constants, inputs and outputs of a model, as far as [`apart`] needs them;
//! - `kind`: what bytes are that are not a model, and what a model asks for that is not there;
//! - [`apart`]: whether the rows of a run stay apart, so that runs may be merged;
//! - [`text`]: text from models, for messages.
//!
//! ```
//! use tollgate_onnx::{apart::Findings, is_ort_format, not_a_model, unwritten};
//!
//! let bytes = b"PK, or anything else that somebody sent";
//! assert!(!is_ort_format(bytes));
//! // Only a model whose rows are known to stay apart may be merged with others.
//! assert!(Findings::of(bytes).apart.is_err());
//! if unwritten(bytes).is_err() {
//!     println!("it is no model: {}", not_a_model(bytes));
//! }
//! ```
//!
//! All of it reads untrusted bytes, bounds its nesting, and allocates in proportion to the bytes. It opens no
//! file.

pub mod apart;
mod bodies;
mod files;
mod graph;
mod kind;
pub mod text;
mod wire;

pub use apart::model_size;
pub use bodies::unwritten;
pub use files::{Reference, is_ort_format, references};
pub(crate) use graph::{Attribute, Dimension, Graph, Node, Tensor, read};
pub use kind::{HEAD, explain, has_no_graph, not_a_model, well_known};
pub use wire::Malformed;
