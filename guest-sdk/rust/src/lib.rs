//! Write Tollgate plugins in Rust: frames in, inferences on the host's graphs, outputs out.
//!
//! A whole plugin:
//!
//! ```
//! use tollgate_guest::{Fault, Frame, Graph, Input, Output, Plugin};
//! struct Classifier(Graph);
//! impl Plugin for Classifier {
//!     fn new() -> Result<Self, Fault> { Ok(Self(Graph::load("classifier")?)) }
//!     fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
//!         let results = self.0.infer(&[Input::new(&[1, 28, 28], &frame.data)])?;
//!         Ok(results.iter().map(|t| Output::new("scores", "", t.bytes())).collect())
//!     }
//! }
//! tollgate_guest::export!(Classifier);
//! ```
//!
//! The same source compiles in two ways. For a Wasm target it becomes a component of the world
//! `tollgate:plugin/plugin`, and each graph call crosses the sandbox's boundary. For any other
//! target it becomes the *twin*. There `cargo test` runs the plugin's own unit tests (see
//! `testing`). Built as a shared library, the twin is loaded by the host and gets the same graphs,
//! so that the cost of the boundary can be measured.
//!
//! Besides graphs, a plugin can use three things if they are granted: configuration values
//! ([`config`]), the host's log ([`log`]) and key-value buckets ([`Bucket`]).
//!
//! Limits of this crate: it never copies an input (the host reads it in place), and it only uses
//! what the plugin world offers. It must not use files, clocks, sockets or threads, so that a
//! plugin with only this crate needs nothing else from its host.

#[cfg(target_endian = "big")]
compile_error!("wasi-nn tensors are little-endian, and this crate hands out their bytes in place");

mod backend;
mod bucket;
mod element;
mod error;
mod export;
mod graph;
pub mod image;
mod log;
mod panic;
mod plugin;
mod prepared;
mod tensor;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use bucket::{Bucket, Keys, StoreError};
pub use element::{Bf16, Element, F16, TensorType};
pub use error::{Error, ErrorCode};
pub use graph::{Context, Graph, Metadata, TensorInfo};
pub use log::{Level, config, log};
pub use plugin::{Fault, Frame, Output, Plugin};
pub use prepared::{Elements, Expected, Prepared};
pub use tensor::{Input, Tensor, TensorRef};

/// Used by the code that [`export!`] generates; not for other code.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_family = "wasm")]
    pub use crate::backend::{
        bindings::{self, exports::tollgate::plugin::handler},
        handle,
    };
    #[cfg(not(target_family = "wasm"))]
    pub use crate::backend::{twin, twin_abi::Twin};
    pub use crate::export::Slot;
}
