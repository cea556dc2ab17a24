//! The run: one call of ONNX Runtime's C `Run`, on a session that other threads may be using.
//!
//! Why sharing is sound: the C interface documents `Run` as thread-safe for concurrent calls on one
//! session. `ort` is stricter because some execution providers are not; `session` shares a session
//! only on the CPU provider and lends it out exclusively elsewhere. Each call has inputs and
//! outputs of its own, so no two calls touch the same tensor's memory for writing.

use std::{
    ffi::{CString, c_char},
    marker::PhantomData,
    ptr::{self, NonNull},
};

use ort::{AsPointer, session::Session, sys};
use smallvec::SmallVec;

use super::{
    cancel::Cancel,
    check,
    value::{Tensor, View},
};
use crate::{
    Error,
    clock::{Deadline, Stamp},
};

/// The names of a session's inputs or outputs, in the form that the C interface takes.
pub(crate) struct Names {
    /// Owns what `pointers` points to.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers point into `_strings`, which are never changed and move along.
unsafe impl Send for Names {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Names {}

impl Names {
    /// None if a name has a zero byte in it.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let strings: Vec<CString> = names
            .map(|name| CString::new(name).ok())
            .collect::<Option<_>>()?;
        let pointers = strings.iter().map(|name| name.as_ptr()).collect();
        Some(Self {
            _strings: strings,
            pointers,
        })
    }

    fn len(&self) -> usize {
        self.pointers.len()
    }
}

/// One input of a run, borrowed for it: nothing but the pointer, so that a list of them is the list
/// that the C interface takes.
#[repr(transparent)]
pub(crate) struct Feed<'a> {
    value: *const sys::OrtValue,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> Feed<'a> {
    pub(crate) fn tensor(tensor: &'a Tensor) -> Self {
        Self {
            value: tensor.as_ptr(),
            memory: PhantomData,
        }
    }

    pub(crate) fn view(view: View<'a>) -> Self {
        Self {
            value: view.as_ptr(),
            memory: PhantomData,
        }
    }
}

/// How a run failed.
pub(crate) enum RunFault {
    /// The deadline passed.
    Terminated,
    /// ONNX Runtime's reason.
    Failed(String),
    /// Something around the run.
    Other(Error),
}

impl From<Error> for RunFault {
    fn from(error: Error) -> Self {
        RunFault::Other(error)
    }
}

/// Runs the session once. `feeds` and `outputs` are in the order of the names; an output that is
/// there is written in place, the others come from ONNX Runtime. Gives the stamps right before and
/// right after `Run`, and nothing else, was called.
pub(crate) fn run(
    session: &Session,
    cancel: &mut Cancel,
    deadline: Option<Deadline>,
    (input_names, output_names): (&Names, &Names),
    feeds: &[Feed<'_>],
    outputs: &mut [Option<Tensor>],
) -> Result<(Stamp, Stamp), RunFault> {
    if feeds.len() != input_names.len() || outputs.len() != output_names.len() {
        return Err(RunFault::Failed(format!(
            "{} inputs and {} outputs were handed over for {} and {}",
            feeds.len(),
            outputs.len(),
            input_names.len(),
            output_names.len()
        )));
    }
    let mut results: SmallVec<[*mut sys::OrtValue; 8]> = outputs
        .iter()
        .map(|output| output.as_ref().map_or(ptr::null_mut(), Tensor::as_ptr))
        .collect();
    let api_run = ort::api().Run;

    let ((status, before, after), terminated) = cancel.guard(deadline, |options| {
        let before = Stamp::now();
        // SAFETY: the session is alive behind `&Session`; names and values are as many as the
        // counts say (checked above) and outlive the call; a `Feed` is a pointer to a value that is
        // borrowed for it; outputs are null or exclusively ours (`&mut`); `options` belongs to this call alone. Concurrent
        // calls on the session are sound, see the top of this file.
        let status = unsafe {
            api_run(
                session.ptr().cast_mut(),
                options,
                input_names.pointers.as_ptr(),
                feeds.as_ptr().cast(),
                feeds.len(),
                output_names.pointers.as_ptr(),
                output_names.pointers.len(),
                results.as_mut_ptr(),
            )
        };
        (status, before, Stamp::now())
    })?;

    let ran = check("run", status);
    let mut adopted = Ok(());
    for (slot, &value) in outputs.iter_mut().zip(&results) {
        if let (None, Some(value)) = (&slot, NonNull::new(value)) {
            // SAFETY: ONNX Runtime made this value for us (the slot was null before the run), and
            // it is taken over once, whether the run failed or not.
            match unsafe { Tensor::adopt(value) } {
                Ok(tensor) => *slot = Some(tensor),
                Err(error) => adopted = Err(error),
            }
        }
    }
    match ran {
        Ok(()) => adopted.map(|()| (before, after)).map_err(RunFault::Other),
        Err(_) if terminated => Err(RunFault::Terminated),
        Err(Error::OnnxRuntime { reason, .. }) => Err(RunFault::Failed(reason)),
        Err(error) => Err(RunFault::Other(error)),
    }
}
