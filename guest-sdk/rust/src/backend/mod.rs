//! The implementation of graph calls: over the component boundary on Wasm, and through a host's
//! function table in a twin. Both have the same names, so the code outside this folder does not
//! depend on which one is used.

#[cfg(target_family = "wasm")]
pub mod bindings;
#[cfg(target_family = "wasm")]
mod wasm;
#[cfg(target_family = "wasm")]
pub use wasm::{Bucket, Context, Graph, Prepared, config, handle, log};

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
pub use native::{Bucket, Context, Graph, Prepared, config, log, twin};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Host, HostBucket, enter};
#[cfg(not(target_family = "wasm"))]
pub use tollgate_twin_abi as twin_abi;
