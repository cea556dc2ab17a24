//! Where graph calls go: over the component boundary on Wasm, through a host's function table in
//! a twin. Both sides offer the same names, so that nothing above this folder knows which it is.

#[cfg(target_family = "wasm")]
pub mod bindings;
#[cfg(target_family = "wasm")]
mod wasm;
#[cfg(target_family = "wasm")]
pub use wasm::{Bucket, Context, Graph, Prepared, config, handle, log, say_panics};

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
pub use native::{Bucket, Context, Graph, Prepared, config, log, twin};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Host, HostBucket, enter};
#[cfg(not(target_family = "wasm"))]
pub use tollgate_twin_abi as twin_abi;
