//! The calls from every version of wasi-nn to `tollgate-nn`: loading, looking up, inference, and counting the
//! guest's tensors. The interfaces beside this file only unpack and pack values.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_nn::{Argument, Data, Device, ErrorCode, Graph, GraphOptions, Tensor};
use tollgate_services::{Missing, RANK, text::Name};

use super::types::{Encoding, Refusal, Target};
use crate::state::{Kept, NnCtx, State};

/// The outputs of an inference, in the graph's order.
pub(super) type Tensors = SmallVec<[Tensor; 2]>;

/// Loads a model from the guest's bytes. Also returns the bytes that it is known to take, to be counted with
/// [`NnCtx::keep_model`].
pub(super) fn load(
    nn: &NnCtx,
    builders: &[&[u8]],
    encoding: Encoding,
    target: Target,
) -> Result<(Arc<Graph>, usize), Refusal> {
    if !nn.load {
        nn.missing.set(Missing {
            load: true,
            ..nn.missing.get()
        });
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
    let [bytes] = builders else {
        return Err(Refusal::new(
            ErrorCode::InvalidArgument,
            format!("an ONNX model is one builder, {} came", builders.len()),
        ));
    };
    // Checked before it is read, and again once it is known how large it becomes.
    nn.check_model(bytes.len())?;
    let size = usize::try_from(tollgate_nn::model_size(bytes)).unwrap_or(usize::MAX);
    nn.check_model(size)?;
    let options = GraphOptions {
        device: device(target, &nn.host.options)?,
        ..nn.host.options.clone()
    };
    Ok((nn.load(bytes, &options)?, size))
}

/// The device of a target. It is never another one than the guest asked for.
fn device(target: Target, options: &GraphOptions) -> Result<Device, Refusal> {
    match (target, options.device) {
        (Target::Cpu, _) => Ok(Device::Cpu),
        // The user chooses the accelerator; without a choice it is the usual one.
        (Target::Gpu, Device::Cpu | Device::Xnnpack) => Ok(Device::Cuda),
        (Target::Gpu, chosen) => Ok(chosen),
        (Target::Tpu, _) => Err(Refusal::new(
            ErrorCode::UnsupportedOperation,
            "target tpu is not supported: expected cpu or gpu",
        )),
    }
}

/// The graph with this name, if it is granted.
pub(super) fn find(nn: &NnCtx, name: &str) -> Result<Arc<Graph>, Refusal> {
    let refuse = || {
        nn.missing.set(Missing {
            graph: true,
            ..nn.missing.get()
        });
    };
    // The guest cannot find out whether a graph exists that is not granted.
    if !nn.graphs.allows(name) {
        refuse();
        return Err(Refusal::new(
            ErrorCode::Security,
            format!("graph `{}` is not granted to this plugin", Name(name)),
        ));
    }
    nn.host.registry.get(name).ok_or_else(|| {
        refuse();
        let mut names = nn.host.registry.names();
        names.retain(|name| nn.graphs.allows(name));
        let there = if names.is_empty() {
            "none is loaded".to_owned()
        } else {
            format!("loaded are {}", names.join(", "))
        };
        Refusal::new(
            ErrorCode::NotFound,
            format!("no graph is named `{}`: {there}", Name(name)),
        )
    })
}

/// Refuses a tensor with too many dimensions, before any of them is read.
pub(super) fn check_rank(dimensions: usize) -> Result<(), Refusal> {
    if dimensions <= RANK {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::InvalidArgument,
        format!("a tensor has at most {RANK} dimensions, {dimensions} came"),
    ))
}

/// How many more inputs than the graph has are accepted here: it may have some that wasi-nn has no tensor for,
/// which `tollgate-nn` refuses by their names.
const UNNAMED: usize = 256;

/// Refuses far more inputs than the graph has, before any of them is read.
pub(super) fn check_count(graph: &Graph, came: usize) -> Result<(), Refusal> {
    let inputs = graph.inputs();
    if came <= inputs.len() + graph.optional_inputs().len() + UNNAMED {
        return Ok(());
    }
    let names = inputs.iter().map(|info| info.name.to_string());
    Err(tollgate_nn::Error::InputCount {
        graph: graph.name().to_owned(),
        expected: inputs.len(),
        names: names.collect::<Vec<_>>().join(", "),
        came,
    }
    .into())
}

/// One inference with the inputs that a context keeps, for the versions of the standard in which a context
/// has inputs and outputs. The outputs count against the guest's limit.
pub(super) fn infer(state: &mut State, graph: &Graph, kept: &mut Kept) -> Result<(), Refusal> {
    let mut arguments: SmallVec<[Argument<'_>; 4]> = SmallVec::new();
    let inputs = graph.inputs().len();
    for (place, info) in graph
        .inputs()
        .iter()
        .chain(graph.optional_inputs())
        .enumerate()
    {
        match kept.inputs.get(&place) {
            Some(tensor) => arguments.push(Argument {
                name: (place != arguments.len()).then_some(&info.name),
                data: Data::Tensor(tensor),
            }),
            None if place < inputs => {
                return Err(Refusal::new(
                    ErrorCode::InvalidArgument,
                    format!("input `{}` was not set before `compute`", info.name),
                ));
            }
            // The model has a default value for it.
            None => {}
        }
    }
    let deadline = state.nn.inference_deadline(state.ledger.since());
    let mut scratch = state.nn.take_scratch(0)?;
    let ran = graph.run(&mut scratch, &arguments, Some(deadline));
    state.nn.put_scratch(scratch);
    drop(arguments);
    let ran = ran?;
    state.ledger.inference(&ran.ran);
    hold(&mut state.nn, &ran.outputs)?;
    kept.put_out(&mut state.nn, ran.outputs);
    Ok(())
}

/// An output that a context keeps.
pub(super) fn output<'a>(
    graph: &Graph,
    kept: &'a Kept,
    place: usize,
) -> Result<&'a Tensor, Refusal> {
    kept.outputs.get(place).ok_or_else(|| {
        let name = graph.outputs().get(place).map(|info| &*info.name);
        Refusal::new(
            ErrorCode::InvalidArgument,
            format!(
                "output `{}` is not there yet: call `compute` first",
                name.unwrap_or_default()
            ),
        )
    })
}

/// Counts outputs that the guest will hold: all of them or none.
pub(super) fn hold(nn: &mut NnCtx, outputs: &[Tensor]) -> Result<(), Refusal> {
    let bytes = outputs.iter().map(|output| output.bytes().len()).sum();
    nn.hold(bytes)
}
