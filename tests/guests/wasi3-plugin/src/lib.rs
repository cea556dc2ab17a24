//! An asynchronous plugin: `tollgate:plugin-async`, which waits by WASI 0.3's clock and infers by wasi:nn
//! and `tollgate:nn`. It does what its frame says, a command and its arguments.

use std::cell::Cell;

use bindings::exports::tollgate::plugin_async::handler::{Fault, Frame, Guest, Output};
use bindings::tollgate::nn::inference as nn;
use bindings::wasi::clocks::monotonic_clock::{now, wait_for};
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
            "../../../wit/deps/wasi-logging",
            "../../../wit/deps/wasi-config",
            "../../../wit/deps/wasi-keyvalue",
            "../../../wit/deps/wasi-clocks",
            "../../../wit/deps/wasi-cli",
            "../../../wit/nn",
            "../../../wit/plugin",
            "../../../wit/plugin-async",
        ],
        inline: "
            package tollgate:wasi3;
            world plugin {
                include tollgate:plugin-async/plugin@0.1.0;
                // For its streams.
                import wasi:cli/stdout@0.3.0;
            }
        ",
        world: "tollgate:wasi3/plugin",
        generate_all,
    });
    use super::Plugin;
    export!(Plugin with_types_in self);
}

struct Plugin;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

impl Guest for Plugin {
    async fn handle(frame: Frame) -> Result<Vec<Output>, Fault> {
        CALLS.set(CALLS.get() + 1);
        let text = String::from_utf8_lossy(&frame.data).into_owned();
        let (command, argument) = text.split_once(' ').unwrap_or((&text, ""));
        let said = match command {
            "count" => CALLS.get().to_string(),
            "fault" => return Err(Fault::InvalidFrame(argument.to_owned())),
            "infer" => told(infer(argument)),
            "compute" => told(compute(argument)),
            // Waits before and after an inference, and says what it gave.
            "wait-and-infer" => {
                wait_for(2_000_000).await;
                let said = told(compute(argument));
                wait_for(2_000_000).await;
                said
            }
            "wait" => {
                let begin = now();
                let nanoseconds = argument.parse().unwrap_or(u64::MAX);
                wait_for(nanoseconds).await;
                if now() - begin < nanoseconds {
                    return Err(Fault::Internal("the clock did not wait".to_owned()));
                }
                "waited".to_owned()
            }
            "wait-for-nobody" => {
                let (_writer, mut reader) = bindings::wit_stream::new::<u8>();
                format!("{:?}", reader.next().await)
            }
            "leak-streams" => {
                let mut streams = Vec::new();
                loop {
                    streams.push(bindings::wit_stream::new::<u8>());
                }
            }
            "loop" => loop {
                std::hint::black_box(());
            },
            "exhaust" => {
                let mut blocks = Vec::new();
                loop {
                    blocks.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            _ => return Err(Fault::Internal(format!("no command `{command}`"))),
        };
        Ok(vec![Output {
            name: "said".to_owned(),
            content_type: "text/plain".to_owned(),
            data: said.into_bytes(),
        }])
    }
}

/// An error as the tests read it: its code, then its words.
fn told(result: Result<String, Error>) -> String {
    result.unwrap_or_else(|error| format!("{:?}: {}", error.code(), error.data()))
}

/// A graph, and a tensor for it of 1, 2, 3 and so on: `GRAPH [DIMENSIONS]`.
fn input(arguments: &str) -> (&str, Vec<u32>, Vec<u8>) {
    let (graph, dimensions) = arguments.split_once(' ').unwrap_or((arguments, "1,3"));
    let numbers = dimensions.split(',');
    let dimensions: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
    let floats = 1..=dimensions.iter().product();
    let data = floats.flat_map(|number: u32| (number as f32).to_le_bytes());
    (graph, dimensions, data.collect())
}

/// What a graph gives by the standard interface.
fn compute(arguments: &str) -> Result<String, Error> {
    let (graph, dimensions, data) = input(arguments);
    let context = load_by_name(graph)?.init_execution_context()?;
    let tensor = Tensor::new(&dimensions, TensorType::Fp32, &data);
    let outputs = context.compute(vec![("x".to_owned(), tensor)])?;
    let output = outputs.first().map(|(_, tensor)| tensor.data());
    Ok(show(&output.unwrap_or_default()))
}

/// The same in one crossing.
fn infer(arguments: &str) -> Result<String, Error> {
    let (graph, dimensions, data) = input(arguments);
    let graph = load_by_name(graph)?;
    let outputs = nn::infer(
        &graph,
        &[nn::Input {
            name: None,
            dimensions,
            ty: TensorType::Fp32,
            data,
        }],
    )?;
    Ok(show(outputs.first().map_or(&[], |output| &output.data)))
}

fn show(bytes: &[u8]) -> String {
    let numbers = bytes.as_chunks().0.iter();
    let numbers: Vec<f32> = numbers.map(|&bytes| f32::from_le_bytes(bytes)).collect();
    format!("{numbers:?}")
}
