//! Helper processes for what native code does with strangers' bytes: no files, no network, no privileges, bounded
//! memory and time. What happens to a helper does not happen to the host.
//!
//! The host starts its own program again ([`Job::run`]) and hands it the bytes as a sealed memory file. The helper
//! confines itself ([`serve`]) before it reads the first of them, does the one thing that it was started for, and
//! leaves its result in another memory file, which is sealed when the helper is gone.
//!
//! - `layers`: the [`Layer`]s of confinement, and what to do about one that the machine lacks ([`Strength`]);
//! - `confine`: how a process confines itself, over `filter` (which system calls are left);
//! - `job`: what a helper is given and leaves; `helper`: the host's side; `serve`: the helper's side;
//! - `resident`: a helper that goes on until it is ended, as the host has it; `nursery`: the process that forks it when it
//!   has loaded what helpers need; `spawner`: the thread that starts either;
//! - `probe`: tries from inside what a helper must not be able to do.
//!
//! A helper can also be apart from the host and not confined ([`Job::run_apart`], [`serve_apart`]), for a library
//! that its user trusts and that may still take its process down.
//!
//! It knows neither ONNX Runtime nor Wasmtime. There are helpers on Linux only.
//!
//! ```no_run
//! use std::time::Duration;
//! use tollgate_jail::{Bounds, Job, Strength};
//!
//! # fn main() -> Result<(), tollgate_jail::Error> {
//! let job = Job {
//!     arguments: &["jail", "compile"],
//!     bounds: Bounds {
//!         memory_bytes: 1 << 30,
//!         private_bytes: 1 << 30,
//!         result_bytes: 256 << 20,
//!         time: Duration::from_secs(60),
//!     },
//!     strength: Strength::Best,
//! };
//! let done = job.run(b"what a stranger sent")?;
//! println!("{} bytes; missing: {:?}", done.bytes, done.missing);
//! # Ok(())
//! # }
//! ```

mod bounds;
#[cfg(target_os = "linux")]
mod confine;
mod error;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod helper;
mod job;
mod layers;
#[cfg(not(target_os = "linux"))]
mod nowhere;
#[cfg(target_os = "linux")]
mod nursery;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod resident;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod spawner;

pub use bounds::Bounds;
pub use error::Error;
#[cfg(target_os = "linux")]
pub use helper::{ITSELF, may_have};
pub use job::{Done, Job};
pub use layers::{Layer, Missing, Strength};
#[cfg(not(target_os = "linux"))]
pub use nowhere::{ITSELF, probe, serve, serve_apart};
#[cfg(target_os = "linux")]
pub use nursery::{Nursery, nurse};
#[cfg(target_os = "linux")]
pub use probe::probe;
#[cfg(target_os = "linux")]
pub use resident::{Handed, Resident};
#[cfg(target_os = "linux")]
pub use serve::{Confining, refuse, serve, serve_apart};
