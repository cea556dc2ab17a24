//! One case of the ONNX project's suite a frame: loads the frame's model from its bytes, computes
//! with the frame's tensors on the interface that the frame names, and hands back all outputs.
//!
//! The format, all numbers little-endian and 32 bits wide where nothing else is said:
//!
//! - a frame is a byte for the interface (0 `wasi:nn`, 1 `tollgate:nn` infer, 2 prepared), the
//!   model as bytes, and the input tensors as a list;
//! - bytes are a length and as many bytes; a list is a length and as many items;
//! - a tensor is its name as bytes, a byte for the type (its place in wasi-nn's enumeration), its
//!   dimensions as a list of numbers, and its elements as bytes.
//!
//! Each output of the plugin is the list of one run's tensors, in the same format. What is made
//! ready beforehand runs twice, since a second run reuses what the first one left. `tollgate:nn`
//! names no outputs of a run, so the names are those that the graph describes.

use bindings::exports::tollgate::plugin::handler::{Fault, Frame, Guest, Output};
use bindings::tollgate::nn::{inference as nn, prepared};
use bindings::wasi::nn::{
    errors::Error,
    graph::{ExecutionTarget, Graph, GraphEncoding, load},
    tensor::Tensor as NnTensor,
};
use format::{Aligned, Reader, Tensor, write};

mod format;

pub(crate) mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/wasi-nn",
            "../../../wit/deps/wasi-logging",
            "../../../wit/deps/wasi-config",
            "../../../wit/deps/wasi-keyvalue",
            "../../../wit/nn",
            "../../../wit/plugin",
        ],
        world: "tollgate:plugin/sdk",
        generate_all,
        ownership: Borrowing { duplicate_if_necessary: true },
    });
    use super::Conformance;
    export!(Conformance with_types_in self);
}

struct Conformance;

impl Guest for Conformance {
    fn handle(frame: Frame) -> Result<Vec<Output>, Fault> {
        let mut reader = Reader(&frame.data);
        let (interface, model, inputs) = read(&mut reader)
            .ok_or_else(|| Fault::InvalidFrame("the frame is not a case".to_owned()))?;
        let runs = match interface {
            0 => standard(model, inputs),
            1 => infer(model, inputs),
            _ => ready(model, inputs),
        };
        let runs = runs
            .map_err(|error| Fault::Inference(format!("{:?}: {}", error.code(), error.data())))?;
        let output = |tensors: &Vec<Tensor>| Output {
            name: "tensors".to_owned(),
            content_type: "application/octet-stream".to_owned(),
            data: write(tensors),
        };
        Ok(runs.iter().map(output).collect())
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8], Vec<Tensor>)> {
    Some((reader.byte()?, reader.bytes()?, reader.tensors()?))
}

fn graph(model: &[u8]) -> Result<Graph, Error> {
    load(&[model], GraphEncoding::Onnx, ExecutionTarget::Cpu)
}

fn standard(model: &[u8], inputs: Vec<Tensor>) -> Result<Vec<Vec<Tensor>>, Error> {
    let context = graph(model)?.init_execution_context()?;
    let inputs: Vec<(String, NnTensor)> = inputs
        .into_iter()
        .map(|input| {
            let tensor = NnTensor::new(&input.dimensions, input.ty, &input.data);
            (input.name, tensor)
        })
        .collect();
    let outputs = context.compute(inputs)?;
    let read = |(name, tensor): (String, NnTensor)| Tensor {
        name,
        ty: tensor.ty(),
        dimensions: tensor.dimensions(),
        data: tensor.data(),
    };
    Ok(vec![outputs.into_iter().map(read).collect()])
}

/// The elements where the host reads them in place.
fn place(inputs: &[Tensor]) -> Vec<Aligned> {
    let copy = |input: &Tensor| Aligned::copy(&input.data);
    inputs.iter().map(copy).collect()
}

fn infer(model: &[u8], inputs: Vec<Tensor>) -> Result<Vec<Vec<Tensor>>, Error> {
    let graph = graph(model)?;
    let placed = place(&inputs);
    let lent: Vec<nn::Input<'_>> = inputs
        .iter()
        .zip(&placed)
        .map(|(input, data)| nn::Input {
            name: Some(&input.name),
            dimensions: &input.dimensions,
            ty: input.ty,
            data: data.bytes(),
        })
        .collect();
    let outputs = nn::infer(&graph, &lent)?;
    let names = nn::describe(&graph).outputs.into_iter();
    let named = outputs.into_iter().zip(names);
    let tensors = named.map(|(output, info)| Tensor {
        name: info.name,
        ty: output.ty,
        dimensions: output.dimensions,
        data: output.data,
    });
    Ok(vec![tensors.collect()])
}

fn ready(model: &[u8], inputs: Vec<Tensor>) -> Result<Vec<Vec<Tensor>>, Error> {
    let expected: Vec<prepared::Expected<'_>> = inputs
        .iter()
        .map(|input| prepared::Expected {
            name: Some(&input.name),
            dimensions: &input.dimensions,
            ty: input.ty,
        })
        .collect();
    let prepared = prepared::prepare(&graph(model)?, &expected)?;
    let placed = place(&inputs);
    let lent: Vec<&[u8]> = placed.iter().map(Aligned::bytes).collect();
    let run = || -> Result<Vec<Tensor>, Error> {
        let outputs = prepared.run(&lent)?.into_iter();
        let tensors = outputs.zip(prepared.outputs()).map(|(data, info)| Tensor {
            name: info.name,
            ty: info.ty,
            dimensions: info.dimensions.into_iter().flatten().collect(),
            data,
        });
        Ok(tensors.collect())
    };
    Ok(vec![run()?, run()?])
}
