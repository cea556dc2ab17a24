//! Finds out which ONNX Runtime a shared library is, before `ort` loads it for the whole process.

use std::{ffi::CStr, path::Path};

use ort::sys::OrtApiBase;

use crate::error::causes;

/// A loaded library. While it is held, loading it again takes no time.
pub struct Loaded(#[expect(dead_code, reason = "held, not used")] libloading::Library);

/// The version that the library at `path` reports, and the library; or why it reports none.
pub fn library_version(path: &Path) -> Result<(String, Loaded), String> {
    // SAFETY: loading a library runs its initialisers. The path is the user's own choice of ONNX
    // Runtime, never a guest's or a package's.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| causes(&error))?;
    // SAFETY: every ONNX Runtime exports this symbol with this type.
    let base =
        unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0") }
            .map_err(|_| "it is a library, but not ONNX Runtime (no `OrtGetApiBase`)".to_owned())?;
    // SAFETY: the function takes nothing and gives a pointer to a static table, or null.
    let base = unsafe { base().as_ref() }.ok_or("its `OrtGetApiBase` returns nothing")?;
    // SAFETY: the table is valid, and the text is static and ends in zero.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    Ok((version.to_string_lossy().into_owned(), Loaded(library)))
}
