//! The graphs as functions of the C ABI. Why each access to the [`Host`] is exclusive is explained in `host`.

use std::{ffi::c_void, ptr, sync::Arc};

use smallvec::SmallVec;
use tollgate_nn::{
    Argument, Data, Error as NnError, ErrorCode, Graph, Tensor, TensorInfo, TensorType,
    clock::Stamp,
};
use tollgate_twin_abi as abi;

use super::{
    bytes::{bytes_of, slice_from, slice_of, text_of},
    host::Host,
};

struct Failed(ErrorCode, String);

impl From<NnError> for Failed {
    fn from(error: NnError) -> Self {
        Failed(error.code(), error.to_string())
    }
}

/// Reports a failure; returns whether there was none.
///
/// # Safety
///
/// `fail` and `context` must be the caller's, valid for the call that is going on.
unsafe fn report(result: Result<(), Failed>, fail: abi::TextSink, context: *mut c_void) -> bool {
    match result {
        Ok(()) => true,
        Err(Failed(code, text)) => {
            // SAFETY: the caller's promise; the text lives for the call.
            unsafe { fail(context, code as u8, bytes_of(text.as_bytes())) };
            false
        }
    }
}

pub(super) unsafe extern "C" fn load_by_name(
    host: *mut c_void,
    name: abi::Bytes,
    graph: *mut u64,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: see the top of `host`; the twin keeps its arguments for the duration of the call.
    let (host, name) = unsafe { (&mut *host.cast::<Host>(), text_of(name)) };
    let result = host
        .nn
        .registry
        .get(&name)
        .ok_or_else(|| Failed(ErrorCode::NotFound, format!("no graph is named `{name}`")))
        .map(|found| {
            host.graphs.push(Some(found));
            // SAFETY: `graph` is where the twin wants the handle.
            unsafe { *graph = host.graphs.len() as u64 - 1 };
        });
    // SAFETY: `fail` and `context` came with the call.
    unsafe { report(result, fail, context) }
}

pub(super) unsafe extern "C" fn drop_graph(host: *mut c_void, graph: u64) {
    // SAFETY: see the top of `host`.
    let host = unsafe { &mut *host.cast::<Host>() };
    if let Some(slot) = usize::try_from(graph)
        .ok()
        .and_then(|index| host.graphs.get_mut(index))
    {
        *slot = None;
    }
}

pub(super) unsafe extern "C" fn describe(
    host: *mut c_void,
    graph: u64,
    info: abi::InfoSink,
    device: abi::TextSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: see the top of `host`.
    let graph = graph_of(unsafe { &*host.cast::<Host>() }, graph);
    let result = graph.map(|graph| {
        let tell = |is_output: bool, infos: &[TensorInfo]| {
            for one in infos {
                let dimensions: SmallVec<[i64; 8]> = one
                    .dimensions
                    .iter()
                    .map(|dimension| dimension.map_or(-1, i64::from))
                    .collect();
                let native = abi::TensorInfo {
                    name: bytes_of(one.name.as_bytes()),
                    ty: one.ty as u8,
                    dimensions: dimensions.as_ptr(),
                    rank: dimensions.len(),
                };
                // SAFETY: the sink and its context came with the call; `native` lives for it.
                unsafe { info(context, is_output, &native) };
            }
        };
        tell(false, graph.inputs());
        tell(true, graph.outputs());
        // SAFETY: as above.
        unsafe { device(context, 0, bytes_of(graph.device().name().as_bytes())) };
    });
    // SAFETY: `fail` and `context` came with the call.
    unsafe { report(result, fail, context) }
}

pub(super) unsafe extern "C" fn infer(
    host: *mut c_void,
    graph: u64,
    inputs: *const abi::TensorRef,
    count: usize,
    outputs: abi::TensorSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    let begin = Stamp::now();
    // SAFETY: see the top of `host`; the twin keeps its inputs for the duration of the call.
    let (host, inputs) = unsafe { (&mut *host.cast::<Host>(), slice_from(inputs, count)) };
    // SAFETY: as above.
    let result = unsafe { run(host, graph, inputs) }.map(|tensors| {
        for tensor in tensors {
            let native = abi::TensorRef {
                name: abi::Bytes {
                    ptr: ptr::null(),
                    len: 0,
                },
                ty: tensor.ty() as u8,
                dimensions: tensor.shape().as_ptr(),
                rank: tensor.shape().len(),
                data: bytes_of(tensor.bytes()),
            };
            // SAFETY: the sink and its context came with the call; the tensor lives for it.
            unsafe { outputs(context, &native) };
            host.scratch.recycle(tensor);
        }
    });
    host.in_host_ns += Stamp::now().nanos_since(begin);
    // SAFETY: `fail` and `context` came with the call.
    unsafe { report(result, fail, context) }
}

/// # Safety
///
/// What the inputs point to must stay valid and unchanged for the call.
unsafe fn run(
    host: &mut Host,
    graph: u64,
    inputs: &[abi::TensorRef],
) -> Result<SmallVec<[Tensor; 2]>, Failed> {
    let graph = graph_of(host, graph)?;
    let arguments = inputs
        .iter()
        .map(|input| {
            let ty = TensorType::from_ordinal(input.ty).ok_or_else(|| {
                Failed(
                    ErrorCode::InvalidArgument,
                    format!("{} is no tensor type", input.ty),
                )
            })?;
            // SAFETY: the caller's promise.
            let (name, dimensions, bytes) = unsafe {
                (
                    slice_of(input.name),
                    slice_from(input.dimensions, input.rank),
                    slice_of(input.data),
                )
            };
            let name = (!input.name.ptr.is_null()).then_some(name);
            Ok(Argument {
                name: name.map(std::str::from_utf8).transpose().map_err(|error| {
                    Failed(ErrorCode::InvalidArgument, format!("a name: {error}"))
                })?,
                data: Data::Bytes {
                    ty,
                    dimensions,
                    bytes,
                },
            })
        })
        .collect::<Result<SmallVec<[Argument<'_>; 4]>, Failed>>()?;
    let own = host.inference.from(Stamp::now());
    let deadline = host.until.map_or(own, |frame| frame.min(own));
    let outcome = graph.run(&mut host.scratch, &arguments, Some(deadline))?;
    host.infer_ns += outcome.ran.ended.nanos_since(outcome.ran.started);
    Ok(outcome.outputs)
}

fn graph_of(host: &Host, handle: u64) -> Result<Arc<Graph>, Failed> {
    usize::try_from(handle)
        .ok()
        .and_then(|index| host.graphs.get(index)?.clone())
        .ok_or_else(|| Failed(ErrorCode::NotFound, "no such graph handle".to_owned()))
}
