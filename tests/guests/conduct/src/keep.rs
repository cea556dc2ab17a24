//! Commands that have the host keep things: long names, many dimensions, large tensors and models; and
//! refusals that the guest never says.

use std::mem;

use crate::bindings::{
    tollgate::nn::{
        inference::{self as nn, Input},
        prepared::{Expected, prepare},
    },
    wasi::{
        keyvalue::store::open,
        nn::{
            errors::Error,
            graph::{ExecutionTarget, GraphEncoding, load, load_by_name},
            tensor::{Tensor, TensorType},
        },
    },
};

pub(crate) fn run(command: &str, arguments: &str, bytes: &[u8]) -> Option<String> {
    let mut words = arguments.split(' ');
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Some(match command {
        "keep-errors" => keep_errors(number(), number()),
        "keep-dimensions" => keep_dimensions(number(), number() as u32, number()),
        "keep-model" => keep_model(number(), bytes),
        "keep-two-models" => {
            let padding = number();
            keep_model(padding, bytes);
            keep_model(padding, bytes)
        }
        "tensor" => tensor(number()),
        "name" => said(load_by_name(&"n".repeat(number())).map(mem::forget)),
        "name-inputs" => {
            let (inputs, name) = (number(), number());
            infer_many(inputs, &"n".repeat(name), &[1])
        }
        "rank" => infer_many(2, "a", &vec![1; number()]),
        "prepare-rank" => prepare_rank(number()),
        "unwrap" => {
            let graph = load_by_name(arguments);
            // As `unwrap` does with an error whose `Debug` is a number.
            graph.map_or_else(|_| crate::misuse::trap(), |_| "loaded".to_owned())
        }
        "unwrap-tensor" => {
            mem::forget(Tensor::new(&[2], TensorType::U8, &[1]));
            crate::misuse::trap()
        }
        "unwrap-bucket" => {
            let bucket = open(arguments);
            bucket.map_or_else(|_| crate::misuse::trap(), |_| "opened".to_owned())
        }
        "unwrap-tensors" => {
            let tensor = tensor(number());
            if tensor == "0" {
                crate::misuse::trap()
            } else {
                tensor
            }
        }
        _ => return None,
    })
}

fn said(result: Result<(), Error>) -> String {
    crate::told(result.map(|()| "done".to_owned()))
}

/// Errors about a name that is this long, none of them given back; the longest message.
fn keep_errors(bytes: usize, times: usize) -> String {
    let name = "n".repeat(bytes);
    let lengths = (0..times).filter_map(|_| {
        let error = load_by_name(&name).err()?;
        let length = error.data().len();
        mem::forget(error);
        Some(length)
    });
    lengths.max().unwrap_or(0).to_string()
}

/// Tensors of this many dimensions of one, the last of which is another; how many the host says there are.
fn keep_dimensions(rank: usize, last: u32, times: usize) -> String {
    let mut dimensions = vec![1; rank];
    if let Some(end) = dimensions.last_mut() {
        *end = last;
    }
    let data = vec![0; last as usize];
    let ranks = (0..times).map(|_| {
        let tensor = Tensor::new(&dimensions, TensorType::U8, &data);
        let rank = tensor.dimensions().len();
        mem::forget(tensor);
        rank
    });
    ranks.max().unwrap_or(0).to_string()
}

/// The model with a description that is this long behind it, loaded and not given back.
fn keep_model(padding: usize, model: &[u8]) -> String {
    let mut model = model.to_vec();
    // Field 6 of a model, of a length.
    model.push(6 << 3 | 2);
    let mut length = padding;
    while length >= 0x80 {
        model.push(length as u8 | 0x80);
        length >>= 7;
    }
    model.push(length as u8);
    model.resize(model.len() + padding, b' ');
    said(load(&[&model], GraphEncoding::Onnx, ExecutionTarget::Cpu).map(mem::forget))
}

/// How many bytes of a tensor come back.
fn tensor(bytes: usize) -> String {
    let data = vec![7; bytes];
    let tensor = Tensor::new(&[bytes as u32], TensorType::U8, &data);
    drop(data);
    tensor.data().len().to_string()
}

/// The same input as often as this, of this name.
fn infer_many(count: usize, name: &str, dimensions: &[u32]) -> String {
    crate::told(load_by_name("pair").and_then(|graph| {
        let input = || Input {
            name: Some(name),
            dimensions,
            ty: TensorType::Fp32,
            data: &[0; 4],
        };
        let inputs: Vec<Input<'_>> = (0..count).map(|_| input()).collect();
        nn::infer(&graph, &inputs).map(|_| "ran".to_owned())
    }))
}

fn prepare_rank(rank: usize) -> String {
    let dimensions = vec![1; rank];
    crate::told(load_by_name("pair").and_then(|graph| {
        let expected = || Expected {
            name: None,
            dimensions: &dimensions,
            ty: TensorType::Fp32,
        };
        prepare(&graph, &[expected(), expected()]).map(|_| "prepared".to_owned())
    }))
}
