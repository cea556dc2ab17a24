//! Memory for tensors: zeroed once, and aligned to a cache line. That is more than any element needs, and
//! the best alignment for vectorised kernels.

use std::{
    alloc::{self, Layout},
    hint,
    ptr::NonNull,
};

const ALIGNMENT: usize = 64;

pub(super) struct Buffer {
    start: NonNull<u8>,
    /// The number of allocated bytes, all of them initialised.
    capacity: usize,
    /// How many bytes are in use, from the start.
    bytes: usize,
    /// Where it lies, if that is not memory of this process alone.
    place: Option<Box<dyn Place>>,
}

/// A piece of memory that somebody else has set up, such as a part of what two processes share.
///
/// # Safety
///
/// From its start that many bytes must be initialised, aligned to 64, and valid for reading and writing until the value
/// is dropped. Nothing else may write them or refer to them in the meantime, in this process or in another one; that
/// other processes read them does no harm.
pub unsafe trait Place: Send + Sync {
    /// Where it begins.
    fn start(&self) -> NonNull<u8>;
    /// How long it is.
    fn bytes(&self) -> usize;
}

// SAFETY: a `Buffer` owns its memory alone, and gives it out only through the borrow rules.
unsafe impl Send for Buffer {}
// SAFETY: as above; `&Buffer` gives read access only.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Zeroed memory; none if the system has not that much.
    pub(super) fn zeroed(bytes: usize) -> Option<Self> {
        let layout = Self::layout(bytes)?;
        // SAFETY: the layout's size is never zero.
        let start = NonNull::new(unsafe { alloc::alloc_zeroed(layout) })?;
        Some(Self {
            start,
            capacity: bytes,
            bytes,
            place: None,
        })
    }

    /// The first bytes of a place; none if it has not that many.
    pub(super) fn at(place: Box<dyn Place>, bytes: usize) -> Option<Self> {
        let (start, capacity) = (place.start(), place.bytes());
        let fits = bytes <= capacity && start.addr().get().is_multiple_of(ALIGNMENT);
        fits.then_some(Self {
            start,
            capacity,
            bytes,
            place: Some(place),
        })
    }

    /// An empty tensor still gets an address of its own, so the size is at least one byte.
    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes.max(1), ALIGNMENT).ok()
    }

    #[inline]
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Sets how many of its bytes are in use, at most its capacity.
    pub(super) fn set_bytes(&mut self, bytes: usize) {
        self.bytes = bytes.min(self.capacity);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.place.is_some() {
            return;
        }
        if let Some(layout) = Self::layout(self.capacity) {
            // SAFETY: there is no place, so `start` came from `alloc_zeroed` with this very layout. It is freed once.
            unsafe { alloc::dealloc(self.start.as_ptr(), layout) }
        }
    }
}

/// Copies bytes to as many others, a cache line at a time.
///
/// A picture is copied from memory to memory: after the inference before, neither side is in a cache any
/// more. For a copy of this size the C library uses the processor's string instruction, which takes a fifth
/// longer than this on the machine of `docs/benchmarks.md`. If the bytes are in a cache, both take the same
/// time.
#[inline]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    let (to_lines, to_rest) = to.as_chunks_mut::<ALIGNMENT>();
    let (from_lines, from_rest) = from.as_chunks::<ALIGNMENT>();
    for (to, from) in to_lines.iter_mut().zip(from_lines) {
        // Without `black_box` the compiler would replace the loop by a call of the C library.
        *to = *hint::black_box(from);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied_whole() {
        let from: Vec<u8> = (0..1000).map(|place| place as u8).collect();
        for length in 0..300 {
            for begin in 0..3 {
                let mut to = vec![0xaa; length + 1];
                copy(&mut to[..length], &from[begin..begin + length]);
                assert_eq!(to[..length], from[begin..begin + length]);
                assert_eq!(to[length], 0xaa);
            }
        }
    }
}
