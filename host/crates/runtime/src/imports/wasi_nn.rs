//! `wasi:nn@0.2.0-rc-2024-10-28`: the standard's four interfaces, with one copy in each direction.
//!
//! Three of them are identical in `0.2.0-rc-2024-08-19`; only `inference` differs, and its older version is in
//! `wasi_nn_older`.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_nn::{Argument, Data, ErrorCode, Graph, Shape, TensorType};
use tollgate_services::{Stage, text::Name};
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType, WasmList, WasmStr},
};

use super::{
    elements::{InPlace, List},
    translate::{self, Tensors},
    types::{
        self, Code, Encoding, Outcome, Refusal, Target, Type, push, push_tensor, take_tensor, tell,
    },
};
use crate::state::{ContextEntry, ErrorEntry, GraphEntry, NnCtx, State, TensorEntry};

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const VERSION: &str = "0.2.0-rc-2024-10-28";
    add_unchanging(linker, VERSION)?;
    let mut inference = linker.instance(&format!("wasi:nn/inference@{VERSION}"))?;
    inference.resource(
        "graph-execution-context",
        ResourceType::host::<ContextEntry>(),
        drop_context,
    )?;
    inference.func_wrap("[method]graph-execution-context.compute", compute)
}

/// The interfaces that are the same in both versions.
pub(super) fn add_unchanging(linker: &mut Linker<State>, version: &str) -> wasmtime::Result<()> {
    let mut errors = linker.instance(&format!("wasi:nn/errors@{version}"))?;
    errors.resource(
        "error",
        ResourceType::host::<ErrorEntry>(),
        drop_entry::<ErrorEntry>,
    )?;
    errors.func_wrap("[method]error.code", error_code)?;
    errors.func_wrap("[method]error.data", error_data)?;

    let mut tensor = linker.instance(&format!("wasi:nn/tensor@{version}"))?;
    tensor.resource("tensor", ResourceType::host::<TensorEntry>(), drop_tensor)?;
    tensor.func_wrap("[constructor]tensor", new_tensor)?;
    tensor.func_wrap("[method]tensor.dimensions", dimensions)?;
    tensor.func_wrap("[method]tensor.ty", ty)?;
    tensor.func_wrap("[method]tensor.data", data)?;

    let mut graph = linker.instance(&format!("wasi:nn/graph@{version}"))?;
    graph.resource(
        "graph",
        ResourceType::host::<GraphEntry>(),
        drop_entry::<GraphEntry>,
    )?;
    graph.func_wrap("[method]graph.init-execution-context", init_context)?;
    graph.func_wrap("load", load)?;
    graph.func_wrap("load-by-name", load_by_name)
}

fn drop_entry<T: 'static>(mut store: Store<'_>, handle: u32) -> wasmtime::Result<()> {
    let table = &mut store.data_mut().table;
    table.delete(Resource::<T>::new_own(handle))?;
    Ok(())
}

/// Drops a context, and the tensors that it keeps in the older version.
pub(super) fn drop_context(mut store: Store<'_>, handle: u32) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let entry = state
        .table
        .delete(Resource::<ContextEntry>::new_own(handle))?;
    entry.kept.release(&mut state.nn);
    Ok(())
}

fn error_code(store: Store<'_>, (error,): (Resource<ErrorEntry>,)) -> wasmtime::Result<(Code,)> {
    Ok((store.data().table.get(&error)?.code.into(),))
}

fn error_data(store: Store<'_>, (error,): (Resource<ErrorEntry>,)) -> wasmtime::Result<(String,)> {
    Ok((store.data().table.get(&error)?.message.clone(),))
}

/// One copy in: from the guest's memory to memory that ONNX Runtime reads.
fn new_tensor(
    mut store: Store<'_>,
    (dimensions, ty, data): (WasmList<u32>, Type, InPlace),
) -> wasmtime::Result<(Resource<TensorEntry>,)> {
    let ty = ty.into();
    let mut dims: SmallVec<[u32; 8]> = SmallVec::new();
    let made = translate::check_rank(dimensions.len()).and_then(|()| {
        dims.extend_from_slice(dimensions.as_le_slice(&store));
        tollgate_nn::check_tensor(ty, &dims, data.len())?;
        store.data_mut().nn.tensor(ty, &dims, data.len())
    });
    let entry = match made {
        Ok(mut tensor) => {
            tensor.fill(data.as_slice(&store));
            let counts = &mut store.data_mut().ledger.counts;
            counts.bytes_in += data.len() as u64;
            counts.copies_in += 1;
            TensorEntry::Ready(tensor)
        }
        Err(refusal) => refused(store.data_mut(), ty, &dims, refusal),
    };
    // The whole call counts as lifting: lowering a handle takes no measurable time.
    Ok((push_tensor(&mut store.data_mut().nn, entry)?,))
}

#[cold]
fn refused(state: &mut State, ty: TensorType, dims: &[u32], refusal: Refusal) -> TensorEntry {
    state.refused.keep(&refusal.message, refusal.limit);
    TensorEntry::Refused {
        ty,
        dimensions: dims.into(),
        code: refusal.code,
        message: refusal.message,
        limit: refusal.limit,
    }
}

fn drop_tensor(mut store: Store<'_>, handle: u32) -> wasmtime::Result<()> {
    let nn = &mut store.data_mut().nn;
    let entry = take_tensor(nn, handle)?;
    release(nn, entry);
    Ok(())
}

fn release(nn: &mut NnCtx, entry: TensorEntry) {
    if let TensorEntry::Ready(tensor) = entry {
        nn.release(tensor);
    }
}

fn dimensions(store: Store<'_>, (tensor,): (Resource<TensorEntry>,)) -> wasmtime::Result<(Shape,)> {
    Ok((match types::tensor(&store.data().nn, &tensor)? {
        TensorEntry::Ready(tensor) => Arc::clone(tensor.shape()),
        TensorEntry::Refused { dimensions, .. } => Arc::clone(dimensions),
    },))
}

fn ty(store: Store<'_>, (tensor,): (Resource<TensorEntry>,)) -> wasmtime::Result<(Type,)> {
    Ok((match types::tensor(&store.data().nn, &tensor)? {
        TensorEntry::Ready(tensor) => tensor.ty().into(),
        TensorEntry::Refused { ty, .. } => (*ty).into(),
    },))
}

/// One copy out: Wasmtime lowers from the memory that ONNX Runtime wrote.
fn data(mut store: Store<'_>, (tensor,): (Resource<TensorEntry>,)) -> wasmtime::Result<(List,)> {
    let state = store.data_mut();
    // The whole call counts as lowering: lifting a handle takes no measurable time.
    state.ledger.relabel(Stage::Lower);
    let bytes = match types::tensor(&state.nn, &tensor)? {
        TensorEntry::Ready(tensor) => List::of(tensor.share()),
        TensorEntry::Refused { .. } => List::empty(),
    };
    state.ledger.counts.bytes_out += bytes.bytes().len() as u64;
    state.ledger.counts.copies_out += 1;
    Ok((bytes,))
}

fn load(
    mut store: Store<'_>,
    (builders, encoding, target): (Vec<InPlace>, Encoding, Target),
) -> wasmtime::Result<Outcome<Resource<GraphEntry>>> {
    let loaded = {
        let builders: SmallVec<[&[u8]; 1]> = builders
            .iter()
            .map(|builder| builder.as_slice(&store))
            .collect();
        translate::load(&store.data().nn, &builders, encoding, target)
    };
    let state = store.data_mut();
    let graph = match loaded {
        Ok((graph, bytes)) => {
            state.nn.keep_model(&graph, bytes);
            Ok(push(&mut state.table, GraphEntry(graph))?)
        }
        Err(refusal) => Err(refusal),
    };
    tell(state, graph)
}

fn load_by_name(
    mut store: Store<'_>,
    (name,): (WasmStr,),
) -> wasmtime::Result<Outcome<Resource<GraphEntry>>> {
    let found = {
        let name = name.to_str(&store)?;
        translate::find(&store.data().nn, &name)
    };
    let state = store.data_mut();
    let graph = match found {
        Ok(graph) => Ok(push(&mut state.table, GraphEntry(graph))?),
        Err(refusal) => Err(refusal),
    };
    tell(state, graph)
}

fn init_context(
    mut store: Store<'_>,
    (graph,): (Resource<GraphEntry>,),
) -> wasmtime::Result<Outcome<Resource<ContextEntry>>> {
    let state = store.data_mut();
    let graph = Arc::clone(&state.table.get(&graph)?.0);
    let context = push(&mut state.table, ContextEntry::new(graph))?;
    tell(state, Ok(context))
}

type Named = (WasmStr, Resource<TensorEntry>);
type NamedOut = (Arc<str>, Resource<TensorEntry>);

fn compute(
    mut store: Store<'_>,
    (context, inputs): (Resource<ContextEntry>, Vec<Named>),
) -> wasmtime::Result<Outcome<Vec<NamedOut>>> {
    store.data_mut().ledger.switch(Stage::Glue);
    let graph = Arc::clone(&store.data().table.get(&context)?.graph);
    let computed = run(&mut store, &graph, &inputs);
    // The call consumes the inputs, whether it succeeded or not.
    let state = store.data_mut();
    for (_, tensor) in inputs {
        let entry = take_tensor(&mut state.nn, tensor.rep())?;
        release(&mut state.nn, entry);
    }
    let outputs = match computed {
        Ok(outputs) => Ok(hand_out(&mut state.nn, &graph, outputs)?),
        Err(refusal) => Err(refusal),
    };
    let outcome = tell(state, outputs.and_then(|outputs| outputs));
    state.ledger.switch(Stage::Lower);
    outcome
}

fn run(store: &mut Store<'_>, graph: &Graph, inputs: &[Named]) -> Result<Tensors, Refusal> {
    let nn = &mut store.data_mut().nn;
    let handed_over =
        inputs
            .iter()
            .filter_map(|(_, tensor)| match types::tensor(nn, tensor).ok()? {
                TensorEntry::Ready(tensor) => Some(tensor.bytes().len()),
                TensorEntry::Refused { .. } => None,
            });
    let handed_over = handed_over.fold(0, usize::saturating_add);
    let mut scratch = nn.take_scratch(handed_over)?;
    let result = run_in(store, &mut scratch, graph, inputs);
    let state = store.data_mut();
    state.nn.put_scratch(scratch);
    let outcome = result?;
    state.ledger.inference(&outcome.ran);
    Ok(outcome.outputs)
}

fn run_in(
    store: &Store<'_>,
    scratch: &mut tollgate_nn::Scratch,
    graph: &Graph,
    inputs: &[Named],
) -> Result<tollgate_nn::Outcome, Refusal> {
    translate::check_count(graph, inputs.len())?;
    let names = inputs
        .iter()
        .map(|(name, _)| name.to_str(store))
        .collect::<wasmtime::Result<SmallVec<[_; 4]>>>()
        .map_err(|error| Refusal::new(ErrorCode::InvalidArgument, error.to_string()))?;
    let nn = &store.data().nn;
    let arguments = inputs
        .iter()
        .zip(&names)
        .map(|((_, tensor), name)| argument(nn, name, tensor))
        .collect::<Result<SmallVec<[_; 4]>, Refusal>>()?;
    let deadline = {
        let state = store.data();
        state.nn.inference_deadline(state.ledger.since())
    };
    Ok(graph.run(scratch, &arguments, Some(deadline))?)
}

fn argument<'a>(
    nn: &'a NnCtx,
    name: &'a str,
    tensor: &Resource<TensorEntry>,
) -> Result<Argument<'a>, Refusal> {
    match types::tensor(nn, tensor) {
        Ok(TensorEntry::Ready(tensor)) => Ok(Argument {
            name: Some(name),
            data: Data::Tensor(tensor),
        }),
        Ok(TensorEntry::Refused {
            code,
            message,
            limit,
            ..
        }) => Err(Refusal {
            limit: *limit,
            ..Refusal::new(*code, format!("input `{}`: {message}", Name(name)))
        }),
        Err(error) => Err(Refusal::new(ErrorCode::InvalidArgument, error.to_string())),
    }
}

/// Gives the guest handles of the outputs. If they exceed the limit together, none is given.
fn hand_out(
    nn: &mut NnCtx,
    graph: &Graph,
    outputs: Tensors,
) -> wasmtime::Result<Result<Vec<NamedOut>, Refusal>> {
    if let Err(refusal) = translate::hold(nn, &outputs) {
        return Ok(Err(refusal));
    }
    let mut handles = Vec::with_capacity(outputs.len());
    for (info, output) in graph.outputs().iter().zip(outputs) {
        let entry = TensorEntry::Ready(output);
        handles.push((Arc::clone(&info.name), push_tensor(nn, entry)?));
    }
    Ok(Ok(handles))
}
