//! The host's functions for a twin: the graphs, as functions of the C ABI.
//!
//! Each function reaches the [`Host`] through the pointer that the twin passes back. The twin runs
//! on one thread and calls one function at a time, and the host touches the `Host` only while the
//! twin is not running, so each access is exclusive.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::Arc,
};

use smallvec::SmallVec;
use tollgate_nn::{
    Argument, Data, Error as NnError, ErrorCode, Graph, Scratch, Tensor, TensorInfo, TensorType,
    clock::{Budget, Deadline, Stamp},
};
use tollgate_twin_abi as abi;

use super::{services, slice_from};
use crate::{Bucket, Grants, Limits, NnHost, services::Services};

pub(super) struct Host {
    table: abi::Host,
    nn: NnHost,
    scratch: Scratch,
    graphs: Vec<Option<Arc<Graph>>>,
    pub(super) services: Services,
    pub(super) buckets: Vec<Option<Arc<dyn Bucket>>>,
    inference: Budget,
    deadline: Option<Budget>,
    /// The deadline of the current frame.
    until: Option<Deadline>,
    infer_ns: u64,
    pub(super) in_host_ns: u64,
    pub(super) keyvalue_ns: u64,
}

impl Host {
    pub(super) fn new(nn: NnHost, grants: &Grants, limits: &Limits) -> Result<Self, NnError> {
        Ok(Self {
            table: abi::Host {
                abi: abi::ABI_VERSION,
                host: ptr::null_mut(),
                load_by_name,
                drop_graph,
                describe,
                infer,
                config: services::config,
                log: services::log,
                open_bucket: services::open_bucket,
                drop_bucket: services::drop_bucket,
                bucket_get: services::bucket_get,
                bucket_set: services::bucket_set,
                bucket_delete: services::bucket_delete,
                bucket_exists: services::bucket_exists,
                bucket_increment: services::bucket_increment,
                bucket_keys: services::bucket_keys,
            },
            scratch: Scratch::with(nn.caller)?,
            nn,
            graphs: Vec::new(),
            services: Services::new(grants, limits),
            buckets: Vec::new(),
            inference: Budget::new(limits.inference),
            deadline: limits.deadline.map(Budget::new),
            until: None,
            infer_ns: 0,
            in_host_ns: 0,
            keyvalue_ns: 0,
        })
    }

    /// The table of a host, which must not be moved.
    pub(super) fn table(host: NonNull<Host>) -> *const abi::Host {
        // SAFETY: `host` is valid, and there is no other reference yet.
        unsafe {
            (*host.as_ptr()).table.host = host.as_ptr().cast();
            &raw const (*host.as_ptr()).table
        }
    }

    /// A frame begins.
    pub(super) fn begin(&mut self) {
        (self.infer_ns, self.in_host_ns, self.keyvalue_ns) = (0, 0, 0);
        let now = Stamp::now();
        self.until = self.deadline.map(|deadline| deadline.from(now));
        self.services.begin(self.until);
    }

    /// Time in runs, in all of the host's functions, and in buckets, since the frame began.
    pub(super) fn spent(&self) -> (u64, u64, u64) {
        (self.infer_ns, self.in_host_ns, self.keyvalue_ns)
    }

    fn graph(&self, handle: u64) -> Result<Arc<Graph>, Failed> {
        usize::try_from(handle)
            .ok()
            .and_then(|index| self.graphs.get(index)?.clone())
            .ok_or_else(|| Failed(ErrorCode::NotFound, "no such graph handle".to_owned()))
    }
}

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

unsafe extern "C" fn load_by_name(
    host: *mut c_void,
    name: abi::Bytes,
    graph: *mut u64,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: see the top of this file; the twin keeps its arguments for the duration of the call.
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

unsafe extern "C" fn drop_graph(host: *mut c_void, graph: u64) {
    // SAFETY: see the top of this file.
    let host = unsafe { &mut *host.cast::<Host>() };
    if let Some(slot) = usize::try_from(graph)
        .ok()
        .and_then(|index| host.graphs.get_mut(index))
    {
        *slot = None;
    }
}

unsafe extern "C" fn describe(
    host: *mut c_void,
    graph: u64,
    info: abi::InfoSink,
    device: abi::TextSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: see the top of this file.
    let graph = unsafe { (*host.cast::<Host>()).graph(graph) };
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

unsafe extern "C" fn infer(
    host: *mut c_void,
    graph: u64,
    inputs: *const abi::TensorRef,
    count: usize,
    outputs: abi::TensorSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    let begin = Stamp::now();
    // SAFETY: see the top of this file; the twin keeps its inputs for the duration of the call.
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
    let graph = host.graph(graph)?;
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

pub(super) fn bytes_of(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// # Safety
///
/// The bytes must stay valid for the lifetime that the caller picks.
pub(super) unsafe fn slice_of<'a>(bytes: abi::Bytes) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { slice_from(bytes.ptr, bytes.len) }
}

/// # Safety
///
/// The bytes must stay valid for the call.
pub(super) unsafe fn text_of(bytes: abi::Bytes) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { slice_of(bytes) }).into_owned()
}
