//! ONNX Runtime, loaded so that every `Run` is timed.
//!
//! Upstream's crossing is what is left of a call when ONNX Runtime's own `Run` is taken out, so both
//! must be timed in the same call. `ort` reaches ONNX Runtime through one table of functions; this
//! module hands it a copy of that table in which `Run` is a function of ours that reads the clock,
//! calls the true `Run` and reads the clock again. The two readings are part of the crossing.
//! Of Wasmtime it knows the error type alone.
#![allow(unsafe_code, reason = "calls ONNX Runtime's C function directly")]
#![allow(non_snake_case, reason = "a function named as ONNX Runtime names it")]

use crate::library;
use ort::sys;
use quanta::Clock;
use std::ffi::c_char;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::{Result, ensure};

type Run = unsafe extern "system" fn(
    *mut sys::OrtSession,
    *const sys::OrtRunOptions,
    *const *const c_char,
    *const *const sys::OrtValue,
    usize,
    *const *const c_char,
    usize,
    *mut *mut sys::OrtValue,
) -> sys::OrtStatusPtr;

/// The true `Run` and the clock, set once by [`install`] before `ort` has the table.
static TRUE_RUN: OnceLock<(Run, Clock)> = OnceLock::new();
/// Raw clock ticks spent in `Run` since the last [`take`].
static TICKS: AtomicU64 = AtomicU64::new(0);

/// Loads the library at `path` for the whole process and gives `ort` its functions, `Run` timed.
/// Returns the library's version.
///
/// # Errors
///
/// As for [`library::load`], or `ort` was in use before.
pub fn install(path: &Path, clock: &Clock) -> Result<String> {
    let (mut api, version) = library::load(path)?;
    ensure!(
        TRUE_RUN.set((api.Run, clock.clone())).is_ok(),
        "expected one installation in a process, this is the second"
    );
    api.Run = timed_run;
    library::give(api)?;
    Ok(version)
}

/// Raw clock ticks spent in `Run` since the last call of this function.
pub fn take() -> u64 {
    TICKS.swap(0, Ordering::Relaxed)
}

/// Stands in for `Run`.
///
/// # Safety
///
/// As for ONNX Runtime's `Run`: the arguments go there untouched.
unsafe extern "system" fn timed_run(
    session: *mut sys::OrtSession,
    options: *const sys::OrtRunOptions,
    input_names: *const *const c_char,
    inputs: *const *const sys::OrtValue,
    input_count: usize,
    output_names: *const *const c_char,
    output_count: usize,
    outputs: *mut *mut sys::OrtValue,
) -> sys::OrtStatusPtr {
    let Some((run, clock)) = TRUE_RUN.get() else {
        // `install` sets it before anybody can reach this function, and nothing unsets it; there is
        // no status to return without the table, and no unwinding through C.
        std::process::abort();
    };
    let before = clock.raw();
    // SAFETY: `run` is the library's own `Run`, which is never unloaded, and the caller keeps its
    // contract for these very arguments.
    let status = unsafe {
        run(
            session,
            options,
            input_names,
            inputs,
            input_count,
            output_names,
            output_count,
            outputs,
        )
    };
    TICKS.fetch_add(clock.raw() - before, Ordering::Relaxed);
    status
}
