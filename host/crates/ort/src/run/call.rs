//! The run: one call of ONNX Runtime's C `Run`, on a session that other threads may be using.
//!
//! Why sharing is sound: the C interface documents `Run` as thread-safe for concurrent calls on one
//! session. `ort` is stricter because some execution providers are not; `session` shares a session
//! only on the CPU provider and lends it out exclusively elsewhere. Each call has inputs and
//! outputs of its own, so no two calls touch the same tensor's memory for writing.
//!
//! What ONNX Runtime does with the values of a run, read in its source (`InferenceSession::Run`,
//! `IExecutionFrame::Init` and `GetOutputs`), and what holds it to that here:
//!
//! - It puts the values for the outputs into the frame, then copies initialisers that are outputs into
//!   them, then puts the inputs in their places. An output that is an input is therefore never
//!   written; its own value is dropped. A name that occurs twice has one place, and only the last
//!   value passed for it is written. No memory is passed for such outputs (`TensorInfo::shares`); if
//!   another output is not written all the same, its `Mark` shows it.
//! - A value that it makes for an output shares its memory with the value that was in that place
//!   before, which may be the caller's input. `Given` copies it before the borrow of the inputs ends.
//! - It keeps no value once `Run` has returned: the frame holds references of its own and is dropped
//!   with the call.
//!
//! The tests of these are in `tests/all/regression/memory.rs`; CONTRIBUTING.md says how they are run
//! with every access to memory checked.

use std::{
    ffi::{CString, c_char},
    marker::PhantomData,
    ptr::{self, NonNull},
};

use ort::sys;
use smallvec::SmallVec;

use super::{
    cancel::Cancel,
    check,
    given::{Given, Memory},
    mark::{Attempt, Mark},
    value::{Tensor, View},
};
use crate::{
    Error, Session,
    clock::{Deadline, Stamp},
};

/// The names of a session's inputs or outputs, in the form that the C interface takes.
pub struct Names {
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
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let strings: Vec<CString> = names
            .map(|name| CString::new(name).ok())
            .collect::<Option<_>>()?;
        let pointers = strings.iter().map(|name| name.as_ptr()).collect();
        Some(Self {
            _strings: strings,
            pointers,
        })
    }

    fn at(&self, place: usize) -> Option<*const c_char> {
        self.pointers.get(place).copied()
    }
}

/// The inputs of a run with their names, borrowed for it, in the form that the C interface takes.
pub struct Feeds<'a> {
    of: &'a Names,
    /// The names of `values`, if an input is left out before one that is given. Otherwise they are the first
    /// of `of`.
    picked: Option<SmallVec<[*const c_char; 8]>>,
    values: SmallVec<[*const sys::OrtValue; 8]>,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> Feeds<'a> {
    /// No inputs yet; their names will be among these.
    #[inline]
    pub fn of(names: &'a Names) -> Self {
        Self {
            of: names,
            picked: None,
            values: SmallVec::new(),
            memory: PhantomData,
        }
    }

    /// Adds the input whose name is at this place.
    #[inline]
    pub fn push_tensor(&mut self, place: usize, tensor: &'a Tensor) {
        self.push(place, tensor.as_ptr());
    }

    /// As [`Feeds::push_tensor`].
    #[inline]
    pub fn push_view(&mut self, place: usize, view: View<'a>) {
        self.push(place, view.as_ptr());
    }

    #[inline(always)]
    fn push(&mut self, place: usize, value: *const sys::OrtValue) {
        // If there is no such name, nothing is added, and ONNX Runtime reports a missing input.
        let Some(name) = self.of.at(place) else {
            return;
        };
        if place != self.values.len() || self.picked.is_some() {
            self.pick(name);
        }
        self.values.push(value);
    }

    #[cold]
    fn pick(&mut self, name: *const c_char) {
        let picked = self.picked.get_or_insert_with(|| {
            let before = self.of.pointers.iter().take(self.values.len());
            before.copied().collect()
        });
        picked.push(name);
    }

    /// The names, as many as there are values or more.
    fn names(&self) -> *const *const c_char {
        match &self.picked {
            Some(picked) => picked.as_ptr(),
            None => self.of.pointers.as_ptr(),
        }
    }
}

/// How a run failed.
pub enum RunFault {
    /// The deadline passed.
    Terminated,
    /// ONNX Runtime's reason.
    Failed(String),
    /// It did not write the output at this place, for which it was given memory.
    Unwritten(usize),
    /// Another error, before or after the run.
    Other(Error),
}

impl From<Error> for RunFault {
    fn from(error: Error) -> Self {
        RunFault::Other(error)
    }
}

/// Runs the session once. `outputs` are in the order of their names: those that have memory are written in
/// place, the others are copied into memory from `memory`. Returns the stamps taken right before and right
/// after the call of `Run`, with nothing else between them.
pub fn run(
    session: &Session,
    (cancel, deadline, attempt): (&mut Cancel, Option<Deadline>, Attempt),
    feeds: &Feeds<'_>,
    output_names: &Names,
    outputs: &mut [Option<Tensor>],
    memory: Memory<'_>,
) -> Result<(Stamp, Stamp), RunFault> {
    if outputs.len() != output_names.pointers.len() {
        return Err(RunFault::Failed(format!(
            "{} outputs were handed over for {}",
            outputs.len(),
            output_names.pointers.len()
        )));
    }
    let mark = Mark::of(attempt);
    let (mut few, mut many) = ([ptr::null_mut(); 8], Vec::new());
    let results = match few.get_mut(..outputs.len()) {
        Some(few) => few,
        None => {
            many.resize(outputs.len(), ptr::null_mut());
            &mut many[..]
        }
    };
    for (output, result) in outputs.iter_mut().zip(results.iter_mut()) {
        let Some(tensor) = output else { continue };
        let value = tensor.as_ptr();
        // Memory with another reader must not be written: the output gets other memory.
        match tensor.bytes_mut() {
            Some(bytes) => {
                mark.put(bytes);
                *result = value;
            }
            None => *output = None,
        }
    }
    let api_run = ort::api().Run;

    let options = cancel.arm(deadline)?;
    let before = Stamp::now();
    // SAFETY: the session is alive behind `&Session`. Names and values are as many as the counts say, or
    // more: `Feeds` has a name for each value, `outputs` were counted above. They outlive the call, and a
    // value in `feeds` is borrowed for it. `results` are null, or values over memory that is exclusively
    // ours: `&mut outputs`, and `bytes_mut` above gave it out. `options` belongs to this call alone, since
    // `cancel` is borrowed until it is disarmed. Concurrent calls on the session are sound, see the top of
    // this file.
    let status = unsafe {
        api_run(
            session.ptr().cast_mut(),
            options,
            feeds.names(),
            feeds.values.as_ptr(),
            feeds.values.len(),
            output_names.pointers.as_ptr(),
            output_names.pointers.len(),
            results.as_mut_ptr(),
        )
    };
    let after = Stamp::now();
    let terminated = cancel.disarm();

    // Even if the run failed, the values that it made must be released.
    let mut made: SmallVec<[(usize, Given<'_>); 2]> = SmallVec::new();
    let mut unwritten = None;
    for (place, (slot, &mut value)) in outputs.iter().zip(results).enumerate() {
        match (slot, NonNull::new(value)) {
            (Some(output), _) if mark.is_in(output.bytes()) => {
                unwritten = unwritten.or(Some(place));
            }
            // SAFETY: ONNX Runtime made this value for us, since the slot was null before the run, and
            // it is taken over once. Session and feeds are borrowed until this function returns;
            // outputs that were passed to the run are not written before that.
            (None, Some(value)) => made.push((place, unsafe { Given::by_run(value) })),
            _ => {}
        }
    }
    let status = check("run", status);
    let terminated = terminated?;
    match status {
        Ok(()) => {}
        Err(_) if terminated => return Err(RunFault::Terminated),
        Err(Error::OnnxRuntime { reason, .. }) => return Err(RunFault::Failed(reason)),
        Err(error) => return Err(RunFault::Other(error)),
    }
    if let Some(place) = unwritten {
        return Err(RunFault::Unwritten(place));
    }
    for (place, given) in &made {
        if let Some(slot) = outputs.get_mut(*place) {
            *slot = Some(given.copied(memory)?);
        }
    }
    Ok((before, after))
}
