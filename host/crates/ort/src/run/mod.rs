//! The unsafe code: every call of ONNX Runtime's C interface for which `ort` has no safe function.
//!
//! It is needed for one reason. In `ort` a run is exclusive (`&mut Session`), but ONNX Runtime's C `Run` may
//! be called on one session from many threads at once, and on the CPU provider concurrent inferences scale
//! only by that. This module is small enough to be proven:
//!
//! - `buffer`: memory of our own, aligned for every element type;
//! - `value`: an `OrtValue` together with the memory that it points to ([`Tensor`]), or with a borrow of
//!   the caller's memory ([`View`]);
//! - `lent_inputs`: input bytes of a waiting caller, for the thread that runs its inference;
//! - `cancel`: run options that another thread may terminate;
//! - `call`: the run itself;
//! - `given`: values that ONNX Runtime made for outputs; they are copied and never kept;
//! - `mark`: detects outputs that were not written;
//! - `library`: finds out the version of a shared library before `ort` loads it.
//!
//! Nothing here validates a caller's tensors against a graph: that is done before, and ONNX Runtime checks
//! shapes and types again. Memory safety is what this module must guarantee by itself.
#![allow(
    unsafe_code,
    reason = "the C interface of ONNX Runtime; each block says why it is sound"
)]

mod buffer;
mod call;
mod cancel;
mod given;
mod lent_inputs;
mod library;
mod mark;
mod value;

pub use buffer::Place;
pub use call::{Feeds, Names, RunFault, run};
pub use cancel::Cancel;
pub use given::Memory;
pub use lent_inputs::LentInputs;
pub(crate) use library::library_version;
pub use mark::Attempt;
pub use value::ViewSlot;
pub use value::{Elements, Tensor, View};

use crate::{Error, text::tidy};

/// Turns a status of the C interface into a result, freeing it.
fn check(what: &'static str, status: ort::sys::OrtStatusPtr) -> Result<(), Error> {
    // SAFETY: every caller passes the status that an API function has just returned, once.
    unsafe { ort::Error::result_from_status(status) }.map_err(|error| Error::OnnxRuntime {
        what,
        reason: tidy(error.message()),
    })
}
