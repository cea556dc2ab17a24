//! Inference on native ONNX Runtime: tensors, graphs, sessions.
//!
//! This crate knows no Wasmtime and no WIT; it is what a native program would use, and what the
//! twin uses. Everything that a caller passes is validated before ONNX Runtime sees it, every
//! failure is an [`Error`] with one of wasi-nn's codes, and nothing here panics on a value that
//! somebody else supplied.
//!
//! Rooms, each standing above what it uses: [`GraphRegistry`] | [`Prepared`] → [`Graph`] → `batcher` → `session` → `run` (the
//! one room with unsafe code) → [`TensorType`], [`Device`], [`Error`].

mod apart;
mod batcher;
mod batching;
mod calibrate;
mod caller;
pub mod clock;
mod cores;
mod device;
mod due;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod graph;
mod lane;
mod learning;
mod line;
mod loaded;
mod model;
mod nativelog;
mod onnx;
mod options;
mod permits;
mod prepared;
mod proof;
mod registry;
mod room;
mod rows;
mod run;
mod runtime;
mod seat;
mod session;
mod shape;
mod store;
mod tensor;
mod text;
pub mod ticker;

pub use apart::model_size;
pub use batching::{BatchOptions, BatchPoint, BatchPolicy, Batching};
pub use caller::{Caller, Owner, Priority};
pub use device::Device;
pub use error::{Error, ErrorCode, causes};
pub use graph::Graph;
pub use lane::{Argument, Data, Lane, Outcome, Ran};
pub use loaded::Loaded;
pub use options::{GraphOptions, Mode, Optimization};
pub use prepared::{Expected, Prepared};
pub use registry::GraphRegistry;
pub use run::{Elements, Tensor};
pub use runtime::OnnxRuntime;
pub use shape::{TensorInfo, check_tensor};
pub use store::GraphStore;
pub use tensor::{Shape, TensorType};
