//! The boundary: everything that a guest may import, and the only place that converts between WIT values
//! and tensors.
//!
//! All functions of ours are synchronous, for asynchronous guests as well: an inference runs on the thread on
//! which it was called. This table says how each interface treats a guest's mistakes:
//!
//! | interface | a guest's mistake is | it traps only when |
//! | --- | --- | --- |
//! | `wasi:nn/tensor` | kept, and refused at the first use | the handle table is full |
//! | `wasi:nn/graph`, `inference` | an `error` with the code that says it | the handle table is full |
//! | `wasi:nn/errors` | impossible | |
//! | `tollgate:nn/inference`, `prepared` | an `error` with the code that says it | the handle table is full |
//! | `wasi_ephemeral_nn` | an errno | the module exports no memory |
//! | `wasi:config` | impossible | |
//! | `wasi:logging` | cut short or dropped | |
//! | `tollgate:plugin/panic` | cut short | |
//! | `wasi:keyvalue` | an `error` that says it | the handle table is full |
//! | `wasi:*` 0.2 and 0.3, preview1 | as Wasmtime's WASI has it | it waits beyond its deadline |
//!
//! A handle that is dropped, foreign or of another type never gets here: Wasmtime's own table of the instance
//! traps on it. The standard interface copies bytes once in each direction. With `tollgate:nn`, ONNX Runtime
//! reads them in the guest's memory. This is sound because the store is exclusively borrowed for the call:
//! nothing can run in the guest, so nothing can move, change or free that memory.

mod config;
mod elements;
mod ephemeral;
mod keyvalue;
mod logging;
mod panic;
mod preopens;
mod prepared;
mod tollgate_nn;
mod translate;
mod types;
mod waits;
mod wasi_nn;
mod wasi_nn_older;

use wasmtime::{Caller, Memory, component::Linker};

use crate::state::State;

/// Adds everything that core modules may import: preview1.
pub(crate) fn add_to_module_linker(linker: &mut wasmtime::Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p1::add_to_linker_sync(linker, State::preview1)?;
    waits::add_to_module_linker(linker)?;
    ephemeral::add_to_linker(linker)
}

/// Adds everything that synchronous components may import.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    preopens::add_to_linker(linker)?;
    waits::add_to_linker(linker)?;
    add_ours(linker)
}

/// Adds everything that asynchronous components may import: both versions of WASI, since a language's library
/// may be older than the plugin's own code.
pub(crate) fn add_to_async_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    preopens::add_to_async_linker(linker)?;
    add_ours(linker)
}

/// Adds our own functions, which are the same for all components.
fn add_ours(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasi_nn::add_to_linker(linker)?;
    wasi_nn_older::add_to_linker(linker)?;
    tollgate_nn::add_to_linker(linker)?;
    prepared::add_to_linker(linker)?;
    config::add_to_linker(linker)?;
    logging::add_to_linker(linker)?;
    panic::add_to_linker(linker)?;
    keyvalue::add_to_linker(linker)
}

/// A module's memory, in which the arguments of its calls are.
fn memory_of(caller: &mut Caller<'_, State>) -> wasmtime::Result<Memory> {
    if let Some(memory) = caller.data().memory {
        return Ok(memory);
    }
    let memory = caller
        .get_export("memory")
        .and_then(wasmtime::Extern::into_memory)
        .ok_or_else(|| {
            wasmtime::Error::msg(
                "the module exports no memory called `memory`, through which the host is called",
            )
        })?;
    caller.data_mut().memory = Some(memory);
    Ok(memory)
}
