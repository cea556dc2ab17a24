//! `conduct` once more, against `wasi:nn@0.2.0-rc-2024-08-19`: a plugin that does what its frame tells
//! it to, by contexts that are told their inputs and asked for their outputs one by one.

#[path = "../../conduct/src/spec.rs"]
mod spec;

use bindings::exports::tollgate::plugin::handler::{Fault, Frame, Guest, Output};
use bindings::wasi::nn::errors::Error;
use bindings::wasi::nn::graph::{ExecutionTarget, GraphEncoding, load, load_by_name};
use bindings::wasi::nn::inference::GraphExecutionContext;
use bindings::wasi::nn::tensor::Tensor;
use spec::Spec;

mod generated {
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
            "../../../wit/deps/wasi-nn-2024-08-19",
            "../../../wit/deps/wasi-logging",
            "../../../wit/deps/wasi-config",
            "../../../wit/deps/wasi-keyvalue",
            "../../../wit/nn",
            "../../../wit/plugin",
        ],
        inline: "
            package tollgate:conduct;
            world older {
                import wasi:nn/tensor@0.2.0-rc-2024-08-19;
                import wasi:nn/graph@0.2.0-rc-2024-08-19;
                import wasi:nn/inference@0.2.0-rc-2024-08-19;
                import wasi:nn/errors@0.2.0-rc-2024-08-19;
                export tollgate:plugin/handler@0.1.0;
            }
        ",
        world: "tollgate:conduct/older",
        generate_all,
    });
    use super::Conduct;
    export!(Conduct with_types_in self);
}

/// By the names that they have where there is one version only.
mod bindings {
    pub(crate) use super::generated::exports;

    pub(crate) mod wasi {
        pub(crate) use crate::generated::wasi::nn0_2_0_rc_2024_08_19 as nn;
    }
}

struct Conduct;

impl Guest for Conduct {
    fn handle(frame: Frame) -> Result<Vec<Output>, Fault> {
        let (line, rest) = match frame.data.iter().position(|&byte| byte == b'\n') {
            Some(end) => frame.data.split_at(end),
            None => (&frame.data[..], &[][..]),
        };
        let line = String::from_utf8_lossy(line).into_owned();
        let (command, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        let bytes = rest.get(1..).unwrap_or_default();
        let said = match command {
            "compute" => compute(arguments),
            "twice" => twice(arguments),
            "unset" => unset(arguments),
            "early" => early(arguments),
            "leak" => leak(arguments),
            "load-as" => load_as(arguments, bytes),
            _ => return Err(Fault::Internal(format!("no command `{command}`"))),
        };
        let said = said.unwrap_or_else(|error| format!("{:?}: {}", error.code(), error.data()));
        Ok(vec![Output {
            name: "said".to_owned(),
            content_type: "text/plain".to_owned(),
            data: said.into_bytes(),
        }])
    }
}

/// `GRAPH NAME:TYPE:DIMENSIONS[:BYTES]… [>OUTPUT…]`: says the outputs of these names.
fn compute(arguments: &str) -> Result<String, Error> {
    let (context, outputs) = ready(arguments)?;
    context.compute()?;
    show(&context, &outputs)
}

/// Computes twice with inputs that were set once, and asks for each output twice.
fn twice(arguments: &str) -> Result<String, Error> {
    let (context, outputs) = ready(arguments)?;
    context.compute()?;
    let first = show(&context, &outputs)?;
    context.compute()?;
    let again = show(&context, &outputs)?;
    let once_more = show(&context, &outputs)?;
    Ok(if first == again && again == once_more {
        first
    } else {
        format!("{first}, then {again}, then {once_more}")
    })
}

/// Computes without having set anything.
fn unset(graph: &str) -> Result<String, Error> {
    let context = load_by_name(graph)?.init_execution_context()?;
    context.compute().map(|()| "computed".to_owned())
}

/// Asks for outputs before there are any.
fn early(arguments: &str) -> Result<String, Error> {
    let (context, outputs) = ready(arguments)?;
    show(&context, &outputs)
}

/// Makes contexts, sets inputs and asks for outputs, and drops all of it, so many times.
fn leak(arguments: &str) -> Result<String, Error> {
    let (times, arguments) = arguments.split_once(' ').unwrap_or_default();
    for _ in 0..times.parse().unwrap_or(0) {
        compute(arguments)?;
    }
    Ok("done".to_owned())
}

fn ready(arguments: &str) -> Result<(GraphExecutionContext, Vec<String>), Error> {
    let (inputs, outputs) = arguments.split_once('>').unwrap_or((arguments, ""));
    let (graph, specs) = spec::parse(inputs);
    let context = load_by_name(graph)?.init_execution_context()?;
    for spec in &specs {
        context.set_input(&spec.name, tensor(spec))?;
    }
    let outputs = outputs.split_whitespace().map(str::to_owned).collect();
    Ok((context, outputs))
}

fn tensor(spec: &Spec) -> Tensor {
    let data = spec.padded();
    Tensor::new(&spec.dimensions, spec.ty, spec.placed(&data))
}

fn show(context: &GraphExecutionContext, outputs: &[String]) -> Result<String, Error> {
    let mut said = Vec::new();
    for name in outputs {
        let tensor = context.get_output(name)?;
        let (dimensions, data) = (tensor.dimensions(), tensor.data());
        said.push(spec::show(tensor.ty(), &dimensions, &data));
    }
    Ok(said.join(" "))
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
    load(&vec![bytes.to_vec(); count], encoding, target).map(|_| "loaded".to_owned())
}
