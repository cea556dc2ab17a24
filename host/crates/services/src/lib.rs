//! What a plugin is given and held to, whether it runs in a sandbox or as a native twin: frames and outputs, grants,
//! limits, the account of a frame, log lines and buckets.
//!
//! - `message`: frames, outputs and faults; `host`: the graphs that a plugin runs;
//! - `grants`: what it may use; `limits`: how much of it; `keyvalue`: buckets, as a trait;
//! - `services`: configuration, log and buckets with their limits, over `log`;
//! - `refusal`: the host's refusals, over `limits`; `missing`: what was asked for without a grant;
//! - `ledger`: on what each nanosecond of a frame is spent, over `missing` and `waited`; [`probe`]: what that costs;
//! - [`text`]: a guest's text, cut and escaped, below all.
//!
//! ```
//! use tollgate_services::{GraphGrant, Grants, Ledger, Stage};
//!
//! // Nothing is granted that is not named.
//! let grants = Grants {
//!     graphs: GraphGrant::Names(vec!["digits".to_owned()]),
//!     ..Grants::default()
//! };
//! assert!(grants.graphs.allows("digits") && !grants.graphs.allows("faces"));
//! assert!(!grants.stdio);
//!
//! // An account of one frame: at any moment it is in one stage.
//! let mut ledger = Ledger::open();
//! ledger.start();
//! ledger.switch(Stage::Infer);
//! let record = ledger.close();
//! assert!(record.total_ns >= record.stages.infer);
//! ```
//!
//! It knows no Wasmtime and opens no file: buckets are the caller's. What the boundary calls at each crossing is
//! marked `#[inline]`, since that counts in nanoseconds.

mod grants;
mod host;
mod keyvalue;
mod ledger;
mod limits;
mod log;
mod message;
mod missing;
pub mod probe;
mod refusal;
mod services;
pub mod text;
mod waited;

pub use grants::{DirGrant, Grants, GraphGrant, KeyValueGrant, LogGrant};
pub use host::NnHost;
pub use keyvalue::{Bucket, BucketError, ENTRY_BYTES, Keys, PAGE_BYTES, PAGE_KEYS};
pub use ledger::{Counts, Ledger, Record, Stage, Stages, TwinRecord};
pub use limits::{FAULT_BYTES, Limit, Limits, MESSAGE_BYTES, RANK};
pub use log::{LOG_TARGET, Log, LogLevel};
pub use message::{Fault, Frame, Output};
pub use missing::Missing;
pub use refusal::{LastRefusal, Refusal};
pub use services::{Denial, Found, Services};
pub use waited::Waited;
