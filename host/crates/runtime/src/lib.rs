//! Plugins in sandboxes: Wasmtime around `tollgate-nn`, within what `tollgate-services` gives.
//!
//! This crate does no I/O of its own: it gets bytes, grants and limits from its caller. It has the boundary
//! (`imports`, the only place that converts between WIT values and tensors; `message`, which does so with frames and
//! outputs), and tells a frame's ledger where its time goes.
//!
//! ```no_run
//! # use std::sync::Arc;
//! use tollgate_nn::{GraphOptions, GraphRegistry};
//! use tollgate_runtime::{Engine, EngineConfig, Instance, Plugin};
//! use tollgate_services::{Frame, Grants, Ledger, Limits, NnHost};
//!
//! # fn run(wasm: &[u8], frame: &Frame) -> Result<(), tollgate_runtime::Error> {
//! let engine = Engine::new(&EngineConfig::default());
//! let plugin = Plugin::new(&engine, wasm)?;
//! let graphs = NnHost::new(Arc::new(GraphRegistry::new()), GraphOptions::default());
//! let mut instance = Instance::new(&plugin, &graphs, &Grants::default(), &Limits::default())?;
//!
//! let mut ledger = Ledger::open();
//! match instance.handle(frame, &mut ledger)? {
//!     Ok(outputs) => println!("{} outputs", outputs.len()),
//!     Err(fault) => println!("the plugin says: {fault:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! There are three lifetimes: the process ([`Engine`], and the registry of graphs), the plugin ([`Plugin`]:
//! compiled, linked, shared, immutable) and the instance ([`Instance`]: one Wasmtime store). Each module
//! uses those to its right: [`Pool`] → [`Instance`] → `store` → [`Plugin`] → `imports` → `state` →
//! `tollgate-nn`.

mod command;
mod engine;
mod error;
mod executor;
mod imports;
mod instance;
mod lines;
mod message;
mod plugin;
mod pool;
mod slab;
mod state;
mod store;
mod streams;
mod trap;

pub use engine::{Engine, EngineConfig, Reserved, Target};
pub use error::{Error, GuestFault};
pub use instance::{Instance, Typed};
pub use plugin::{Plugin, World};
pub use pool::{Policy, Pool};

/// The version of Wasmtime that this crate uses.
pub const WASMTIME_VERSION: &str = "48.0.8";
