//! `tollgate:nn/prepared@0.1.0`: inferences whose inputs were checked against the graph before. A run reads the
//! guest's memory in place and returns only bytes.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_nn::{ErrorCode, Expected, Prepared, Ran};
use tollgate_services::Stage;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Resource, ResourceType, WasmList, WasmStr},
};

use super::{
    elements::{InPlace, List},
    tollgate_nn::Info,
    translate,
    types::{Outcome, Refusal, Type, push, tell},
};
use crate::state::{GraphEntry, PreparedEntry, State};

type Store<'a> = StoreContextMut<'a, State>;
type Handle = Resource<PreparedEntry>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut prepared = linker.instance("tollgate:nn/prepared@0.1.0")?;
    prepared.resource(
        "prepared",
        ResourceType::host::<PreparedEntry>(),
        drop_prepared,
    )?;
    prepared.func_wrap("prepare", prepare)?;
    prepared.func_wrap("[method]prepared.run", run)?;
    prepared.func_wrap("[method]prepared.run-one", run_one)?;
    prepared.func_wrap("[method]prepared.outputs", outputs)
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Input {
    name: Option<WasmStr>,
    dimensions: WasmList<u32>,
    ty: Type,
}

fn drop_prepared(mut store: Store<'_>, handle: u32) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let entry = state.table.delete(Handle::new_own(handle))?;
    state.nn.let_go(entry.bytes);
    Ok(())
}

fn prepare(
    mut store: Store<'_>,
    (graph, inputs): (Resource<GraphEntry>, Vec<Input>),
) -> wasmtime::Result<Outcome<Handle>> {
    let made = make(&store, &graph, &inputs)?;
    let state = store.data_mut();
    let held = made.and_then(|prepared| {
        let bytes = prepared.kept_bytes();
        state.nn.hold(bytes)?;
        Ok(PreparedEntry {
            inference: Some(Box::new(prepared)),
            bytes,
        })
    });
    let handle = match held {
        Ok(entry) => Ok(push(&mut state.table, entry)?),
        Err(refusal) => Err(refusal),
    };
    tell(state, handle)
}

fn make(
    store: &Store<'_>,
    graph: &Resource<GraphEntry>,
    inputs: &[Input],
) -> wasmtime::Result<Result<Prepared, Refusal>> {
    let graph = &store.data().table.get(graph)?.0;
    let mut ranks = inputs.iter().map(|input| input.dimensions.len());
    let fits = translate::check_count(graph, inputs.len())
        .and_then(|()| ranks.try_for_each(translate::check_rank));
    if let Err(refusal) = fits {
        return Ok(Err(refusal));
    }
    let names = inputs
        .iter()
        .map(|input| {
            input
                .name
                .as_ref()
                .map(|name| name.to_str(store))
                .transpose()
        })
        .collect::<wasmtime::Result<Vec<_>>>();
    let names = match names {
        Ok(names) => names,
        Err(error) => {
            let refusal = Refusal::new(ErrorCode::InvalidArgument, error.to_string());
            return Ok(Err(refusal));
        }
    };
    let expected: SmallVec<[Expected<'_>; 4]> = inputs
        .iter()
        .zip(&names)
        .map(|(input, name)| Expected {
            name: name.as_deref(),
            ty: input.ty.into(),
            dimensions: input.dimensions.as_le_slice(store),
        })
        .collect();
    Ok(Prepared::new(graph, &expected).map_err(Refusal::from))
}

fn outputs(store: Store<'_>, (prepared,): (Handle,)) -> wasmtime::Result<(Vec<Info>,)> {
    let prepared = store.data().table.get(&prepared)?.inference.as_ref();
    let outputs = prepared.into_iter().flat_map(|prepared| prepared.outputs());
    let infos = outputs.map(|(info, shape)| Info {
        name: Arc::clone(&info.name),
        ty: info.ty.into(),
        dimensions: match shape {
            Some(shape) => shape.iter().copied().map(Some).collect(),
            // The model does not say how many there are, and an empty list would mean a scalar.
            None if info.dimensions.is_empty() => vec![None],
            None => info.dimensions.clone(),
        },
    });
    Ok((infos.collect(),))
}

fn run(
    store: Store<'_>,
    (prepared, inputs): (Handle, Vec<InPlace>),
) -> wasmtime::Result<Outcome<Vec<List>>> {
    call(store, &prepared, &inputs, None, |outputs| outputs.collect())
}

fn run_one(
    store: Store<'_>,
    (prepared, input): (Handle, InPlace),
) -> wasmtime::Result<Outcome<List>> {
    call(store, &prepared, &[input], Some(1), |outputs| {
        outputs.next().unwrap_or_else(List::empty)
    })
}

/// One inference; with a number of outputs, if the call needs that number.
///
/// Only pointers and bytes are lifted and lowered. All other work is too short to be measured apart, so the
/// time before the run is `lift` and the time after it is `lower`.
fn call<T>(
    mut store: Store<'_>,
    prepared: &Handle,
    inputs: &[InPlace],
    gives: Option<usize>,
    hand_out: impl FnOnce(&mut dyn Iterator<Item = List>) -> T,
) -> wasmtime::Result<Outcome<T>> {
    let state = store.data_mut();
    let taken = state.table.get_mut(prepared)?.inference.take();
    let Some(mut inference) = taken else {
        // Nothing runs in the guest during a run, so this is never reached.
        wasmtime::bail!("the prepared inference is running");
    };
    let ran = run_in_place(&mut store, &mut inference, inputs, gives);
    let state = store.data_mut();
    let told = ran.map(|ran| {
        state.ledger.inference(&ran);
        state.ledger.relabel(Stage::Lower);
        let counts = &mut state.ledger.counts;
        for input in inputs {
            counts.bytes_in += input.len() as u64;
        }
        hand_out(&mut inference.take_outputs().map(|elements| {
            counts.bytes_out += elements.len() as u64;
            counts.copies_out += 1;
            List::of(elements)
        }))
    });
    state.table.get_mut(prepared)?.inference = Some(inference);
    tell(state, told)
}

/// Runs with the inputs in place.
fn run_in_place(
    store: &mut Store<'_>,
    prepared: &mut Prepared,
    inputs: &[InPlace],
    gives: Option<usize>,
) -> Result<Ran, Refusal> {
    let has = prepared.graph().outputs().len();
    if gives.is_some_and(|gives| gives != has) {
        let name = prepared.graph().name();
        return Err(Refusal::new(
            ErrorCode::InvalidArgument,
            format!("graph `{name}` has {has} outputs: expected one; call `run`"),
        ));
    }
    let state = store.data_mut();
    let deadline = state.nn.inference_deadline(state.ledger.since());
    let mut scratch = state.nn.take_scratch(0)?;
    let ran = {
        // The shared borrow of the store keeps the guest's memory unchanged for the whole run.
        let store = &*store;
        let inputs: SmallVec<[&[u8]; 4]> =
            inputs.iter().map(|input| input.as_slice(store)).collect();
        prepared.run(&mut scratch, &inputs, Some(deadline))
    };
    store.data_mut().nn.put_scratch(scratch);
    Ok(ran?)
}
