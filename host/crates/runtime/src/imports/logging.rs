//! `wasi:logging@0.1.0-draft`: lines into the host's log.

use tollgate_services::{LogLevel, Stage};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, WasmStr},
};

use crate::state::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:logging/logging@0.1.0-draft")?
        .func_wrap("log", log)
}

/// `wasi:logging/logging.level`, in the standard's order.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(
    dead_code,
    reason = "the derived lifting makes the values, by their ordinals"
)]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

/// It has no result, so a line is dropped if its level is not logged or the frame's limit is reached.
fn log(
    mut store: StoreContextMut<'_, State>,
    (level, context, message): (Level, WasmStr, WasmStr),
) -> wasmtime::Result<()> {
    let level = LogLevel::from_ordinal(level as u8);
    store.data_mut().ledger.switch(Stage::Glue);
    let bytes = {
        let (context, message) = (context.to_str(&store)?, message.to_str(&store)?);
        let log = store.data().services.log();
        log.line(level, &context, &message);
        context.len() + message.len()
    };
    store.data_mut().ledger.counts.bytes_in += bytes as u64;
    Ok(())
}
