//! Bytes of tensors and models across the boundary, without an intermediate copy or allocation: they are
//! lowered from the memory that ONNX Runtime wrote, and lifted as a view of the guest's memory.
//!
//! Wasmtime's own list types do not fit. It lowers only slices, vectors and `Bytes`: one of these would have to
//! be made first, which costs an allocation even for an output of forty bytes. And each list that it lifts
//! counts for the limit of what one call may pass into the host, copied or not; but tensors and models have
//! limits of their own.
#![allow(
    unsafe_code,
    reason = "Wasmtime's traits promise a layout; each impl passes the slice's own on"
)]

use std::{mem::MaybeUninit, ptr::NonNull, slice};

use tollgate_nn::Elements;
use wasmtime::{
    AsContext, ValRaw,
    component::{
        __internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext},
        ComponentType, Lift, Lower,
    },
};

use crate::state::State;

/// These elements as a `list<u8>`; an empty list if there are none.
pub(super) struct List(Option<Elements>);

impl List {
    pub(super) fn of(elements: Elements) -> Self {
        Self(Some(elements))
    }

    pub(super) fn empty() -> Self {
        Self(None)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

// SAFETY: in type, size, alignment and flat form it is `[u8]`, whose own impl answers all of them.
unsafe impl ComponentType for List {
    type Lower = <[u8] as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <[u8] as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <[u8] as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: what is written is what `[u8]`'s own impl writes of the same bytes, to the same place.
unsafe impl Lower for List {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        <[u8] as Lower>::linear_lower_to_flat(self.bytes(), cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        <[u8] as Lower>::linear_lower_to_memory(self.bytes(), cx, ty, offset)
    }
}

/// A `list<u8>` of the guest that is read in place, during the call that passed it.
///
/// Its cost for the host does not depend on its length. So the length is bounded only by the guest's memory.
pub(super) struct InPlace {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it is an address and a length; what is there is read through a borrow of the store alone, which
// says which thread may read it.
unsafe impl Send for InPlace {}
// SAFETY: as above.
unsafe impl Sync for InPlace {}

impl InPlace {
    fn lift(cx: &LiftContext<'_>, start: u32, len: u32) -> wasmtime::Result<Self> {
        let (start, len) = (start as usize, len as usize);
        let bytes = start
            .checked_add(len)
            .and_then(|end| cx.memory().get(start..end));
        match bytes {
            Some(bytes) => Ok(Self {
                start: NonNull::from(bytes).cast(),
                len,
            }),
            None => wasmtime::bail!("list pointer/length out of bounds of memory"),
        }
    }

    /// The number of bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes, while the store is borrowed in which they were lifted.
    pub(super) fn as_slice<'a, S>(&self, _store: &'a S) -> &'a [u8]
    where
        S: AsContext<Data = State>,
    {
        // SAFETY: the pointer and the length are a slice of the guest's memory as it was when the
        // arguments of a call were lifted; there is no other way to get an `InPlace`. It is an argument
        // of a function of ours, which runs to its end before the guest goes on, calls nothing in the
        // guest, and drops its arguments (nothing keeps one in the state). So the memory has not been
        // moved, shrunk or freed since, and shared memories do not exist in this engine. The store is
        // borrowed for as long as the slice, and the host writes to the guest's memory through a
        // mutable borrow of it alone.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

// SAFETY: in type, size, alignment and flat form it is `[u8]`, whose own impl answers all of them.
unsafe impl ComponentType for InPlace {
    type Lower = <[u8] as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <[u8] as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <[u8] as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: a list is a pointer and a length, both of 32 bits; they are read from where they are, and held
// against the memory.
unsafe impl Lift for InPlace {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        _ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let [start, len]: &[ValRaw; 2] = src;
        Self::lift(cx, start.get_u32(), len.get_u32())
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        _ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let ([start, len], []) = bytes.as_chunks::<4>() else {
            wasmtime::bail!("a list is eight bytes");
        };
        Self::lift(cx, u32::from_le_bytes(*start), u32::from_le_bytes(*len))
    }
}
