//! Bytes and text as the C ABI passes them.

use std::slice;

use tollgate_twin_abi as abi;

pub(super) fn bytes_of(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// # Safety
///
/// The bytes must stay valid for the lifetime that the caller picks.
pub(super) unsafe fn slice_of<'a>(bytes: abi::Bytes) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { slice_from(bytes.ptr, bytes.len) }
}

/// # Safety
///
/// The bytes must stay valid for the call.
pub(super) unsafe fn text_of(bytes: abi::Bytes) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { slice_of(bytes) }).into_owned()
}

/// A slice from a pointer, which may be null or dangling if `count` is zero.
///
/// # Safety
///
/// `count` values from `start` must be valid for reads for the lifetime that the caller picks.
pub(super) unsafe fn slice_from<'a, T>(start: *const T, count: usize) -> &'a [T] {
    if start.is_null() || count == 0 {
        &[]
    } else {
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(start, count) }
    }
}
