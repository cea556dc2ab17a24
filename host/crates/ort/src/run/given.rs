//! A value that ONNX Runtime made for an output: it is copied and released before the call that made it
//! returns.
//!
//! Such a value does not always own the memory that it points to. If a graph's output is one of its inputs,
//! the memory is the caller's input. If a name occurs twice among the outputs, two values share one memory.
//! Nothing in the C interface says which case it is. So the value is not kept. Its elements are copied while
//! everything that it can point to is alive: what the run allocated belongs to the value, the inputs and the
//! other outputs are borrowed for the run, and the session's own tensors are borrowed with the session.

use std::{marker::PhantomData, ptr, ptr::NonNull, slice};

use ort::sys;
use smallvec::SmallVec;

use super::{
    check,
    value::{Handle, Tensor, no_value, tensor_type},
};
use crate::{Error, TensorType};

/// Returns memory for an output of this type and these dimensions, with any contents.
pub type Memory<'a> = &'a mut dyn FnMut(TensorType, &[u32]) -> Result<Tensor, Error>;

/// A value that a run made, which lives no longer than the borrows of what it may point to.
pub(super) struct Given<'a> {
    handle: Handle,
    run: PhantomData<&'a [u8]>,
}

impl Given<'_> {
    /// # Safety
    ///
    /// `value` must have come from a run and be released by nothing else. The session, the inputs and
    /// the outputs of that run must stay borrowed, and unwritten, for the lifetime of the result.
    pub(super) unsafe fn by_run(value: NonNull<sys::OrtValue>) -> Self {
        Self {
            // SAFETY: the caller's promise.
            handle: unsafe { Handle::own(value) },
            run: PhantomData,
        }
    }

    /// A copy as a tensor, in memory that the run did not use.
    pub(super) fn copied(&self, memory: Memory<'_>) -> Result<Tensor, Error> {
        let (ty, dimensions) = self.describe()?;
        let mut copy = memory(ty, &dimensions)?;
        let bytes = copy.bytes().len();
        // An empty tensor may have no memory at all.
        if bytes > 0 {
            let mut start = ptr::null_mut();
            // SAFETY: the value is a tensor, as described above.
            check("read an output", unsafe {
                (ort::api().GetTensorMutableData)(self.handle.as_ptr(), &mut start)
            })?;
            let start =
                NonNull::new(start.cast::<u8>()).ok_or_else(|| no_value("read an output"))?;
            // SAFETY: the value is a tensor of numbers of this type and these dimensions, and `bytes`
            // is what they ask for (`Tensor::zeros`). What it points to is alive and not written:
            // see `by_run`. The bytes count as initialised: ONNX Runtime's allocator has written
            // to them or got them from the system.
            let elements = unsafe { slice::from_raw_parts(start.as_ptr(), bytes) };
            if !copy.fill(elements) {
                return Err(no_value("copy an output"));
            }
        }
        Ok(copy)
    }

    /// The element type and the dimensions.
    fn describe(&self) -> Result<(TensorType, SmallVec<[u32; 8]>), Error> {
        /// Released when dropped.
        struct Info(*mut sys::OrtTensorTypeAndShapeInfo);
        impl Drop for Info {
            fn drop(&mut self) {
                // SAFETY: `Info` is made of what the API gave, and releases it once; null is allowed.
                unsafe { (ort::api().ReleaseTensorTypeAndShapeInfo)(self.0) }
            }
        }
        let api = ort::api();
        let mut is_tensor = 0;
        // SAFETY: the value is valid; the out pointer is ours.
        check("tell what an output is", unsafe {
            (api.IsTensor)(self.handle.as_ptr(), &mut is_tensor)
        })?;
        if is_tensor == 0 {
            // A sparse tensor, for example, describes itself like a dense one.
            return Err(Error::OnnxRuntime {
                what: "hand out an output",
                reason: "it is not a dense tensor".to_owned(),
            });
        }
        let mut info = Info(ptr::null_mut());
        // SAFETY: the value is a tensor; the out pointer is ours.
        check("describe an output", unsafe {
            (api.GetTensorTypeAndShape)(self.handle.as_ptr(), &mut info.0)
        })?;
        // Read as a number, since a later ONNX Runtime may have types that this enum lacks.
        let mut element = 0i32;
        let mut rank = 0;
        // SAFETY: `info` is valid until it is dropped; the out pointers are ours, and the enum is an
        // `i32` in memory.
        check("read an output's type", unsafe {
            (api.GetTensorElementType)(info.0, (&raw mut element).cast())
        })?;
        // SAFETY: as above.
        check("read an output's rank", unsafe {
            (api.GetDimensionsCount)(info.0, &mut rank)
        })?;
        let mut dimensions: SmallVec<[i64; 8]> = SmallVec::from_elem(0, rank);
        // SAFETY: as above; `dimensions` has room for `rank` numbers.
        check("read an output's dimensions", unsafe {
            (api.GetDimensions)(info.0, dimensions.as_mut_ptr(), rank)
        })?;
        let shape: Option<SmallVec<[u32; 8]>> =
            dimensions.iter().map(|&d| u32::try_from(d).ok()).collect();
        tensor_type(element)
            .zip(shape)
            .ok_or_else(|| Error::OnnxRuntime {
                what: "hand out an output",
                reason: format!(
                    "its type {element} or its dimensions {dimensions:?} have no counterpart in wasi-nn"
                ),
            })
    }
}
