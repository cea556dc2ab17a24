//! `wasi:nn@0.2.0-rc-2024-08-19`: the older version, in which the guest sets the inputs of a context one by
//! one, calls `compute`, and reads the outputs one by one. Everything else is as in `wasi_nn`.
//!
//! Inputs stay set for the next `compute`. An output can be read any number of times; each time the guest gets
//! a new tensor over the same memory.

use std::{mem, slice, sync::Arc};

use tollgate_services::{Stage, text::Name};
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType, WasmStr},
};

use super::{
    translate,
    types::{Outcome, Refusal, push_tensor, take_tensor, tell},
    wasi_nn,
};
use crate::state::{ContextEntry, State, TensorEntry};

type Store<'a> = StoreContextMut<'a, State>;
type Context = Resource<ContextEntry>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const VERSION: &str = "0.2.0-rc-2024-08-19";
    wasi_nn::add_unchanging(linker, VERSION)?;
    let mut inference = linker.instance(&format!("wasi:nn/inference@{VERSION}"))?;
    inference.resource(
        "graph-execution-context",
        ResourceType::host::<ContextEntry>(),
        wasi_nn::drop_context,
    )?;
    inference.func_wrap("[method]graph-execution-context.set-input", set_input)?;
    inference.func_wrap("[method]graph-execution-context.compute", compute)?;
    inference.func_wrap("[method]graph-execution-context.get-output", get_output)
}

/// Keeps a tensor for the next inference, which checks it.
fn set_input(
    mut store: Store<'_>,
    (context, name, tensor): (Context, WasmStr, Resource<TensorEntry>),
) -> wasmtime::Result<Outcome<()>> {
    let (name, place) = {
        let name = name.to_str(&store)?;
        let graph = &store.data().table.get(&context)?.graph;
        (Name(&name).to_string(), graph.input_place(&name))
    };
    let state = store.data_mut();
    // The call consumes the tensor, whether it succeeds or not.
    let tensor = take_tensor(&mut state.nn, tensor.rep())?;
    let entry = state.table.get_mut(&context)?;
    let set = match (tensor, place) {
        (TensorEntry::Ready(tensor), Ok(place)) => {
            entry.kept.set(&mut state.nn, place, tensor);
            Ok(())
        }
        (TensorEntry::Ready(tensor), Err(error)) => {
            state.nn.release(tensor);
            Err(error.into())
        }
        (
            TensorEntry::Refused {
                code,
                message,
                limit,
                ..
            },
            _,
        ) => Err(Refusal {
            limit,
            ..Refusal::new(code, format!("input `{name}`: {message}"))
        }),
    };
    tell(state, set)
}

fn compute(mut store: Store<'_>, (context,): (Context,)) -> wasmtime::Result<Outcome<()>> {
    let state = store.data_mut();
    state.ledger.switch(Stage::Glue);
    let entry = state.table.get_mut(&context)?;
    let graph = Arc::clone(&entry.graph);
    let mut kept = mem::take(&mut entry.kept);
    let computed = translate::infer(state, &graph, &mut kept);
    state.table.get_mut(&context)?.kept = kept;
    let outcome = tell(state, computed);
    state.ledger.switch(Stage::Lower);
    outcome
}

fn get_output(
    mut store: Store<'_>,
    (context, name): (Context, WasmStr),
) -> wasmtime::Result<Outcome<Resource<TensorEntry>>> {
    let place = {
        let name = name.to_str(&store)?;
        let graph = &store.data().table.get(&context)?.graph;
        graph.output_place(&name)
    };
    let state = store.data_mut();
    let ContextEntry { graph, kept } = state.table.get(&context)?;
    let found = place
        .map_err(Refusal::from)
        .and_then(|place| translate::output(graph, kept, place).cloned())
        .and_then(|tensor| {
            translate::hold(&mut state.nn, slice::from_ref(&tensor))?;
            Ok(tensor)
        });
    let handle = match found {
        Ok(tensor) => Ok(push_tensor(&mut state.nn, TensorEntry::Ready(tensor))?),
        Err(refusal) => Err(refusal),
    };
    tell(state, handle)
}
