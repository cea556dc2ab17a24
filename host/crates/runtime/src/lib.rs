//! Plugins in sandboxes: Wasmtime around `tollgate-nn`, and an account of every frame.
//!
//! This crate does no I/O of its own: it gets bytes, [`Grants`] and [`Limits`] from its caller. It has the
//! boundary (`imports`, the only place that converts between WIT values and tensors) and the [`Ledger`],
//! which records on what each nanosecond of a frame was spent.
//!
//! There are three lifetimes: the process ([`Engine`], and the registry of graphs), the plugin ([`Plugin`]:
//! compiled, linked, shared, immutable) and the instance ([`Instance`]: one Wasmtime store). Each module
//! uses those to its right: [`Pool`] → [`Instance`] → `store` → [`Plugin`] → `imports` → `state` →
//! `tollgate-nn`.

mod command;
mod engine;
mod error;
mod executor;
mod grants;
mod imports;
mod instance;
mod keyvalue;
mod ledger;
mod limits;
mod lines;
mod log;
mod message;
mod missing;
mod plugin;
mod pool;
pub mod probe;
mod refusal;
mod services;
mod slab;
mod state;
mod store;
mod streams;
mod text;
mod trap;
mod twin;

pub use engine::{Engine, EngineConfig, Reserved};
pub use error::{Error, GuestFault};
pub use grants::{DirGrant, Grants, GraphGrant, KeyValueGrant, LogGrant};
pub use instance::{Instance, Typed};
pub use keyvalue::{Bucket, BucketError, ENTRY_BYTES, Keys, PAGE_BYTES, PAGE_KEYS};
pub use ledger::{Counts, Ledger, Record, Stage, Stages};
pub use limits::{FAULT_BYTES, Limit, Limits, MESSAGE_BYTES, RANK};
pub use log::{LOG_TARGET, LogLevel};
pub use message::{Fault, Frame, Output};
pub use missing::Missing;
pub use plugin::{Plugin, World};
pub use pool::{Policy, Pool};
pub use state::NnHost;
pub use tollgate_nn::{Caller, Owner, Priority, clock};
pub use twin::{Twin, TwinRecord};

/// The version of Wasmtime that this crate uses.
pub const WASMTIME_VERSION: &str = "48.0.8";
