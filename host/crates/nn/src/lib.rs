//! Inference on native ONNX Runtime: graphs by name, who runs when, what is merged.
//!
//! This crate depends on neither Wasmtime nor WIT: a native program can use it, and the native twin of the
//! plugins does. All values from a caller are validated before ONNX Runtime sees them. Every failure is an
//! [`Error`] with one of wasi-nn's codes, and no value from outside makes this crate panic.
//!
//! ```no_run
//! use std::path::Path;
//! use tollgate_nn::{Argument, Data, GraphOptions, GraphRegistry, OnnxRuntime, Scratch, TensorType};
//!
//! # fn main() -> Result<(), tollgate_nn::Error> {
//! OnnxRuntime::load(None)?;
//! let graphs = GraphRegistry::new();
//! let digits = graphs.load_file("digits", Path::new("digits.onnx"), &GraphOptions::default())?;
//!
//! // A scratch belongs to one caller; any number of callers may run the graph at once.
//! let mut scratch = Scratch::new()?;
//! let picture = Argument {
//!     name: Some("image"),
//!     data: Data::Bytes {
//!         ty: TensorType::Fp32,
//!         dimensions: &[1, 28, 28],
//!         bytes: &[0; 28 * 28 * 4],
//!     },
//! };
//! let ran = digits.run(&mut scratch, &[picture], None)?;
//! println!("{} outputs", ran.outputs.len());
//! # Ok(())
//! # }
//! ```
//!
//! Each module uses those to its right: [`Loading`] → [`GraphRegistry`] → [`GraphStore`] | [`Prepared`] → [`Graph`] →
//! [`Loaded`] → [`Remote`] | `scheduling` → `sessions` → `tollgate-ort` (a session and its runs), whose tensors, devices and
//! errors this crate hands on.

mod graph;
mod loaded;
mod loading;
mod model;
mod options;
mod places;
mod prepared;
mod registry;
mod remote;
mod room;
mod scheduling;
mod scratch;
mod sessions;
mod shape;
mod store;

pub use graph::Graph;
pub use loaded::Loaded;
pub use loading::{InProcess, Loader, Loading};
pub use options::{GraphOptions, Mode};
pub use places::Places;
pub use prepared::{Expected, Prepared};
pub use registry::GraphRegistry;
pub use remote::{Call, Description, Remote};
pub use scheduling::batching::{BatchOptions, BatchPoint, BatchPolicy, Batching};
pub use scheduling::caller::{Caller, Owner, Priority};
pub use scheduling::cores::cores;
pub use scratch::{Argument, Data, Outcome, Ran, Scratch};
pub use shape::{TensorInfo, check_tensor};
pub use store::{GraphStore, read_model};
pub use tollgate_onnx::model_size;
pub use tollgate_ort::{
    Device, Elements, Error, ErrorCode, OnnxRuntime, Optimization, Other, Outlet, OutletKind,
    Place, Shape, Tensor, TensorType, causes, clock, ticker,
};
use tollgate_ort::{Source, run, show_dimensions};
