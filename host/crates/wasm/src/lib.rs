//! What the bytes of a WebAssembly file say, read before a compiler sees them, within bounds.
//!
//! - `structure`: the limits on what a file consists of, checked before anything that recurses reads it. `outline`
//!   in it walks sections, `types` those of component types, `work` operators;
//! - `calls`: whether a guest is called synchronously or asynchronously;
//! - [`offered`]: what core modules may import, with types as text;
//! - `strip`: a file without what only debuggers read;
//! - `error`: why a file is refused.
//!
//! ```
//! use tollgate_wasm::{Calls, check_outline};
//!
//! let empty = b"\0asm\x01\0\0\0"; // a core module of nothing
//! check_outline(empty).expect("it is well within the limits");
//! assert_eq!(Calls::of(empty), Calls::Sync);
//! assert!(check_outline(b"\0asm\x01\0\0\0\x01").is_err(), "it ends in a section");
//! ```
//!
//! Only `structure` uses another of these, `error`. All of it reads untrusted bytes, bounds its nesting, and takes
//! time linear in their number. It knows no Wasmtime and opens no file.

mod calls;
mod error;
pub mod offered;
mod strip;
mod structure;

pub use calls::Calls;
pub use error::Error;
pub use strip::strip;
pub use structure::{check_outline, check_work};
