//! The host's function table, and values in the form that it takes and gives.
//!
//! When the plugin is dropped, the table is closed. A graph that outlives its plugin (for example in a
//! thread-local) then returns an error, and never calls a host that may be gone.
#![allow(unsafe_code, reason = "calls over a C ABI")]

use std::{cell::Cell, slice};

use tollgate_twin_abi as abi;

use crate::error::{Error, ErrorCode};

pub struct Table {
    host: abi::Host,
    open: Cell<bool>,
}

impl Table {
    /// # Safety
    /// The table's functions must behave as `tollgate_twin_abi` specifies, on this thread, until
    /// `close`.
    pub unsafe fn new(host: abi::Host) -> Self {
        Self {
            host,
            open: Cell::new(true),
        }
    }

    /// Closes the table: the host may be gone after this.
    pub fn close(&self) {
        self.open.set(false);
    }

    /// The host, as long as it is known to exist.
    pub(super) fn open(&self) -> Option<&abi::Host> {
        self.open.get().then_some(&self.host)
    }

    /// As [`Table::open`], for a graph.
    pub(super) fn host(&self) -> Result<&abi::Host, Error> {
        self.open().ok_or_else(|| {
            Error::new(
                ErrorCode::UnsupportedOperation,
                "the graph has outlived its plugin: keep graphs in the plugin's own value",
            )
        })
    }
}

/// A text in the form of the ABI.
pub fn text(text: &str) -> abi::Bytes {
    bytes(text.as_bytes())
}

/// Bytes in the form of the ABI.
pub fn bytes(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// The values at this address; empty for a null pointer.
///
/// # Safety
/// `start` must be null, or point to `len` values that live and do not change during `'a`.
pub unsafe fn read<'a, T>(start: *const T, len: usize) -> &'a [T] {
    if start.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: not null, and the rest as the caller promises.
    unsafe { slice::from_raw_parts(start, len) }
}

/// The text at this address; bytes that are not UTF-8 are replaced.
///
/// # Safety
/// As for [`read`], during this call.
pub unsafe fn read_text(text: abi::Bytes) -> String {
    // SAFETY: as the caller promises.
    String::from_utf8_lossy(unsafe { read(text.ptr, text.len) }).into_owned()
}
