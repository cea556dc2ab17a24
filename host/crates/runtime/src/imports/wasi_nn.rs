//! `wasi:nn@0.2.0-rc-2024-10-28`: the standard's four interfaces, with one copy each way.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;
use tollgate_nn::{Argument, Data, Device, ErrorCode, Graph, GraphOptions, GraphRegistry, Shape};
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceTable, ResourceType, WasmList, WasmStr},
};

use super::types::{Code, Encoding, Outcome, Refusal, Target, Type, push, tell};
use crate::{
    ledger::Stage,
    state::{ContextEntry, ErrorEntry, GraphEntry, NnCtx, State, TensorEntry},
};

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut errors = linker.instance("wasi:nn/errors@0.2.0-rc-2024-10-28")?;
    errors.resource(
        "error",
        ResourceType::host::<ErrorEntry>(),
        drop_entry::<ErrorEntry>,
    )?;
    errors.func_wrap("[method]error.code", error_code)?;
    errors.func_wrap("[method]error.data", error_data)?;

    let mut tensor = linker.instance("wasi:nn/tensor@0.2.0-rc-2024-10-28")?;
    tensor.resource("tensor", ResourceType::host::<TensorEntry>(), drop_tensor)?;
    tensor.func_wrap("[constructor]tensor", new_tensor)?;
    tensor.func_wrap("[method]tensor.dimensions", dimensions)?;
    tensor.func_wrap("[method]tensor.ty", ty)?;
    tensor.func_wrap("[method]tensor.data", data)?;

    let mut inference = linker.instance("wasi:nn/inference@0.2.0-rc-2024-10-28")?;
    inference.resource(
        "graph-execution-context",
        ResourceType::host::<ContextEntry>(),
        drop_entry::<ContextEntry>,
    )?;
    inference.func_wrap("[method]graph-execution-context.compute", compute)?;

    let mut graph = linker.instance("wasi:nn/graph@0.2.0-rc-2024-10-28")?;
    graph.resource(
        "graph",
        ResourceType::host::<GraphEntry>(),
        drop_entry::<GraphEntry>,
    )?;
    graph.func_wrap("[method]graph.init-execution-context", init_context)?;
    graph.func_wrap("load", load)?;
    graph.func_wrap("load-by-name", load_by_name)?;
    Ok(())
}

fn drop_entry<T: 'static>(mut store: Store<'_>, handle: u32) -> wasmtime::Result<()> {
    let table = &mut store.data_mut().table;
    table.delete(Resource::<T>::new_own(handle))?;
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
    (dimensions, ty, data): (WasmList<u32>, Type, WasmList<u8>),
) -> wasmtime::Result<(Resource<TensorEntry>,)> {
    let ty = ty.into();
    let dims: SmallVec<[u32; 8]> = dimensions.as_le_slice(&store).into();
    let bytes = data.as_le_slice(&store).len();
    let made = tollgate_nn::check_tensor(ty, &dims, bytes)
        .and_then(|()| store.data_mut().nn.tensor(ty, &dims));
    let entry = match made {
        Ok(mut tensor) => {
            if let Some(elements) = tensor.bytes_mut() {
                elements.copy_from_slice(data.as_le_slice(&store));
            }
            let counts = &mut store.data_mut().ledger.counts;
            counts.bytes_in += bytes as u64;
            counts.copies_in += 1;
            TensorEntry::Ready(tensor)
        }
        Err(error) => TensorEntry::Refused {
            ty,
            dimensions: dims.to_vec(),
            code: error.code(),
            message: error.to_string(),
        },
    };
    // All of this was lifting: a handle is lowered in no time.
    Ok((push(&mut store.data_mut().table, entry)?,))
}

fn drop_tensor(mut store: Store<'_>, handle: u32) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let entry = state
        .table
        .delete(Resource::<TensorEntry>::new_own(handle))?;
    release(&mut state.nn, entry);
    Ok(())
}

fn release(nn: &mut NnCtx, entry: TensorEntry) {
    if let TensorEntry::Ready(tensor) = entry {
        nn.release(tensor);
    }
}

fn dimensions(store: Store<'_>, (tensor,): (Resource<TensorEntry>,)) -> wasmtime::Result<(Shape,)> {
    Ok((match store.data().table.get(&tensor)? {
        TensorEntry::Ready(tensor) => Arc::clone(tensor.shape()),
        TensorEntry::Refused { dimensions, .. } => dimensions.as_slice().into(),
    },))
}

fn ty(store: Store<'_>, (tensor,): (Resource<TensorEntry>,)) -> wasmtime::Result<(Type,)> {
    Ok((match store.data().table.get(&tensor)? {
        TensorEntry::Ready(tensor) => tensor.ty().into(),
        TensorEntry::Refused { ty, .. } => (*ty).into(),
    },))
}

/// One copy out: Wasmtime lowers from the memory that ONNX Runtime wrote.
fn data(mut store: Store<'_>, (tensor,): (Resource<TensorEntry>,)) -> wasmtime::Result<(Bytes,)> {
    let state = store.data_mut();
    // And this is lowering: a handle is lifted in no time.
    state.ledger.relabel(Stage::Lower);
    let bytes = match state.table.get(&tensor)? {
        TensorEntry::Ready(tensor) => tensor.share(),
        TensorEntry::Refused { .. } => Bytes::new(),
    };
    state.ledger.counts.bytes_out += bytes.len() as u64;
    state.ledger.counts.copies_out += 1;
    Ok((bytes,))
}

fn load(
    mut store: Store<'_>,
    (builders, encoding, target): (Vec<WasmList<u8>>, Encoding, Target),
) -> wasmtime::Result<Outcome<Resource<GraphEntry>>> {
    let loaded = load_bytes(&store, &builders, encoding, target);
    let state = store.data_mut();
    let graph = match loaded {
        Ok(graph) => Ok(push(&mut state.table, GraphEntry(graph))?),
        Err(refusal) => Err(refusal),
    };
    tell(&mut state.table, graph)
}

fn load_bytes(
    store: &Store<'_>,
    builders: &[WasmList<u8>],
    encoding: Encoding,
    target: Target,
) -> Result<Arc<Graph>, Refusal> {
    let nn = &store.data().nn;
    if !nn.load {
        return Err(Refusal::new(
            ErrorCode::Security,
            "loading a model from bytes is not granted: ask for a graph by name, or have `load` granted",
        ));
    }
    if !matches!(encoding, Encoding::Onnx | Encoding::Autodetect) {
        return Err(Refusal::new(
            ErrorCode::UnsupportedOperation,
            format!("encoding {encoding:?} is not supported: expected onnx or autodetect"),
        ));
    }
    let [builder] = builders else {
        return Err(Refusal::new(
            ErrorCode::InvalidArgument,
            format!("an ONNX model is one builder, {} came", builders.len()),
        ));
    };
    let bytes = builder.as_le_slice(store);
    if bytes.len() > nn.model_bytes {
        return Err(tollgate_nn::Error::TooLarge {
            what: "the model".to_owned(),
            limit: nn.model_bytes,
            came: bytes.len().to_string(),
        }
        .into());
    }
    let options = GraphOptions {
        device: device(target, &nn.host.options)?,
        ..nn.host.options.clone()
    };
    Ok(GraphRegistry::load_private(bytes, &options)?)
}

/// The device behind a target. It is never another one than was asked for.
fn device(target: Target, options: &GraphOptions) -> Result<Device, Refusal> {
    match (target, options.device) {
        (Target::Cpu, _) => Ok(Device::Cpu),
        // The user chose which accelerator there is; without a choice it is the usual one.
        (Target::Gpu, Device::Cpu | Device::Xnnpack) => Ok(Device::Cuda),
        (Target::Gpu, chosen) => Ok(chosen),
        (Target::Tpu, _) => Err(Refusal::new(
            ErrorCode::UnsupportedOperation,
            "target tpu is not supported: expected cpu or gpu",
        )),
    }
}

fn load_by_name(
    mut store: Store<'_>,
    (name,): (WasmStr,),
) -> wasmtime::Result<Outcome<Resource<GraphEntry>>> {
    let found = {
        let name = name.to_str(&store)?;
        find(&store.data().nn, &name)
    };
    let state = store.data_mut();
    let graph = match found {
        Ok(graph) => Ok(push(&mut state.table, GraphEntry(graph))?),
        Err(refusal) => Err(refusal),
    };
    tell(&mut state.table, graph)
}

fn find(nn: &NnCtx, name: &str) -> Result<Arc<Graph>, Refusal> {
    // Whether a graph exists that is not granted is not the guest's business.
    if !nn.graphs.allows(name) {
        return Err(Refusal::new(
            ErrorCode::Security,
            format!("graph `{name}` is not granted to this plugin"),
        ));
    }
    nn.host.registry.get(name).ok_or_else(|| {
        let names = nn.host.registry.names();
        let there = if names.is_empty() {
            "none is loaded".to_owned()
        } else {
            format!("loaded are {}", names.join(", "))
        };
        Refusal::new(
            ErrorCode::NotFound,
            format!("no graph is named `{name}`: {there}"),
        )
    })
}

fn init_context(
    mut store: Store<'_>,
    (graph,): (Resource<GraphEntry>,),
) -> wasmtime::Result<Outcome<Resource<ContextEntry>>> {
    let state = store.data_mut();
    let graph = Arc::clone(&state.table.get(&graph)?.0);
    let context = push(&mut state.table, ContextEntry(graph))?;
    tell(&mut state.table, Ok(context))
}

type Named = (WasmStr, Resource<TensorEntry>);
type NamedOut = (Arc<str>, Resource<TensorEntry>);

fn compute(
    mut store: Store<'_>,
    (context, inputs): (Resource<ContextEntry>, Vec<Named>),
) -> wasmtime::Result<Outcome<Vec<NamedOut>>> {
    store.data_mut().ledger.switch(Stage::Glue);
    let graph = Arc::clone(&store.data().table.get(&context)?.0);
    let computed = run(&mut store, &graph, &inputs);
    // The inputs were handed over with the call, whatever came of it.
    let state = store.data_mut();
    for (_, tensor) in inputs {
        let entry = state.table.delete(tensor)?;
        release(&mut state.nn, entry);
    }
    let outputs = match computed {
        Ok(outputs) => Ok(hand_out(&mut state.table, &mut state.nn, &graph, outputs)?),
        Err(refusal) => Err(refusal),
    };
    let outcome = tell(&mut state.table, outputs.and_then(|outputs| outputs));
    state.ledger.switch(Stage::Lower);
    outcome
}

type Tensors = SmallVec<[tollgate_nn::Tensor; 2]>;

fn run(store: &mut Store<'_>, graph: &Graph, inputs: &[Named]) -> Result<Tensors, Refusal> {
    let mut lane = store.data_mut().nn.take_lane()?;
    let result = run_in(store, &mut lane, graph, inputs);
    let state = store.data_mut();
    state.nn.put_lane(lane);
    let outcome = result?;
    state.ledger.inference(&outcome);
    Ok(outcome.outputs)
}

fn run_in(
    store: &Store<'_>,
    lane: &mut tollgate_nn::Lane,
    graph: &Graph,
    inputs: &[Named],
) -> Result<tollgate_nn::Outcome, Refusal> {
    let names = inputs
        .iter()
        .map(|(name, _)| name.to_str(store))
        .collect::<wasmtime::Result<SmallVec<[_; 4]>>>()
        .map_err(|error| Refusal::new(ErrorCode::InvalidArgument, error.to_string()))?;
    let table = &store.data().table;
    let arguments = inputs
        .iter()
        .zip(&names)
        .map(|((_, tensor), name)| argument(table, name, tensor))
        .collect::<Result<SmallVec<[_; 4]>, Refusal>>()?;
    let deadline = {
        let state = store.data();
        state.nn.inference_deadline(state.ledger.since())
    };
    Ok(graph.run(lane, &arguments, Some(deadline))?)
}

fn argument<'a>(
    table: &'a ResourceTable,
    name: &'a str,
    tensor: &Resource<TensorEntry>,
) -> Result<Argument<'a>, Refusal> {
    match table.get(tensor) {
        Ok(TensorEntry::Ready(tensor)) => Ok(Argument {
            name: Some(name),
            data: Data::Tensor(tensor),
        }),
        Ok(TensorEntry::Refused { code, message, .. }) => {
            Err(Refusal::new(*code, format!("input `{name}`: {message}")))
        }
        Err(error) => Err(Refusal::new(ErrorCode::InvalidArgument, error.to_string())),
    }
}

/// Gives the guest handles of the outputs; refuses them all if they are over the limit together.
fn hand_out(
    table: &mut ResourceTable,
    nn: &mut NnCtx,
    graph: &Graph,
    outputs: Tensors,
) -> wasmtime::Result<Result<Vec<NamedOut>, Refusal>> {
    let bytes = outputs.iter().map(|output| output.bytes().len()).sum();
    if let Err(error) = nn.hold(bytes) {
        return Ok(Err(error.into()));
    }
    let mut handles = Vec::with_capacity(outputs.len());
    for (info, output) in graph.outputs().iter().zip(outputs) {
        let entry = TensorEntry::Ready(output);
        handles.push((Arc::clone(&info.name), push(table, entry)?));
    }
    Ok(Ok(handles))
}
