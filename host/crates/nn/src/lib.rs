//! Inference on native ONNX Runtime: tensors, graphs, sessions.
//!
//! This crate depends on neither Wasmtime nor WIT: a native program can use it, and the native twin of the
//! plugins does. All values from a caller are validated before ONNX Runtime sees them. Every failure is an
//! [`Error`] with one of wasi-nn's codes, and no value from outside makes this crate panic.
//!
//! Each module uses those to its right: [`GraphRegistry`] → [`GraphStore`] | [`Prepared`] → [`Graph`] →
//! [`Loaded`] → `scheduling` → `session` → `run` (the one with unsafe code) → [`TensorType`], [`Device`],
//! [`Error`].

pub mod clock;
mod device;
mod error;
mod graph;
mod loaded;
mod model;
mod nativelog;
mod options;
mod prepared;
mod registry;
mod room;
mod run;
mod runtime;
mod scheduling;
mod scratch;
mod session;
mod shape;
mod store;
mod tensor;
mod text;
pub mod ticker;

pub use device::Device;
pub use error::{Error, ErrorCode, causes};
pub use graph::Graph;
pub use loaded::Loaded;
pub use options::{GraphOptions, Mode, Optimization};
pub use prepared::{Expected, Prepared};
pub use registry::GraphRegistry;
pub use run::{Elements, Tensor};
pub use runtime::OnnxRuntime;
pub use scheduling::batching::{BatchOptions, BatchPoint, BatchPolicy, Batching};
pub use scheduling::caller::{Caller, Owner, Priority};
pub use scratch::{Argument, Data, Outcome, Ran, Scratch};
pub use shape::{TensorInfo, check_tensor};
pub use store::GraphStore;
pub use tensor::{Shape, TensorType};
pub use tollgate_onnx::model_size;
