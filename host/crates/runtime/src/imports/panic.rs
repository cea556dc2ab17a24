//! `tollgate:plugin/panic@0.1.0`: the message of a plugin that is about to trap. It needs no grant, since the
//! message is shown only with the trap.

use tollgate_services::Stage;
use wasmtime::{
    StoreContextMut,
    component::{Linker, WasmStr},
};

use crate::{state::State, trap::SAID_BYTES};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance("tollgate:plugin/panic@0.1.0")?
        .func_wrap("report", report)
}

/// Keeps the beginning of the message, of any length.
fn report(mut store: StoreContextMut<'_, State>, (message,): (WasmStr,)) -> wasmtime::Result<()> {
    let message = message.to_str(&store)?;
    let cut = message.floor_char_boundary(SAID_BYTES);
    let (words, rest) = message.split_at_checked(cut).unwrap_or((&message, ""));
    let mut words = words.to_owned();
    if !rest.is_empty() {
        words.push_str("...");
    }
    let state = store.data_mut();
    state.ledger.switch(Stage::Glue);
    state.ledger.counts.bytes_in += words.len() as u64;
    state.panicked(words);
    Ok(())
}
