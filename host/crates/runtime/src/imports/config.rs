//! `wasi:config@0.2.0-rc.1`: the granted values. Without a grant there are none. That is no error: a plugin
//! then uses its own defaults.

use tollgate_services::Stage;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, Lower, WasmStr},
};

use crate::state::State;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut store = linker.instance("wasi:config/store@0.2.0-rc.1")?;
    store.func_wrap("get", get)?;
    store.func_wrap("get-all", get_all)
}

/// `wasi:config/store.error`. It is never returned, since reading values from memory cannot fail.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "part of the interface's type")]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

fn get(
    mut store: Store<'_>,
    (key,): (WasmStr,),
) -> wasmtime::Result<(Result<Option<String>, Error>,)> {
    let (bytes, value) = {
        let key = key.to_str(&store)?;
        let value = store.data().services.config(&key).map(str::to_owned);
        (key.len(), value)
    };
    let state = store.data_mut();
    let counts = &mut state.ledger.counts;
    counts.bytes_in += bytes as u64;
    counts.bytes_out += value.as_ref().map_or(0, String::len) as u64;
    state.ledger.switch(Stage::Lower);
    Ok((Ok(value),))
}

type All = Vec<(String, String)>;

fn get_all(mut store: Store<'_>, (): ()) -> wasmtime::Result<(Result<All, Error>,)> {
    let state = store.data_mut();
    let all: All = state.services.all_config().clone().into_iter().collect();
    let bytes: usize = all.iter().map(|(key, value)| key.len() + value.len()).sum();
    state.ledger.counts.bytes_out += bytes as u64;
    state.ledger.switch(Stage::Lower);
    Ok((Ok(all),))
}
