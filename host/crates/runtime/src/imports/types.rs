//! The plain types of the interfaces, and their counterparts in `tollgate-nn`.

use tollgate_nn::{ErrorCode, TensorType};
use wasmtime::component::{
    ComponentType, Lift, Lower, Resource, ResourceTable, ResourceTableError,
};

use crate::state::{ErrorEntry, NnCtx, State, TensorEntry};
pub(super) use tollgate_services::Refusal;

/// `wasi:nn/tensor.tensor-type`, in the standard's order.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(super) enum Type {
    #[component(name = "FP16")]
    Fp16,
    #[component(name = "FP32")]
    Fp32,
    #[component(name = "FP64")]
    Fp64,
    #[component(name = "BF16")]
    Bf16,
    #[component(name = "U8")]
    U8,
    #[component(name = "I32")]
    I32,
    #[component(name = "I64")]
    I64,
}

impl From<Type> for TensorType {
    fn from(ty: Type) -> Self {
        match ty {
            Type::Fp16 => TensorType::Fp16,
            Type::Fp32 => TensorType::Fp32,
            Type::Fp64 => TensorType::Fp64,
            Type::Bf16 => TensorType::Bf16,
            Type::U8 => TensorType::U8,
            Type::I32 => TensorType::I32,
            Type::I64 => TensorType::I64,
        }
    }
}

impl From<TensorType> for Type {
    fn from(ty: TensorType) -> Self {
        match ty {
            TensorType::Fp16 => Type::Fp16,
            TensorType::Fp32 => Type::Fp32,
            TensorType::Fp64 => Type::Fp64,
            TensorType::Bf16 => Type::Bf16,
            TensorType::U8 => Type::U8,
            TensorType::I32 => Type::I32,
            TensorType::I64 => Type::I64,
        }
    }
}

/// `wasi:nn/errors.error-code`, in the standard's order.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(super) enum Code {
    #[component(name = "invalid-argument")]
    InvalidArgument,
    #[component(name = "invalid-encoding")]
    InvalidEncoding,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "runtime-error")]
    RuntimeError,
    #[component(name = "unsupported-operation")]
    UnsupportedOperation,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "security")]
    Security,
    #[component(name = "unknown")]
    Unknown,
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidArgument => Code::InvalidArgument,
            ErrorCode::InvalidEncoding => Code::InvalidEncoding,
            ErrorCode::Timeout => Code::Timeout,
            ErrorCode::RuntimeError => Code::RuntimeError,
            ErrorCode::UnsupportedOperation => Code::UnsupportedOperation,
            ErrorCode::TooLarge => Code::TooLarge,
            ErrorCode::NotFound => Code::NotFound,
            ErrorCode::Security => Code::Security,
            ErrorCode::Unknown => Code::Unknown,
        }
    }
}

/// `wasi:nn/graph.graph-encoding`, in the standard's order.
#[derive(Clone, Copy, Debug, PartialEq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(
    dead_code,
    reason = "the derived lifting makes the values, by their ordinals"
)]
pub(super) enum Encoding {
    #[component(name = "openvino")]
    Openvino,
    #[component(name = "onnx")]
    Onnx,
    #[component(name = "tensorflow")]
    Tensorflow,
    #[component(name = "pytorch")]
    Pytorch,
    #[component(name = "tensorflowlite")]
    Tensorflowlite,
    #[component(name = "ggml")]
    Ggml,
    #[component(name = "autodetect")]
    Autodetect,
}

/// `wasi:nn/graph.execution-target`, in the standard's order.
#[derive(Clone, Copy, Debug, PartialEq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub(super) enum Target {
    #[component(name = "cpu")]
    Cpu,
    #[component(name = "gpu")]
    Gpu,
    #[component(name = "tpu")]
    Tpu,
}

/// A function's result as the guest gets it: its value, or a handle of an `error`.
pub(super) type Outcome<T> = (Result<T, Resource<ErrorEntry>>,);

/// Converts a result for the guest; fails only if the handle table is full.
pub(super) fn tell<T>(
    state: &mut State,
    result: Result<T, Refusal>,
) -> wasmtime::Result<Outcome<T>> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(refusal) => Err(refuse(state, refusal)?),
    },))
}

/// Gives the guest a handle of an error, and remembers its message.
#[cold]
fn refuse(state: &mut State, refusal: Refusal) -> wasmtime::Result<Resource<ErrorEntry>> {
    let Refusal {
        code,
        message,
        limit,
    } = refusal;
    state.refused.keep(&message, limit);
    push(&mut state.table, ErrorEntry { code, message })
}

/// Gives the guest a handle of a tensor.
pub(super) fn push_tensor(
    nn: &mut NnCtx,
    entry: TensorEntry,
) -> wasmtime::Result<Resource<TensorEntry>> {
    match nn.tensors.push(entry) {
        Some(number) => Ok(Resource::new_own(number)),
        // The same error as of Wasmtime's own table.
        None => Err(ResourceTableError::Full.into()),
    }
}

/// The tensor of a handle.
pub(super) fn tensor<'a>(
    nn: &'a NnCtx,
    handle: &Resource<TensorEntry>,
) -> wasmtime::Result<&'a TensorEntry> {
    match nn.tensors.get(handle.rep()) {
        Some(entry) => Ok(entry),
        // Wasmtime's own table has refused such handles before.
        None => wasmtime::bail!("there is no such tensor"),
    }
}

/// Takes back the tensor of a handle.
pub(super) fn take_tensor(nn: &mut NnCtx, handle: u32) -> wasmtime::Result<TensorEntry> {
    match nn.tensors.remove(handle) {
        Some(entry) => Ok(entry),
        None => wasmtime::bail!("there is no such tensor"),
    }
}

/// Gives the guest a handle of something else.
pub(super) fn push<T: Send + 'static>(
    table: &mut ResourceTable,
    entry: T,
) -> wasmtime::Result<Resource<T>> {
    Ok(table.push(entry)?)
}
