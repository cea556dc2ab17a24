//! Memory for tensors: zeroed once, aligned to a cache line, which is more than any element needs
//! and what vectorised kernels like best.

use std::{
    alloc::{self, Layout},
    ptr::NonNull,
};

const ALIGNMENT: usize = 64;

pub(super) struct Buffer {
    start: NonNull<u8>,
    /// As many as were asked for, all of them initialised.
    capacity: usize,
    /// The first so many are in use.
    bytes: usize,
}

// SAFETY: a `Buffer` owns its memory alone, and gives it out only through the borrow rules.
unsafe impl Send for Buffer {}
// SAFETY: as above; `&Buffer` gives read access only.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Zeroed memory; none where the system has not that much to give.
    pub(super) fn zeroed(bytes: usize) -> Option<Self> {
        let layout = Self::layout(bytes)?;
        // SAFETY: the layout's size is never zero.
        let start = NonNull::new(unsafe { alloc::alloc_zeroed(layout) })?;
        Some(Self {
            start,
            capacity: bytes,
            bytes,
        })
    }

    /// An empty tensor still gets an address of its own, so the size is at least one byte.
    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes.max(1), ALIGNMENT).ok()
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Uses another number of its bytes, at most its capacity.
    pub(super) fn set_bytes(&mut self, bytes: usize) {
        self.bytes = bytes.min(self.capacity);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.capacity) {
            // SAFETY: `start` came from `alloc_zeroed` with this very layout, and is freed once.
            unsafe { alloc::dealloc(self.start.as_ptr(), layout) }
        }
    }
}
