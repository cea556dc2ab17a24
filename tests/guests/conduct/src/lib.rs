//! A plugin that does what its frame tells it to, good or bad: one command a frame, the first word
//! of its text. The tests hold what the host makes of it.
//!
//! It is written against the interfaces themselves, so that it can misuse them in ways that no SDK
//! would let it.

mod buckets;
mod keep;
mod misuse;
mod ready;
mod spec;

use std::cell::Cell;

use bindings::exports::tollgate::plugin::handler::{Fault, Frame, Guest, Output};
use bindings::tollgate::nn::inference as nn;
use bindings::wasi::nn::errors::Error;
use bindings::wasi::nn::graph::{ExecutionTarget, Graph, GraphEncoding, load, load_by_name};
use bindings::wasi::nn::tensor::Tensor;
use spec::Spec;

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
    use super::Conduct;
    export!(Conduct with_types_in self);
}

struct Conduct;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

impl Guest for Conduct {
    fn handle(frame: Frame) -> Result<Vec<Output>, Fault> {
        let calls = CALLS.get() + 1;
        CALLS.set(calls);
        let (line, rest) = match frame.data.iter().position(|&byte| byte == b'\n') {
            Some(end) => frame.data.split_at(end),
            None => (&frame.data[..], &[][..]),
        };
        let line = String::from_utf8_lossy(line).into_owned();
        let (command, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        let bytes = rest.get(1..).unwrap_or_default();
        let said = match command {
            "count" => calls.to_string(),
            "fault" => return Err(Fault::InvalidFrame(arguments.to_owned())),
            "compute" => told(compute(arguments)),
            "infer" => told(infer(arguments)),
            "describe" => told(describe(arguments)),
            "by-name" => told(load_by_name(arguments).map(|_| "loaded".to_owned())),
            "load" => told(
                load(&[bytes], GraphEncoding::Onnx, ExecutionTarget::Cpu)
                    .map(|_| "loaded".to_owned()),
            ),
            "load-as" => told(load_as(arguments, bytes)),
            _ => buckets::run(command, arguments)
                .or_else(|| ready::run(command, arguments))
                .or_else(|| misuse::run(command, arguments))
                .or_else(|| keep::run(command, arguments, bytes))
                .ok_or_else(|| Fault::Internal(format!("no command `{command}`")))?,
        };
        Ok(vec![Output {
            name: "said".to_owned(),
            content_type: "text/plain".to_owned(),
            data: said.into_bytes(),
        }])
    }
}

/// An error as the tests read it: its code, then its words.
pub(crate) fn told(result: Result<String, Error>) -> String {
    result.unwrap_or_else(|error| format!("{:?}: {}", error.code(), error.data()))
}

/// `GRAPH NAME:TYPE:DIMENSIONS[:BYTES]…` by the standard interface; says the outputs.
fn compute(arguments: &str) -> Result<String, Error> {
    let (graph, specs) = spec::parse(arguments);
    let context = load_by_name(graph)?.init_execution_context()?;
    let inputs: Vec<(String, Tensor)> = specs
        .iter()
        .map(|spec| {
            let tensor = Tensor::new(&spec.dimensions, spec.ty, &spec.data);
            (spec.name.clone(), tensor)
        })
        .collect();
    let outputs = context.compute(inputs)?;
    let said: Vec<String> = outputs
        .iter()
        .map(|(name, tensor)| {
            let (dimensions, data) = (tensor.dimensions(), tensor.data());
            format!("{name}={}", spec::show(tensor.ty(), &dimensions, &data))
        })
        .collect();
    Ok(said.join(" "))
}

/// The same in one crossing. A name of `_` is none; `@` before the type puts the bytes at an odd
/// address.
fn infer(arguments: &str) -> Result<String, Error> {
    let (graph, specs) = spec::parse(arguments);
    let graph: Graph = load_by_name(graph)?;
    let padded: Vec<Vec<u8>> = specs.iter().map(Spec::padded).collect();
    let inputs: Vec<nn::Input<'_>> = specs
        .iter()
        .zip(&padded)
        .map(|(spec, padded)| nn::Input {
            name: (spec.name != "_").then_some(&*spec.name),
            dimensions: &spec.dimensions,
            ty: spec.ty,
            data: spec.placed(padded),
        })
        .collect();
    let outputs = nn::infer(&graph, &inputs)?;
    let said: Vec<String> = outputs
        .iter()
        .map(|output| spec::show(output.ty, &output.dimensions, &output.data))
        .collect();
    Ok(said.join(" "))
}

fn describe(graph: &str) -> Result<String, Error> {
    let metadata = nn::describe(&load_by_name(graph)?);
    let show = |infos: &[nn::TensorInfo]| {
        let all: Vec<String> = infos
            .iter()
            .map(|info| format!("{}:{:?}{:?}", info.name, info.ty, info.dimensions))
            .collect();
        all.join(",")
    };
    Ok(format!(
        "{} -> {} on {}",
        show(&metadata.inputs),
        show(&metadata.outputs),
        metadata.device
    ))
}

/// `ENCODING TARGET BUILDERS`: the same bytes as so many builders.
fn load_as(arguments: &str, bytes: &[u8]) -> Result<String, Error> {
    let mut words = arguments.split(' ');
    let encoding = match words.next() {
        Some("openvino") => GraphEncoding::Openvino,
        Some("autodetect") => GraphEncoding::Autodetect,
        _ => GraphEncoding::Onnx,
    };
    let target = match words.next() {
        Some("gpu") => ExecutionTarget::Gpu,
        Some("tpu") => ExecutionTarget::Tpu,
        _ => ExecutionTarget::Cpu,
    };
    let count = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    load(&vec![bytes; count], encoding, target).map(|_| "loaded".to_owned())
}
