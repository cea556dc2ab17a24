//! Elements of a tensor on their way into the guest: lowered from the memory that ONNX Runtime wrote,
//! with no copy and no allocation in between.
//!
//! Wasmtime lowers a list from what it knows to be one: slices, vectors, `Bytes`. Each would have to
//! be made first, for an output of forty bytes at the price of a further allocation.
#![allow(
    unsafe_code,
    reason = "Wasmtime's traits promise a layout; each impl passes the slice's own on"
)]

use std::mem::MaybeUninit;

use tollgate_nn::Elements;
use wasmtime::component::{
    __internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext},
    ComponentType, Lower,
};

/// A `list<u8>` of these elements; an empty one of none.
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
