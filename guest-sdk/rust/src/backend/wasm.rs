//! Graphs over the component boundary: wasi:nn and tollgate:nn.
//!
//! This module only converts types. Inputs are passed in place; results are moved, never copied.

use super::bindings::{
    exports::tollgate::plugin::handler,
    tollgate::{
        nn::{inference as nn, prepared},
        plugin::panic,
    },
    wasi::{
        config::store as values,
        keyvalue::{atomics, store},
        logging::logging,
        nn::{errors, graph, inference::GraphExecutionContext, tensor},
    },
};
use crate::{
    bucket::{Keys, StoreError},
    element::TensorType,
    error::{Error, ErrorCode},
    export::Slot,
    graph::{Metadata, TensorInfo},
    log::Level,
    panic::words,
    plugin::{Fault, Frame, Output, Plugin},
    prepared::{Elements, Expected},
    tensor::{Input, Tensor},
};

pub struct Graph(graph::Graph);

impl Graph {
    pub fn load(name: &str) -> Result<Self, Error> {
        Ok(Self(graph::load_by_name(name)?))
    }

    pub fn describe(&self) -> Result<Metadata, Error> {
        let metadata = nn::describe(&self.0);
        let convert = |infos: Vec<nn::TensorInfo>| infos.into_iter().map(Into::into).collect();
        Ok(Metadata {
            inputs: convert(metadata.inputs),
            outputs: convert(metadata.outputs),
            device: metadata.device,
        })
    }

    pub fn infer(&self, inputs: &[Input<'_>]) -> Result<Vec<Tensor>, Error> {
        // Most graphs have one input, and a list of one needs no allocation.
        let outputs = match inputs {
            [input] => nn::infer(&self.0, &[(*input).into()])?,
            _ => {
                let inputs: Vec<_> = inputs.iter().map(|input| (*input).into()).collect();
                nn::infer(&self.0, &inputs)?
            }
        };
        Ok(outputs
            .into_iter()
            .map(|output| Tensor {
                dimensions: output.dimensions,
                ty: output.ty.into(),
                data: output.data,
            })
            .collect())
    }

    pub fn prepare(&self, inputs: &[Expected<'_>]) -> Result<Prepared, Error> {
        let inputs: Vec<_> = inputs.iter().map(|input| (*input).into()).collect();
        let inner = prepared::prepare(&self.0, &inputs)?;
        let known = inner
            .outputs()
            .into_iter()
            .map(|info| {
                let dimensions: Vec<u32> = info.dimensions.into_iter().collect::<Option<_>>()?;
                // An empty list may mean a scalar, or that the host does not know the number of
                // dimensions.
                (!dimensions.is_empty()).then(|| (info.ty.into(), dimensions))
            })
            .collect();
        Ok(Prepared { inner, known })
    }

    pub fn context(&self) -> Result<Context, Error> {
        Ok(Context(self.0.init_execution_context()?))
    }
}

pub struct Prepared {
    inner: prepared::Prepared,
    /// Types and dimensions of the outputs, if they follow from those of the inputs.
    known: Option<Vec<(TensorType, Vec<u32>)>>,
}

impl Prepared {
    pub fn run(&self, inputs: &[Elements<'_>]) -> Result<Vec<Tensor>, Error> {
        let inputs: Vec<&[u8]> = inputs.iter().map(|input| input.data).collect();
        let data = self.inner.run(&inputs)?;
        Ok(match &self.known {
            Some(known) if known.iter().zip(&data).all(fits) => data
                .into_iter()
                .zip(known)
                .map(|(data, (ty, dimensions))| Tensor {
                    dimensions: dimensions.clone(),
                    ty: *ty,
                    data,
                })
                .collect(),
            _ => data
                .into_iter()
                .zip(self.inner.outputs())
                .map(|(data, info)| Tensor {
                    // After a run all dimensions are known.
                    dimensions: info.dimensions.into_iter().flatten().collect(),
                    ty: info.ty.into(),
                    data,
                })
                .collect(),
        })
    }

    pub fn run_one(&self, input: Elements<'_>) -> Result<Tensor, Error> {
        let data = self.inner.run_one(input.data)?;
        if let Some([known @ (ty, dimensions)]) = self.known.as_deref()
            && fits((known, &data))
        {
            return Ok(Tensor {
                dimensions: dimensions.clone(),
                ty: *ty,
                data,
            });
        }
        let infos = self.inner.outputs();
        let info = infos.into_iter().next().ok_or_else(|| {
            Error::new(ErrorCode::RuntimeError, "the graph has no output any more")
        })?;
        Ok(Tensor {
            dimensions: info.dimensions.into_iter().flatten().collect(),
            ty: info.ty.into(),
            data,
        })
    }

    pub fn outputs(&self) -> Result<Vec<TensorInfo>, Error> {
        Ok(self.inner.outputs().into_iter().map(Into::into).collect())
    }
}

/// Whether an output has the expected number of bytes. A model may declare its outputs wrongly.
fn fits(((ty, dimensions), data): (&(TensorType, Vec<u32>), &Vec<u8>)) -> bool {
    let elements = dimensions.iter().try_fold(1usize, |product, &dimension| {
        product.checked_mul(dimension as usize)
    });
    elements.and_then(|elements| elements.checked_mul(ty.size())) == Some(data.len())
}

pub struct Context(GraphExecutionContext);

impl Context {
    pub fn compute(&self, inputs: &[(&str, Input<'_>)]) -> Result<Vec<(String, Tensor)>, Error> {
        let inputs = inputs
            .iter()
            .map(|(name, input)| {
                let tensor = tensor::Tensor::new(input.dimensions, input.ty.into(), input.data);
                ((*name).to_owned(), tensor)
            })
            .collect();
        let outputs = self.0.compute(inputs)?;
        Ok(outputs
            .into_iter()
            .map(|(name, tensor)| {
                let tensor = Tensor {
                    dimensions: tensor.dimensions(),
                    ty: tensor.ty().into(),
                    data: tensor.data(),
                };
                (name, tensor)
            })
            .collect())
    }
}

pub fn config(key: &str) -> Result<Option<String>, StoreError> {
    values::get(key).map_err(|error| {
        let (values::Error::Upstream(reason) | values::Error::Io(reason)) = error;
        StoreError::Other(reason)
    })
}

pub fn log(level: Level, context: &str, message: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
        Level::Critical => logging::Level::Critical,
    };
    logging::log(level, context, message);
}

pub struct Bucket(store::Bucket);

impl Bucket {
    pub fn open(name: &str) -> Result<Self, StoreError> {
        Ok(Self(store::open(name)?))
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key)?)
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        Ok(self.0.set(key, value)?)
    }

    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        Ok(self.0.delete(key)?)
    }

    pub fn exists(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.0.exists(key)?)
    }

    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        Ok(atomics::increment(&self.0, key, delta)?)
    }

    pub fn keys(&self, cursor: Option<u64>) -> Result<Keys, StoreError> {
        let page = self.0.list_keys(cursor)?;
        Ok(Keys {
            keys: page.keys,
            cursor: page.cursor,
        })
    }
}

impl From<store::Error> for StoreError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoSuchStore => StoreError::NoSuchStore,
            store::Error::AccessDenied => StoreError::AccessDenied,
            store::Error::Other(reason) => StoreError::Other(reason),
        }
    }
}

/// From now on a panic tells the host why, before it traps. A hook of the plugin's own comes in its place.
fn say_panics() {
    std::panic::set_hook(Box::new(|panic| panic::report(&words(panic))));
}

/// Handles one frame from the host: converts it, calls the plugin, and converts the result.
pub fn handle<P: Plugin>(
    slot: &Slot<P>,
    frame: handler::Frame,
) -> Result<Vec<handler::Output>, handler::Fault> {
    let frame = Frame {
        sequence: frame.sequence,
        source: frame.source,
        content_type: frame.content_type,
        acquired_ns: frame.acquired_ns,
        data: frame.data,
    };
    if slot.is_empty() {
        // Before the plugin is made, which may panic as well.
        say_panics();
    }
    let outputs = slot.handle(&frame)?;
    Ok(outputs.into_iter().map(Into::into).collect())
}

impl From<Output> for handler::Output {
    fn from(output: Output) -> Self {
        Self {
            name: output.name,
            content_type: output.content_type,
            data: output.data,
        }
    }
}

impl From<Fault> for handler::Fault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::InvalidFrame(message) => Self::InvalidFrame(message),
            Fault::Inference(message) => Self::Inference(message),
            Fault::Internal(message) => Self::Internal(message),
        }
    }
}

impl<'a> From<Input<'a>> for nn::Input<'a> {
    fn from(input: Input<'a>) -> Self {
        Self {
            name: input.name,
            dimensions: input.dimensions,
            ty: input.ty.into(),
            data: input.data,
        }
    }
}

impl<'a> From<Expected<'a>> for prepared::Expected<'a> {
    fn from(input: Expected<'a>) -> Self {
        Self {
            name: input.name,
            dimensions: input.dimensions,
            ty: input.ty.into(),
        }
    }
}

impl From<nn::TensorInfo> for TensorInfo {
    fn from(info: nn::TensorInfo) -> Self {
        Self {
            name: info.name,
            ty: info.ty.into(),
            dimensions: info.dimensions,
        }
    }
}

impl From<errors::Error> for Error {
    fn from(error: errors::Error) -> Self {
        let code = match error.code() {
            errors::ErrorCode::InvalidArgument => ErrorCode::InvalidArgument,
            errors::ErrorCode::InvalidEncoding => ErrorCode::InvalidEncoding,
            errors::ErrorCode::Timeout => ErrorCode::Timeout,
            errors::ErrorCode::RuntimeError => ErrorCode::RuntimeError,
            errors::ErrorCode::UnsupportedOperation => ErrorCode::UnsupportedOperation,
            errors::ErrorCode::TooLarge => ErrorCode::TooLarge,
            errors::ErrorCode::NotFound => ErrorCode::NotFound,
            errors::ErrorCode::Security => ErrorCode::Security,
            errors::ErrorCode::Unknown => ErrorCode::Unknown,
        };
        Self {
            code,
            message: error.data(),
        }
    }
}

impl From<TensorType> for tensor::TensorType {
    fn from(ty: TensorType) -> Self {
        match ty {
            TensorType::Fp16 => Self::Fp16,
            TensorType::Fp32 => Self::Fp32,
            TensorType::Fp64 => Self::Fp64,
            TensorType::Bf16 => Self::Bf16,
            TensorType::U8 => Self::U8,
            TensorType::I32 => Self::I32,
            TensorType::I64 => Self::I64,
        }
    }
}

impl From<tensor::TensorType> for TensorType {
    fn from(ty: tensor::TensorType) -> Self {
        match ty {
            tensor::TensorType::Fp16 => Self::Fp16,
            tensor::TensorType::Fp32 => Self::Fp32,
            tensor::TensorType::Fp64 => Self::Fp64,
            tensor::TensorType::Bf16 => Self::Bf16,
            tensor::TensorType::U8 => Self::U8,
            tensor::TensorType::I32 => Self::I32,
            tensor::TensorType::I64 => Self::I64,
        }
    }
}
