//! All errors of the crate, each with the code that a guest gets for it.
//!
//! A message is one sentence: it names what failed, what was expected and what came, and says what to do if
//! that is not obvious.

use std::time::Duration;

use crate::{Device, TensorType, text::shown};

/// wasi-nn's error codes, in the standard's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// Wrong rank, dimension, type or byte count; a missing or surplus input.
    InvalidArgument,
    /// The bytes are not a model that can be read.
    InvalidEncoding,
    /// The deadline passed.
    Timeout,
    /// The model ran and failed.
    RuntimeError,
    /// Something that is not there: an operator, an encoding, a device.
    UnsupportedOperation,
    /// A model or tensor over its limit.
    TooLarge,
    /// No graph, input or output of that name.
    NotFound,
    /// Not granted.
    Security,
    /// None of these.
    Unknown,
}

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shared library could not be loaded.
    #[error("cannot load ONNX Runtime from `{path}`: {reason}")]
    Library {
        /// Where it was looked for.
        path: String,
        /// What the loader said.
        reason: String,
    },

    /// The shared library is older than this crate can use.
    #[error("ONNX Runtime {found} at `{path}` is too old: expected {needed} or newer")]
    LibraryTooOld {
        /// Where it is.
        path: String,
        /// Its version.
        found: String,
        /// The oldest version that works.
        needed: String,
    },

    /// No library was loaded before a graph was.
    #[error("no ONNX Runtime is loaded yet: call `OnnxRuntime::load` first")]
    NoLibrary,

    /// The device is not in this build of ONNX Runtime.
    #[error(
        "device `{asked}` is not in this build of ONNX Runtime, which has: {there}; choose one of these, or bring a build that has it"
    )]
    NoDevice {
        /// What was asked for.
        asked: Device,
        /// What is there, separated by commas.
        there: String,
    },

    /// The build has the device, but the device cannot run the graph.
    #[error(
        "graph `{graph}` cannot run on device `{asked}`: {reason}; this build of ONNX Runtime has: {there}"
    )]
    Device {
        /// The graph's name.
        graph: String,
        /// What was asked for.
        asked: Device,
        /// What ONNX Runtime said.
        reason: String,
        /// What is there, separated by commas.
        there: String,
    },

    /// The model's file could not be read.
    #[error("cannot read the model of graph `{graph}` at `{path}`: {reason}")]
    File {
        /// The graph's name.
        graph: String,
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },

    /// The bytes are not a model.
    #[error("graph `{graph}` is not an ONNX model that can be read: {reason}")]
    Encoding {
        /// The graph's name.
        graph: String,
        /// What ONNX Runtime said.
        reason: String,
    },

    /// The model asks for something that this ONNX Runtime, or wasi-nn, does not have.
    #[error("graph `{graph}` is not supported: {}", shown(reason))]
    Unsupported {
        /// The graph's name.
        graph: String,
        /// What is missing.
        reason: String,
    },

    /// The options ask to merge its inferences, but they cannot be merged.
    #[error(
        "graph `{graph}` cannot be batched: {}; use another model, or batch `auto` or `off`",
        shown(reason)
    )]
    Batch {
        /// The graph's name.
        graph: String,
        /// Why not.
        reason: String,
    },

    /// There is a graph of this name already.
    #[error("a graph named `{graph}` is loaded already: give each model a name of its own")]
    DuplicateGraph {
        /// The name.
        graph: String,
    },

    /// Fewer or more inputs than the graph has.
    #[error(
        "graph `{graph}` takes {expected} input(s) ({}), {came} came",
        shown(names)
    )]
    InputCount {
        /// The graph's name.
        graph: String,
        /// How many it takes.
        expected: usize,
        /// Their names, separated by commas.
        names: String,
        /// How many came.
        came: usize,
    },

    /// An input without a default value was left out.
    #[error(
        "graph `{graph}` needs its input `{}`, which did not come",
        shown(input)
    )]
    InputMissing {
        /// The graph's name.
        graph: String,
        /// The input's name.
        input: String,
    },

    /// One input was given twice.
    #[error("input `{}` was given twice", shown(input))]
    InputTwice {
        /// The input's name.
        input: String,
    },

    /// No input of this name.
    #[error(
        "graph `{graph}` has no input `{}`: it has {}",
        shown(input),
        shown(names)
    )]
    NoInput {
        /// The graph's name.
        graph: String,
        /// What was asked for.
        input: String,
        /// The names of the inputs that there are, separated by commas.
        names: String,
    },

    /// No output of this name.
    #[error(
        "graph `{graph}` has no output `{}`: it has {}",
        shown(output),
        shown(names)
    )]
    NoOutput {
        /// The graph's name.
        graph: String,
        /// What was asked for.
        output: String,
        /// The names of the outputs that there are, separated by commas.
        names: String,
    },

    /// An input or output that wasi-nn has no tensor for.
    #[error("{} of graph `{graph}` cannot be used: {reason}", shown(tensor))]
    NoCounterpart {
        /// The graph's name.
        graph: String,
        /// Which input or output, in words.
        tensor: String,
        /// What it is, what wasi-nn has, and what to do.
        reason: String,
    },

    /// Wrong element type.
    #[error("input `{}` must be {expected}, {came} came", shown(input))]
    Type {
        /// The input's name.
        input: String,
        /// What the graph takes.
        expected: TensorType,
        /// What came.
        came: TensorType,
    },

    /// Wrong rank or dimensions.
    #[error(
        "input `{}` must have dimensions {expected}, {came} came",
        shown(input)
    )]
    Dimensions {
        /// The input's name.
        input: String,
        /// What the graph takes, `?` for a dimension that is free.
        expected: String,
        /// What came.
        came: String,
    },

    /// Wrong byte count.
    #[error(
        "{} of dimensions {dimensions} and type {ty} must have {expected} bytes, {came} came",
        shown(tensor)
    )]
    Bytes {
        /// Which tensor, in words.
        tensor: String,
        /// Its dimensions.
        dimensions: String,
        /// Its element type.
        ty: TensorType,
        /// How many bytes these need.
        expected: usize,
        /// How many came.
        came: usize,
    },

    /// A tensor or model over a limit.
    #[error(
        "{}{} is over its limit: at most {limit} bytes, {came} came",
        shown(what),
        graph.as_ref().map(|graph| format!(" of graph `{graph}`")).unwrap_or_default()
    )]
    TooLarge {
        /// What is too large, in words.
        what: String,
        /// The graph's name, where it is one's.
        graph: Option<String>,
        /// The limit, in bytes.
        limit: usize,
        /// How many bytes came, or were asked for.
        came: String,
    },

    /// The deadline passed before the inference was done.
    #[error("the inference on graph `{graph}` was stopped: its deadline of {after:?} passed")]
    Timeout {
        /// The graph's name.
        graph: String,
        /// The time until the deadline.
        after: Duration,
    },

    /// The deadline passed before the model was loaded.
    #[error("loading graph `{graph}` was stopped: its deadline of {after:?} passed")]
    LoadTimeout {
        /// The graph's name.
        graph: String,
        /// The time until the deadline.
        after: Duration,
    },

    /// ONNX Runtime ran the graph and failed.
    #[error("graph `{graph}` failed: {reason}")]
    Run {
        /// The graph's name.
        graph: String,
        /// What ONNX Runtime said.
        reason: String,
    },

    /// There is no helper process to load or run a graph in.
    #[error("a helper process for models cannot be started: {reason}")]
    Helper {
        /// Why not.
        reason: String,
    },

    /// ONNX Runtime refused something else.
    #[error("ONNX Runtime cannot {what}: {reason}")]
    OnnxRuntime {
        /// What was tried.
        what: &'static str,
        /// What it said.
        reason: String,
    },
}

impl Error {
    /// Gives it this graph name, if it is about a graph.
    #[cold]
    pub fn rename_graph(&mut self, name: &str) {
        match self {
            Self::Device { graph, .. }
            | Self::File { graph, .. }
            | Self::Encoding { graph, .. }
            | Self::Unsupported { graph, .. }
            | Self::Batch { graph, .. }
            | Self::DuplicateGraph { graph, .. }
            | Self::InputCount { graph, .. }
            | Self::InputMissing { graph, .. }
            | Self::NoInput { graph, .. }
            | Self::NoOutput { graph, .. }
            | Self::NoCounterpart { graph, .. }
            | Self::Timeout { graph, .. }
            | Self::LoadTimeout { graph, .. }
            | Self::Run { graph, .. }
            | Self::TooLarge {
                graph: Some(graph), ..
            } if graph != name => name.clone_into(graph),
            _ => {}
        }
    }

    /// The code that a guest gets for this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::InputCount { .. }
            | Error::InputTwice { .. }
            | Error::InputMissing { .. }
            | Error::Type { .. }
            | Error::Dimensions { .. }
            | Error::Bytes { .. } => ErrorCode::InvalidArgument,
            Error::Encoding { .. } => ErrorCode::InvalidEncoding,
            Error::Timeout { .. } | Error::LoadTimeout { .. } => ErrorCode::Timeout,
            Error::Run { .. } | Error::Helper { .. } | Error::OnnxRuntime { .. } => {
                ErrorCode::RuntimeError
            }
            Error::Batch { .. }
            | Error::Unsupported { .. }
            | Error::NoCounterpart { .. }
            | Error::NoDevice { .. }
            | Error::Device { .. } => ErrorCode::UnsupportedOperation,
            Error::TooLarge { .. } => ErrorCode::TooLarge,
            Error::NoInput { .. } | Error::NoOutput { .. } | Error::File { .. } => {
                ErrorCode::NotFound
            }
            Error::Library { .. }
            | Error::LibraryTooOld { .. }
            | Error::NoLibrary
            | Error::DuplicateGraph { .. } => ErrorCode::Unknown,
        }
    }
}

/// Dimensions as people write them: `[1, 3, ?]`.
pub fn show_dimensions<T: std::fmt::Display>(
    dimensions: impl IntoIterator<Item = Option<T>>,
) -> String {
    let all: Vec<String> = dimensions
        .into_iter()
        .map(|dimension| dimension.map_or_else(|| "?".to_owned(), |value| value.to_string()))
        .collect();
    format!("[{}]", all.join(", "))
}

/// An error with its causes. Errors of `libloading` say only in their cause what went wrong.
pub fn causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", causes(source)),
        None => error.to_string(),
    }
}
