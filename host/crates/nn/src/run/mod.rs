//! The unsafe room: every call of ONNX Runtime's C interface that `ort` has no safe form for.
//!
//! It exists for one reason: `ort` makes a run exclusive (`&mut Session`), while ONNX Runtime's C
//! `Run` may be called on one session from many threads at once, and on the CPU provider that is
//! what makes concurrent inference scale. What stands in here is kept small enough to be proven:
//!
//! - `buffer`: memory of our own, aligned for every element type;
//! - `value`: an `OrtValue` together with the memory that it points to ([`Tensor`]), or with the
//!   borrow of somebody else's ([`View`]);
//! - `lent`: bytes of a caller that waits, for the thread that runs its inference;
//! - `cancel`: run options that another thread may terminate;
//! - `call`: the run itself;
//! - `given`: what ONNX Runtime made for an output, which is copied and never kept;
//! - `mark`: how it is seen that an output was not written.
//!
//! Nothing here validates a caller's tensors against a graph: that is done before, and ONNX Runtime
//! checks shapes and types again. What this room must keep by itself is memory safety.
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

pub(crate) use call::{Feeds, Names, RunFault, run};
pub(crate) use cancel::Cancel;
pub(crate) use given::Memory;
pub(crate) use lent_inputs::LentInputs;
pub(crate) use library::library_version;
pub(crate) use mark::Attempt;
pub(crate) use value::ViewSlot;
pub use value::{Elements, Tensor};

use crate::{Error, text::tidy};

/// Turns a status of the C interface into a result, freeing it.
fn check(what: &'static str, status: ort::sys::OrtStatusPtr) -> Result<(), Error> {
    // SAFETY: every caller passes the status that an API function has just returned, once.
    unsafe { ort::Error::result_from_status(status) }.map_err(|error| Error::OnnxRuntime {
        what,
        reason: tidy(error.message()),
    })
}
