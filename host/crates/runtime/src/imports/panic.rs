//! `tollgate:plugin/panic@0.1.0`: why a plugin is about to trap. It takes no grant: it is said with the
//! trap and nowhere else.

use wasmtime::{
    StoreContextMut,
    component::{Linker, WasmStr},
};

use crate::{ledger::Stage, state::State, trap::SAID_BYTES};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance("tollgate:plugin/panic@0.1.0")?
        .func_wrap("report", report)
}

/// Keeps the beginning of what is said, however much it is.
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
