//! The command itself; the crate that it uses is there on WASI alone.

use std::{env, fs, process::ExitCode};

use wasi_nn::{ExecutionTarget, Graph, GraphBuilder, GraphEncoding, TensorType};

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match classify(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("preview1-classify: {message}");
            ExitCode::FAILURE
        }
    }
}

fn classify(arguments: &[String]) -> Result<(), String> {
    let (graph, rest) = match arguments {
        [flag, name, rest @ ..] if flag == "--named" => (
            GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::CPU).build_from_cache(name),
            rest,
        ),
        [model, rest @ ..] => {
            let model = fs::read(model).map_err(|error| format!("{model}: {error}"))?;
            let builder = GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::CPU);
            (builder.build_from_bytes([model]), rest)
        }
        [] => return Err("expected MODEL TENSOR DIMENSIONS".to_owned()),
    };
    let graph: Graph = graph.map_err(|error| format!("the model: {error:?}"))?;
    let [tensor, dimensions] = rest else {
        return Err("expected TENSOR DIMENSIONS after the model".to_owned());
    };
    let data = fs::read(tensor).map_err(|error| format!("{tensor}: {error}"))?;
    let dimensions: Vec<usize> = dimensions
        .split(',')
        .map(|number| number.parse().map_err(|error| format!("{number}: {error}")))
        .collect::<Result<_, String>>()?;
    let mut context = graph
        .init_execution_context()
        .map_err(|error| format!("{error:?}"))?;
    context
        .set_input(0, TensorType::F32, &dimensions, &data)
        .map_err(|error| format!("the tensor: {error:?}"))?;
    context.compute().map_err(|error| format!("{error:?}"))?;
    let mut output = vec![0_f32; 4096];
    let bytes = context
        .get_output(0, &mut output)
        .map_err(|error| format!("{error:?}"))?;
    let mut scores: Vec<(usize, f32)> =
        output.iter().take(bytes / 4).copied().enumerate().collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (class, score) in scores.into_iter().take(3) {
        println!("0\t{class}\t{score:.6}");
    }
    Ok(())
}
