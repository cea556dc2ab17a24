//! ONNX Runtime's shared library, loaded for the whole process, and its functions handed to `ort`.
//!
//! Both of upstream's programs use the very library that our host uses. Of Wasmtime this knows the
//! error type alone.
#![allow(unsafe_code, reason = "calls ONNX Runtime's C functions directly")]

use ort::sys;
use std::ffi::CStr;
use std::path::Path;
use wasmtime::error::Context;
use wasmtime::{Result, ensure};

/// Loads the library at `path`: a copy of its table of functions, and its version.
///
/// # Errors
///
/// The library does not load, is none of ONNX Runtime's, or is too old for this `ort`.
pub fn load(path: &Path) -> Result<(sys::OrtApi, String)> {
    // SAFETY: loading runs the library's initialisers; the person who started the program named
    // this file as their ONNX Runtime, and ONNX Runtime's initialisers ask for nothing.
    let library = unsafe { libloading::Library::new(path) }
        .with_context(|| format!("expected ONNX Runtime at {}", path.display()))?;
    // Never unloaded: the functions taken from it are called until the process ends.
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    // SAFETY: this is the symbol's signature in onnxruntime_c_api.h, in every release.
    let base = unsafe {
        library
            .get::<unsafe extern "system" fn() -> *const sys::OrtApiBase>(b"OrtGetApiBase\0")
            .context("expected the library to export OrtGetApiBase: it is not ONNX Runtime")?
    };
    // SAFETY: it takes nothing, and returns null or a table that lives as long as the library,
    // which is for ever.
    let base = unsafe { base().as_ref() }.context("expected a table, ONNX Runtime gave none")?;
    // SAFETY: the function takes nothing and returns a string of the library's own, with its end.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    let version = version.to_string_lossy().into_owned();
    // SAFETY: any number may be asked for; what comes is null or the table of that version, which
    // `OrtApi` describes, and lives as long as the library.
    let api = unsafe { (base.GetApi)(sys::ORT_API_VERSION).as_ref() };
    let api = *api.with_context(|| {
        let wanted = sys::ORT_API_VERSION;
        format!("expected ONNX Runtime 1.{wanted} or newer, {version} came: install a newer one")
    })?;
    Ok((api, version))
}

/// Gives `ort` the functions that it calls from now on.
///
/// # Errors
///
/// `ort` was in use before.
pub fn give(api: sys::OrtApi) -> Result<()> {
    ensure!(
        ort::set_api(api),
        "expected `ort` not to be in use yet: install before anything else"
    );
    Ok(())
}
