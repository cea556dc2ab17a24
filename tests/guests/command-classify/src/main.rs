//! A command as anyone would write it against wasi:nn: it reads a model and a tensor from a
//! directory that it was given, runs the model and prints the scores, highest first.
//!
//! `command-classify MODEL TENSOR INPUT DIMENSIONS`; with `--named GRAPH` in the place of the model
//! the host's graph of that name is used. `GREETING` in the environment is printed first.

use std::{env, fs, process::ExitCode};

use bindings::wasi::nn::errors::Error;
use bindings::wasi::nn::graph::{ExecutionTarget, Graph, GraphEncoding, load, load_by_name};
use bindings::wasi::nn::tensor::{Tensor, TensorType};

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: "../../../wit/deps/wasi-nn",
        world: "wasi:nn/ml",
        generate_all,
    });
}

fn main() -> ExitCode {
    if let Ok(greeting) = env::var("GREETING") {
        println!("{greeting}");
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    match classify(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("command-classify: {message}");
            ExitCode::FAILURE
        }
    }
}

fn classify(arguments: &[String]) -> Result<(), String> {
    let (graph, rest) = match arguments {
        [flag, name, rest @ ..] if flag == "--named" => (load_by_name(name), rest),
        [model, rest @ ..] => (load_file(model)?, rest),
        [] => return Err("expected MODEL TENSOR INPUT DIMENSIONS".to_owned()),
    };
    let [tensor, input, dimensions] = rest else {
        return Err("expected TENSOR INPUT DIMENSIONS after the model".to_owned());
    };
    let data = fs::read(tensor).map_err(|error| format!("{tensor}: {error}"))?;
    let dimensions: Vec<u32> = dimensions
        .split(',')
        .map(|number| number.parse().map_err(|error| format!("{number}: {error}")))
        .collect::<Result<_, String>>()?;
    let context = graph
        .and_then(|graph| graph.init_execution_context())
        .map_err(said)?;
    let tensor = Tensor::new(&dimensions, TensorType::Fp32, &data);
    let outputs = context
        .compute(vec![(input.clone(), tensor)])
        .map_err(said)?;
    for (name, output) in outputs {
        let mut scores: Vec<(usize, f32)> = output
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .enumerate()
            .collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (class, score) in scores.into_iter().take(3) {
            println!("{name}\t{class}\t{score:.6}");
        }
    }
    Ok(())
}

fn load_file(path: &str) -> Result<Result<Graph, Error>, String> {
    let model = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(load(&[model], GraphEncoding::Onnx, ExecutionTarget::Cpu))
}

fn said(error: Error) -> String {
    format!("{:?}: {}", error.code(), error.data())
}
