//! `tollgate:nn@0.1.0`: the inputs and outputs of a graph, and inference in one call, without a copy of the
//! inputs.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_nn::{Argument, Data, ErrorCode, Graph, Outcome as Ran, Scratch, Shape, TensorInfo};
use tollgate_services::Stage;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Lower, Resource, WasmList, WasmStr},
};

use super::{
    elements::{InPlace, List},
    translate,
    types::{Outcome, Refusal, Type, tell},
};
use crate::state::{GraphEntry, State};

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut inference = linker.instance("tollgate:nn/inference@0.1.0")?;
    inference.func_wrap("describe", describe)?;
    inference.func_wrap("infer", infer)
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Info {
    pub(super) name: Arc<str>,
    pub(super) ty: Type,
    pub(super) dimensions: Vec<Option<u32>>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Metadata {
    inputs: Vec<Info>,
    outputs: Vec<Info>,
    device: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Input {
    name: Option<WasmStr>,
    dimensions: WasmList<u32>,
    ty: Type,
    data: InPlace,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Output {
    dimensions: Shape,
    ty: Type,
    data: List,
}

fn describe(store: Store<'_>, (graph,): (Resource<GraphEntry>,)) -> wasmtime::Result<(Metadata,)> {
    let graph = &store.data().table.get(&graph)?.0;
    let infos = |infos: &[TensorInfo]| {
        infos
            .iter()
            .map(|info| Info {
                name: Arc::clone(&info.name),
                ty: info.ty.into(),
                dimensions: info.dimensions.clone(),
            })
            .collect()
    };
    Ok((Metadata {
        inputs: infos(graph.inputs()),
        outputs: infos(graph.outputs()),
        device: graph.device().to_string(),
    },))
}

fn infer(
    mut store: Store<'_>,
    (graph, inputs): (Resource<GraphEntry>, Vec<Input>),
) -> wasmtime::Result<Outcome<Vec<Output>>> {
    store.data_mut().ledger.switch(Stage::Glue);
    // The tensors that the last call returned have been lowered by now.
    store.data_mut().nn.reclaim();
    let graph = Arc::clone(&store.data().table.get(&graph)?.0);
    let ran = run(&mut store, &graph, &inputs);
    let state = store.data_mut();
    let outputs = ran.map(|ran| {
        let ledger = &mut state.ledger;
        ledger.inference(&ran.ran);
        ran.outputs
            .into_iter()
            .map(|output| {
                let (dimensions, ty) = (Arc::clone(output.shape()), output.ty().into());
                let data = List::of(state.nn.lend(output));
                ledger.counts.bytes_out += data.bytes().len() as u64;
                ledger.counts.copies_out += 1;
                Output {
                    dimensions,
                    ty,
                    data,
                }
            })
            .collect()
    });
    let outcome = tell(state, outputs);
    state.ledger.switch(Stage::Lower);
    outcome
}

fn run(store: &mut Store<'_>, graph: &Graph, inputs: &[Input]) -> Result<Ran, Refusal> {
    let mut scratch = store.data_mut().nn.take_scratch(0)?;
    let result = run_in_place(store, &mut scratch, graph, inputs);
    let state = store.data_mut();
    state.nn.put_scratch(scratch);
    let (ran, bytes) = result?;
    state.ledger.counts.bytes_in += bytes;
    Ok(ran)
}

/// Runs with the inputs in place. The shared borrow of the store keeps the guest's memory unchanged for the
/// whole call.
fn run_in_place(
    store: &Store<'_>,
    scratch: &mut Scratch,
    graph: &Graph,
    inputs: &[Input],
) -> Result<(Ran, u64), Refusal> {
    let unreadable =
        |error: wasmtime::Error| Refusal::new(ErrorCode::InvalidArgument, error.to_string());
    translate::check_count(graph, inputs.len())?;
    for input in inputs {
        translate::check_rank(input.dimensions.len())?;
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
        .collect::<wasmtime::Result<SmallVec<[_; 4]>>>()
        .map_err(unreadable)?;
    let mut total = 0;
    let arguments: SmallVec<[Argument<'_>; 4]> = inputs
        .iter()
        .zip(&names)
        .map(|(input, name)| {
            let bytes = input.data.as_slice(store);
            total += bytes.len() as u64;
            Argument {
                name: name.as_deref(),
                data: Data::Bytes {
                    ty: input.ty.into(),
                    dimensions: input.dimensions.as_le_slice(store),
                    bytes,
                },
            }
        })
        .collect();
    let deadline = {
        let state = store.data();
        state.nn.inference_deadline(state.ledger.since())
    };
    Ok((graph.run(scratch, &arguments, Some(deadline))?, total))
}
