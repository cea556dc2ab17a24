//! One session of ONNX Runtime: made from a model and options, and what it says of its inputs and outputs.

use ort::{
    AsPointer, ErrorCode as OrtCode, ep,
    session::{
        Session as Built,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
    value::{TensorElementType, ValueType},
};

use tollgate_onnx as onnx;

use crate::{
    Device, Error, OnnxRuntime, Optimization, Source, TensorType, source::refuse_unsafe, text::tidy,
};

/// Where ONNX Runtime looks for weights of a model that comes from bytes.
const WEIGHTS_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// A place that is no folder, so that nothing is in it.
const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// How a session is made.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The device. If it is not there, no session is made.
    pub device: Device,
    /// Lets single nodes run on the CPU if the device has no kernel for them.
    pub allow_cpu_nodes: bool,
    /// Threads inside one inference.
    pub threads: usize,
    /// Whether these threads spin for a while when they have no work, instead of sleeping at once.
    pub spins: bool,
    /// How far ONNX Runtime rewrites the graph.
    pub optimization: Optimization,
    /// Whether freed memory stays in ONNX Runtime's arena for the next inference.
    pub arena: bool,
}

/// A session, which any number of threads may run at once on the CPU, and one at a time elsewhere.
pub struct Session(Built);

impl Session {
    /// Makes a session. Errors name the graph as `graph`.
    ///
    /// # Errors
    ///
    /// If ONNX Runtime is not loaded or lacks the device, or refuses the model; and for bytes in its own format
    /// or that refer to files.
    pub fn load(graph: &str, source: Source<'_>, options: &SessionOptions) -> Result<Self, Error> {
        let runtime = OnnxRuntime::loaded()?;
        if let Source::Bytes(bytes) = source {
            refuse_unsafe(graph, bytes)?;
        }
        if !runtime.devices().contains(&options.device) {
            return Err(Error::NoDevice {
                asked: options.device,
                there: runtime.device_names(),
            });
        }
        build(runtime, graph, source, options).map(Self)
    }

    /// The inputs that every inference must have.
    pub fn inputs(&self) -> Vec<Outlet> {
        let all = self.0.inputs().iter();
        all.map(|of| Outlet::of(of.name(), of.dtype())).collect()
    }

    /// The inputs that have a default value in the model.
    pub fn optional_inputs(&self) -> Vec<Outlet> {
        let all = self.0.overridable_initializers();
        let all = all.iter();
        all.map(|of| Outlet::of(of.name(), of.dtype())).collect()
    }

    /// The outputs.
    pub fn outputs(&self) -> Vec<Outlet> {
        let all = self.0.outputs().iter();
        all.map(|of| Outlet::of(of.name(), of.dtype())).collect()
    }

    pub(crate) fn ptr(&self) -> *const ort::sys::OrtSession {
        self.0.ptr()
    }
}

/// An input or output of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// Its name in the model.
    pub name: String,
    /// What it is.
    pub kind: OutletKind,
}

/// What an input or output is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutletKind {
    /// A tensor of a type that wasi-nn has.
    Tensor {
        /// The type of its elements.
        ty: TensorType,
        /// Its dimensions; none for those that an inference decides.
        dimensions: Vec<Option<u32>>,
        /// The names that the model has for dimensions, empty for those without; at most one for each dimension.
        symbols: Vec<String>,
    },
    /// What wasi-nn has no tensor for.
    Other(Other),
}

/// An input or output that wasi-nn has no tensor for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Other {
    /// A tensor of strings.
    Strings,
    /// A tensor with an element type that wasi-nn does not have: the type's name.
    Elements(String),
    /// A sequence, a map or an optional value, in words: one of [`Other::NO_TENSORS`].
    NoTensor(&'static str),
}

impl Other {
    /// What is no tensor at all, in words.
    pub const NO_TENSORS: [&'static str; 3] = ["a sequence", "a map", "an optional value"];
}

impl Outlet {
    fn of(name: &str, ty: &ValueType) -> Self {
        Self {
            name: name.to_owned(),
            kind: OutletKind::of(ty),
        }
    }
}

impl OutletKind {
    fn of(ty: &ValueType) -> Self {
        let [sequence, map, optional] = Other::NO_TENSORS;
        let (ty, shape, symbols) = match ty {
            ValueType::Tensor {
                ty,
                shape,
                dimension_symbols,
            } => (ty, shape, dimension_symbols),
            ValueType::Sequence(_) => return Self::Other(Other::NoTensor(sequence)),
            ValueType::Map { .. } => return Self::Other(Other::NoTensor(map)),
            ValueType::Optional(_) => return Self::Other(Other::NoTensor(optional)),
        };
        match (tensor_type(*ty), ty) {
            (Some(ty), _) => Self::Tensor {
                ty,
                dimensions: shape.iter().map(|&d| u32::try_from(d).ok()).collect(),
                symbols: symbols.to_vec(),
            },
            (None, TensorElementType::String) => Self::Other(Other::Strings),
            (None, ty) => Self::Other(Other::Elements(ty.to_string())),
        }
    }
}

fn tensor_type(element: TensorElementType) -> Option<TensorType> {
    Some(match element {
        TensorElementType::Float16 => TensorType::Fp16,
        TensorElementType::Float32 => TensorType::Fp32,
        TensorElementType::Float64 => TensorType::Fp64,
        TensorElementType::Bfloat16 => TensorType::Bf16,
        TensorElementType::Uint8 => TensorType::U8,
        TensorElementType::Int32 => TensorType::I32,
        TensorElementType::Int64 => TensorType::I64,
        _ => return None,
    })
}

fn build(
    runtime: &OnnxRuntime,
    graph: &str,
    source: Source<'_>,
    options: &SessionOptions,
) -> Result<Built, Error> {
    let mut builder = configure(runtime, options).map_err(|reason| Error::Device {
        graph: graph.to_owned(),
        asked: options.device,
        reason,
        there: runtime.device_names(),
    })?;
    let session = match source {
        Source::File(path) => builder.commit_from_file(path),
        // `refuse_unsafe` has found that such a model names no file. If ONNX Runtime looks for files all
        // the same, it finds none here.
        Source::Bytes(bytes) => builder
            .with_config_entry(WEIGHTS_FOLDER, NOWHERE)
            .map_err(|error| ort::Error::new(error.message().to_owned()))
            .and_then(|mut builder| builder.commit_from_memory(bytes)),
    };
    session.map_err(|error| explain(runtime, graph, source, options.device, &error))
}

fn configure(runtime: &OnnxRuntime, options: &SessionOptions) -> Result<SessionBuilder, String> {
    let said = |error: ort::Error<SessionBuilder>| tidy(error.message());
    let mut builder = Built::builder(runtime.environment())
        .map_err(|error| tidy(error.message()))?
        .with_optimization_level(level(options.optimization))
        .map_err(said)?
        .with_intra_threads(options.threads)
        .map_err(said)?
        .with_inter_threads(1)
        .map_err(said)?
        .with_config_entry(
            "session.intra_op.allow_spinning",
            if options.spins { "1" } else { "0" },
        )
        .map_err(said)?;
    if let Some(registration) = options.device.registration() {
        builder = builder
            .with_execution_providers([registration])
            .map_err(said)?;
        if !options.allow_cpu_nodes {
            // Otherwise ONNX Runtime quietly runs on the CPU what the device has no kernel for.
            builder = builder
                .with_config_entry("session.disable_cpu_ep_fallback", "1")
                .map_err(said)?;
        }
    } else {
        let cpu = ep::CPU::default().with_arena_allocator(options.arena);
        builder = builder
            .with_execution_providers([cpu.build().error_on_failure()])
            .map_err(said)?;
    }
    Ok(builder)
}

fn level(optimization: Optimization) -> GraphOptimizationLevel {
    match optimization {
        Optimization::None => GraphOptimizationLevel::Disable,
        Optimization::Basic => GraphOptimizationLevel::Level1,
        Optimization::Extended => GraphOptimizationLevel::Level2,
        Optimization::All => GraphOptimizationLevel::All,
    }
}

/// Finds out why a session could not be made: because of the model, the device or the library.
fn explain(
    runtime: &OnnxRuntime,
    graph: &str,
    source: Source<'_>,
    device: Device,
    error: &ort::Error,
) -> Error {
    let (graph, reason) = (graph.to_owned(), tidy(error.message()));
    if reason.contains("bad_alloc") {
        let reason = "loading it takes more memory than this process may have".to_owned();
        return Error::Run { graph, reason };
    }
    if let Some(reason) = source.is_no_model() {
        return Error::Encoding { graph, reason };
    }
    if let Some(reason) = onnx::explain(&reason, runtime.version()) {
        return Error::Unsupported { graph, reason };
    }
    // ONNX Runtime's error code for an unknown operator is also used for other failures; its message
    // tells them apart.
    let missing_operator = [
        "is not a registered function/op",
        "No Op registered for",
        "Could not find an implementation",
    ]
    .iter()
    .any(|words| reason.contains(words));
    match error.code() {
        _ if missing_operator => Error::Unsupported { graph, reason },
        OrtCode::NotImplemented => Error::Unsupported { graph, reason },
        _ if device != Device::Cpu => Error::Device {
            graph,
            asked: device,
            reason,
            there: runtime.device_names(),
        },
        _ => Error::Encoding { graph, reason },
    }
}
