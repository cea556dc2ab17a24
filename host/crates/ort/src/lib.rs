//! ONNX Runtime, made safe: its library, sessions, tensors and runs.
//!
//! This is the one crate that names `ort`, and the one part of inference with unsafe code (`run`). It makes a
//! session of a model and runs it; who may run when, names of graphs and the checks of a caller's arguments are
//! `tollgate-nn`'s. Every failure is an [`Error`] with one of wasi-nn's codes.
//!
//! ```no_run
//! use std::path::Path;
//! use tollgate_ort::{Device, OnnxRuntime, Optimization, Session, SessionOptions, Source};
//!
//! # fn main() -> Result<(), tollgate_ort::Error> {
//! OnnxRuntime::load(Some(Path::new("libonnxruntime.so")))?;
//! let options = SessionOptions {
//!     device: Device::Cpu,
//!     allow_cpu_nodes: false,
//!     threads: 1,
//!     spins: false,
//!     optimization: Optimization::All,
//!     arena: true,
//! };
//! let session = Session::load("digits", Source::File(Path::new("digits.onnx")), &options)?;
//! for input in session.inputs() {
//!     println!("{}", input.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each module uses those to its right: `session` → `runtime` | `source` → `run` → `tensor` | `device` | `error` →
//! `text`; [`clock`] and [`ticker`] are below.

pub mod clock;
mod device;
mod error;
mod nativelog;
mod optimization;
pub mod run;
mod runtime;
mod session;
mod source;
mod tensor;
mod text;
pub mod ticker;

pub use device::Device;
pub use error::{Error, ErrorCode, causes, show_dimensions};
pub use optimization::Optimization;
pub use run::{Elements, Place, Tensor};
pub use runtime::OnnxRuntime;
pub use session::{Other, Outlet, OutletKind, Session, SessionOptions};
pub use source::{Source, findings, refuse_unwritten};
pub use tensor::{Shape, TensorType};
