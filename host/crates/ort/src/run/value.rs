//! An `OrtValue` and the memory that it points to.
//!
//! ONNX Runtime does not own the memory of a value made "with data": the code that makes one must ensure
//! that the memory outlives every run that reads or writes it. [`Tensor`] does so by owning the memory,
//! [`View`] by borrowing it. No tensor uses memory of ONNX Runtime: what it allocates is copied and
//! released within the run (`given`).

use std::{
    marker::PhantomData,
    ops::Deref,
    ptr,
    ptr::NonNull,
    slice,
    sync::{
        Arc, LazyLock,
        atomic::{self, Ordering},
    },
};

use ort::{AsPointer, sys};
use smallvec::SmallVec;

use super::{
    buffer::{Buffer, Place, copy},
    check,
};
use crate::{Error, Shape, TensorType, error::show_dimensions};

/// A dense tensor that ONNX Runtime can read and write without a copy.
pub struct Tensor {
    value: NonNull<sys::OrtValue>,
    /// Keeps the value and its memory alive. Shared with clones and with [`Elements`].
    owner: Arc<Owner>,
    ty: TensorType,
    shape: Shape,
}

// SAFETY: the value belongs to the owner, which may be sent and shared; ONNX Runtime
// writes through it only while the tensor is exclusively held and its bytes are not shared.
unsafe impl Send for Tensor {}
// SAFETY: as above; through `&Tensor` all threads only read.
unsafe impl Sync for Tensor {}

/// What a tensor, its clones and [`Elements`] keep alive: the value first, so that it is dropped before its
/// memory.
struct Owner {
    handle: Handle,
    buffer: Buffer,
}

impl Owner {
    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer is initialised (zeroed when it was made, and only ever written over)
        // and lives as long as `self`. It is written only where no such slice is in use: see
        // `bytes_mut`, and `call` for the writes of a run.
        unsafe { slice::from_raw_parts(self.buffer.start().as_ptr(), self.buffer.bytes()) }
    }
}

/// An `OrtValue`, released when dropped. It does not own memory made "with data".
pub(super) struct Handle(NonNull<sys::OrtValue>);

// SAFETY: an `OrtValue` holding a tensor is plain data behind a reference count; ONNX Runtime
// documents no thread affinity for it, and this crate changes its memory only through `&mut`.
unsafe impl Send for Handle {}
// SAFETY: as above; through `&Handle` ONNX Runtime only reads.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from the API, is owned here alone, and is released once.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) }
    }
}

impl Handle {
    /// Takes over a value that the C interface made.
    ///
    /// # Safety
    ///
    /// `value` must be a live value that nothing else releases.
    pub(super) unsafe fn own(value: NonNull<sys::OrtValue>) -> Self {
        Self(value)
    }

    #[inline]
    pub(super) fn as_ptr(&self) -> *mut sys::OrtValue {
        self.0.as_ptr()
    }

    /// A value over memory that the caller keeps alive.
    ///
    /// # Safety
    ///
    /// `bytes` bytes from `start` must stay valid for as long as a run uses the value, for reads
    /// if it is an input, for reads and writes by that run alone if it is an output; `start` must
    /// be aligned for `ty`.
    unsafe fn over(
        start: NonNull<u8>,
        bytes: usize,
        ty: TensorType,
        dimensions: &[u32],
    ) -> Result<Self, Error> {
        let info = cpu_memory()?;
        let shape: SmallVec<[i64; 8]> = dimensions.iter().map(|&d| i64::from(d)).collect();
        let mut value = ptr::null_mut();
        // SAFETY: `info` lives for the whole process, `shape` for this call, the rest is the
        // caller's promise; the value only stores the address.
        let status = unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                info.ptr(),
                start.as_ptr().cast(),
                bytes,
                shape.as_ptr(),
                shape.len(),
                element_type(ty),
                &mut value,
            )
        };
        check("make a tensor", status)?;
        NonNull::new(value)
            .map(Handle)
            .ok_or_else(|| no_value("make a tensor"))
    }
}

impl Clone for Tensor {
    /// Another handle of the same elements. While there is more than one, the elements cannot be written:
    /// [`Tensor::bytes_mut`] returns none, and no run takes them as its output's memory.
    #[inline]
    fn clone(&self) -> Self {
        Self {
            value: self.value,
            owner: Arc::clone(&self.owner),
            ty: self.ty,
            shape: self.shape.clone(),
        }
    }
}

impl Tensor {
    /// A tensor of zeros.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if the machine has not enough memory.
    pub fn zeros(ty: TensorType, shape: Shape) -> Result<Self, Error> {
        let too_large = |shape: &Shape| Error::TooLarge {
            what: format!(
                "a tensor of dimensions {}",
                show_dimensions(shape.iter().copied().map(Some))
            ),
            graph: None,
            limit: isize::MAX.unsigned_abs(),
            came: "more than this machine has".to_owned(),
        };
        let bytes = ty.bytes_for(&shape).ok_or_else(|| too_large(&shape))?;
        let buffer = Buffer::zeroed(bytes).ok_or_else(|| too_large(&shape))?;
        // SAFETY: the buffer moves into the same `Owner` as the handle and is dropped after it; it
        // is aligned to more than any element type asks for. It is written only as `bytes_mut`
        // says.
        let handle = unsafe { Handle::over(buffer.start(), bytes, ty, &shape)? };
        Ok(Self {
            value: handle.0,
            owner: Arc::new(Owner { handle, buffer }),
            ty,
            shape,
        })
    }

    /// A tensor whose elements lie at this place, which has at least as many bytes; it has what was there before.
    ///
    /// # Errors
    ///
    /// The place is too small, or ONNX Runtime refuses.
    pub fn at(place: Box<dyn Place>, ty: TensorType, shape: Shape) -> Result<Self, Error> {
        let buffer = ty
            .bytes_for(&shape)
            .and_then(|bytes| Some((bytes, Buffer::at(place, bytes)?)));
        let Some((bytes, buffer)) = buffer else {
            return Err(no_value("place a tensor"));
        };
        // SAFETY: as in `zeros`; `Place` has promised what a buffer of our own has by itself.
        let handle = unsafe { Handle::over(buffer.start(), bytes, ty, &shape)? };
        Ok(Self {
            value: handle.0,
            owner: Arc::new(Owner { handle, buffer }),
            ty,
            shape,
        })
    }

    #[inline]
    pub(super) fn as_ptr(&self) -> *mut sys::OrtValue {
        self.value.as_ptr()
    }

    /// The type of its elements.
    #[inline]
    pub fn ty(&self) -> TensorType {
        self.ty
    }

    /// Its dimensions.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether its memory can be written: it has no other reader.
    #[inline]
    pub fn is_reusable(&mut self) -> bool {
        // There are no weak references, so nothing but this handle can make a second one; `Arc::get_mut`
        // would lock the count of weak ones at every run.
        let alone = Arc::strong_count(&self.owner) == 1;
        // Synchronises with what others did before they let go.
        atomic::fence(Ordering::Acquire);
        alone
    }

    /// How many bytes of elements fit into its memory.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.owner.buffer.capacity()
    }

    /// Makes it a tensor of another type and other dimensions in the same memory, whose bytes are not
    /// changed; false if they do not fit, or if the memory has another reader.
    pub fn refit(&mut self, ty: TensorType, dimensions: &[u32]) -> Result<bool, Error> {
        let Some(Owner { handle, buffer }) = Arc::get_mut(&mut self.owner) else {
            return Ok(false);
        };
        if self.ty == ty && *self.shape == *dimensions {
            return Ok(true);
        }
        let Some(bytes) = ty.bytes_for(dimensions) else {
            return Ok(false);
        };
        if bytes > buffer.capacity() {
            return Ok(false);
        }
        // SAFETY: as in `zeros`; the buffer has at least `bytes` bytes. The old value is dropped, and no
        // run uses it: the tensor is exclusively held.
        let made = unsafe { Handle::over(buffer.start(), bytes, ty, dimensions)? };
        buffer.set_bytes(bytes);
        self.value = made.0;
        *handle = made;
        self.ty = ty;
        self.shape = dimensions.into();
        Ok(true)
    }

    /// Its elements, row-major, in the machine's byte order.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.owner.bytes()
    }

    /// Its elements as shared memory, without a copy.
    #[inline]
    pub fn share(&self) -> Elements {
        Elements(Arc::clone(&self.owner))
    }

    /// Copies these bytes into it; false if they are not as many as its own, or if its memory has another
    /// reader.
    #[inline]
    pub fn fill(&mut self, bytes: &[u8]) -> bool {
        match self.bytes_mut() {
            Some(elements) if elements.len() == bytes.len() => {
                copy(elements, bytes);
                true
            }
            _ => false,
        }
    }

    /// Its elements, to be written; none while its memory has another reader.
    #[inline]
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        if !self.is_reusable() {
            return None;
        }
        let buffer = &self.owner.buffer;
        let (start, bytes) = (buffer.start(), buffer.bytes());
        // SAFETY: the buffer has this length, and its memory is written through the pointer that it was
        // allocated with. There is no other handle on its owner (`is_reusable`), and `&mut self` keeps it
        // so for the lifetime of the slice.
        Some(unsafe { slice::from_raw_parts_mut(start.as_ptr(), bytes) })
    }
}

/// Shared elements of a tensor. While this lives they cannot be written.
pub struct Elements(Arc<Owner>);

impl Deref for Elements {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({} {:?})", self.ty, self.shape)
    }
}

/// An input in the caller's memory, borrowed for one run.
pub struct View<'a> {
    value: NonNull<sys::OrtValue>,
    memory: PhantomData<&'a [u8]>,
}

impl View<'_> {
    #[inline]
    pub(super) fn as_ptr(&self) -> *mut sys::OrtValue {
        self.value.as_ptr()
    }
}

/// Remembers the value that was made for an address, since a guest's input is mostly at the same address as the
/// last time. It keeps only the address, never a borrow: the value is given out only together with a borrow of
/// the very bytes that it points to.
#[derive(Default)]
pub struct ViewSlot(Option<Remembered>);

struct Remembered {
    handle: Handle,
    address: usize,
    bytes: usize,
    ty: TensorType,
    dimensions: SmallVec<[u32; 8]>,
}

impl ViewSlot {
    /// Whether bytes can be read in place: ONNX Runtime's kernels need aligned elements.
    #[inline]
    pub fn accepts(ty: TensorType, bytes: &[u8]) -> bool {
        bytes.as_ptr().addr().is_multiple_of(ty.size())
    }

    /// A view of `bytes`, which must be accepted and as many as the dimensions need.
    #[inline]
    pub fn view<'a>(
        &'a mut self,
        ty: TensorType,
        dimensions: &[u32],
        bytes: &'a [u8],
    ) -> Result<View<'a>, Error> {
        let address = bytes.as_ptr().addr();
        let fits = matches!(&self.0, Some(seen) if seen.address == address
            && seen.bytes == bytes.len()
            && seen.ty == ty
            && seen.dimensions[..] == *dimensions);
        if !fits {
            let start = NonNull::from(bytes).cast::<u8>();
            // SAFETY: the value is given out only as a `View` that borrows `bytes` (the check
            // above holds it to the same address and length), as an input, which runs only read.
            let handle = unsafe { Handle::over(start, bytes.len(), ty, dimensions)? };
            self.0 = Some(Remembered {
                handle,
                address,
                bytes: bytes.len(),
                ty,
                dimensions: dimensions.into(),
            });
        }
        match &self.0 {
            Some(seen) => Ok(View {
                value: seen.handle.0,
                memory: PhantomData,
            }),
            None => Err(no_value("make a view")),
        }
    }
}

fn cpu_memory() -> Result<&'static ort::memory::MemoryInfo<'static>, Error> {
    static INFO: LazyLock<Result<ort::memory::MemoryInfo<'static>, String>> = LazyLock::new(|| {
        use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
        MemoryInfo::new(
            AllocationDevice::CPU,
            0,
            AllocatorType::Arena,
            MemoryType::Default,
        )
        .map_err(|error| error.message().to_owned())
    });
    INFO.as_ref().map_err(|reason| Error::OnnxRuntime {
        what: "name the CPU's memory",
        reason: reason.clone(),
    })
}

pub(super) fn no_value(what: &'static str) -> Error {
    Error::OnnxRuntime {
        what,
        reason: "it returned nothing".to_owned(),
    }
}

fn element_type(ty: TensorType) -> sys::ONNXTensorElementDataType {
    use sys::ONNXTensorElementDataType as Onnx;
    match ty {
        TensorType::Fp16 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        TensorType::Fp32 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        TensorType::Fp64 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
        TensorType::Bf16 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
        TensorType::U8 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        TensorType::I32 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        TensorType::I64 => Onnx::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    }
}

pub(super) fn tensor_type(element: i32) -> Option<TensorType> {
    TensorType::ALL
        .into_iter()
        .find(|&ty| element_type(ty) as i32 == element)
}
