//! A command for WASI 0.3: it exports `wasi:cli/run@0.3.0` and no older one, writes to standard output
//! by a stream, waits by the clock, and infers by wasi:nn.
//!
//! Its arguments are done in turn: `infer=GRAPH`, which takes one row of three floats, `wait=NANOSECONDS`,
//! `exit=CODE` and `fail`. It is a library on a target without WASI, so that nothing in it is of an older version.

use bindings::wasi::cli::{
    environment::get_arguments, exit::exit_with_code, stdout::write_via_stream,
};
use bindings::wasi::clocks::monotonic_clock::wait_for;
use bindings::wasi::nn::errors::Error;
use bindings::wasi::nn::graph::load_by_name;
use bindings::wasi::nn::tensor::{Tensor, TensorType};

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        clippy::unwrap_used,
        clippy::panic,
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/wasi-nn",
            "../../../wit/deps/wasi-clocks",
            "../../../wit/deps/wasi-cli",
        ],
        inline: "
            package tollgate:wasi3;
            world command {
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/inference@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
                import wasi:clocks/monotonic-clock@0.3.0;
                import wasi:cli/environment@0.3.0;
                import wasi:cli/exit@0.3.0;
                import wasi:cli/stdout@0.3.0;
                export wasi:cli/run@0.3.0;
            }
        ",
        world: "tollgate:wasi3/command",
        generate_all,
    });
    use super::Command;
    export!(Command with_types_in self);
}

struct Command;

impl bindings::exports::wasi::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let mut said = String::new();
        let mut result = Ok(());
        for argument in get_arguments().iter().skip(1) {
            match argument.split_once('=') {
                Some(("infer", graph)) => {
                    let line = infer(graph)
                        .unwrap_or_else(|error| format!("{:?}: {}", error.code(), error.data()));
                    said.push_str(&line);
                    said.push('\n');
                }
                Some(("wait", nanoseconds)) => {
                    wait_for(nanoseconds.parse().map_err(|_| ())?).await;
                }
                Some(("exit", code)) => exit_with_code(code.parse().map_err(|_| ())?),
                _ => result = Err(()),
            }
        }
        let (mut writer, reader) = bindings::wit_stream::new();
        let written = write_via_stream(reader);
        let left = writer.write_all(said.into_bytes()).await;
        drop(writer);
        written.await.map_err(|_| ())?;
        if left.is_empty() { result } else { Err(()) }
    }
}

/// What a graph gives for 1, 2, 3.
fn infer(graph: &str) -> Result<String, Error> {
    let context = load_by_name(graph)?.init_execution_context()?;
    let row: Vec<u8> = [1_f32, 2.0, 3.0]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let tensor = Tensor::new(&[1, 3], TensorType::Fp32, &row);
    let outputs = context.compute(vec![("x".to_owned(), tensor)])?;
    let said: Vec<String> = outputs
        .iter()
        .map(|(name, tensor)| format!("{name}={:?}", floats(&tensor.data())))
        .collect();
    Ok(said.join(" "))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks().0;
    numbers
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect()
}
