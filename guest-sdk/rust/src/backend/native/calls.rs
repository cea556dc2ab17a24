//! Calls from a twin to its host, through the host's function table. All arguments of a callback are copied at
//! once; none of the host's pointers is kept.
#![allow(unsafe_code, reason = "calls over a C ABI")]

use std::{ffi::c_void, ptr, rc::Rc};

use tollgate_twin_abi as abi;

use super::{
    Host, HostBucket, bucket,
    table::{Table, bytes, read, read_text, text},
};
use crate::{
    bucket::StoreError,
    element::TensorType,
    error::{Error, ErrorCode},
    graph::{Metadata, TensorInfo},
    log::Level,
    tensor::{Input, Tensor},
};

impl Host for Rc<Table> {
    fn config(&self, key: &str) -> Result<Option<String>, StoreError> {
        bucket::config(self, key)
    }

    fn log(&self, level: Level, context: &str, message: &str) {
        bucket::log(self, level, context, message);
    }

    fn open_bucket(&self, name: &str) -> Result<Rc<dyn HostBucket>, StoreError> {
        Ok(Rc::new(bucket::Opened::new(Rc::clone(self), name)?))
    }

    fn load(&self, name: &str) -> Result<u64, Error> {
        let host = self.host()?;
        let mut graph = 0;
        let mut answer = Answer::default();
        // SAFETY: the host is open, so its table is valid (`Table::new`). `name`, `graph` and
        // `answer` outlive the call, and `fail` reads the context as the `Answer` that it is.
        let done = unsafe {
            (host.load_by_name)(host.host, text(name), &mut graph, fail, answer.context())
        };
        answer.into_result(done).map(|_| graph)
    }

    fn release(&self, graph: u64) {
        if let Ok(host) = self.host() {
            // SAFETY: the host is open, and `graph` is a handle from it, which is returned once,
            // when its `Handle` is dropped.
            unsafe { (host.drop_graph)(host.host, graph) }
        }
    }

    fn describe(&self, graph: u64) -> Result<Metadata, Error> {
        let host = self.host()?;
        let mut answer = Answer::default();
        // SAFETY: the host is open, and `graph` is a handle from it that was not returned yet. Each
        // callback reads the context as the `Answer` that it is, which outlives the call.
        let done =
            unsafe { (host.describe)(host.host, graph, info, device, fail, answer.context()) };
        answer.into_result(done).map(|answer| answer.metadata)
    }

    fn infer(
        &self,
        graph: u64,
        inputs: &[Input<'_>],
        named: bool,
    ) -> Result<Vec<(String, Tensor)>, Error> {
        let host = self.host()?;
        let mut answer = Answer {
            named,
            ..Answer::default()
        };
        let mut run = |inputs: &[abi::TensorRef]| {
            // SAFETY: the host is open, and `graph` is a handle from it that was not returned yet.
            // `inputs` point into slices that are borrowed during the call. The callbacks read the
            // context as the `Answer` that it is.
            unsafe {
                (host.infer)(
                    host.host,
                    graph,
                    inputs.as_ptr(),
                    inputs.len(),
                    output,
                    fail,
                    answer.context(),
                )
            }
        };
        // Most graphs have one input, and a list of one needs no allocation.
        let done = match inputs {
            [input] => run(&[tensor(input)]),
            _ => run(&inputs.iter().map(tensor).collect::<Vec<_>>()),
        };
        answer.into_result(done).map(|answer| answer.outputs)
    }
}

/// What the callbacks of one call collect.
#[derive(Default)]
struct Answer {
    named: bool,
    outputs: Vec<(String, Tensor)>,
    metadata: Metadata,
    error: Option<Error>,
}

impl Answer {
    fn context(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }

    fn into_result(self, done: bool) -> Result<Self, Error> {
        match self.error {
            None if done => Ok(self),
            Some(error) => Err(error),
            None => Err(Error::new(
                ErrorCode::Unknown,
                "the host refused and did not say why",
            )),
        }
    }
}

/// # Safety
/// `context` must come from [`Answer::context`] in a call that has not returned, and must not be in
/// use elsewhere.
unsafe fn answer<'a>(context: *mut c_void) -> &'a mut Answer {
    // SAFETY: as the caller promises.
    unsafe { &mut *context.cast::<Answer>() }
}

unsafe extern "C" fn fail(context: *mut c_void, code: u8, message: abi::Bytes) {
    // SAFETY: the host passes the context of the current call, and a text that outlives this
    // callback.
    let (answer, message) = unsafe { (answer(context), read_text(message)) };
    answer.error = Some(Error::new(ErrorCode::from_ordinal(code), message));
}

unsafe extern "C" fn device(context: *mut c_void, _code: u8, name: abi::Bytes) {
    // SAFETY: as in `fail`.
    let (answer, name) = unsafe { (answer(context), read_text(name)) };
    answer.metadata.device = name;
}

unsafe extern "C" fn info(context: *mut c_void, is_output: bool, info: *const abi::TensorInfo) {
    // SAFETY: as in `fail`; `info` points to one description, which outlives this callback, as does
    // all that it points to.
    let (answer, info, name, dimensions) = unsafe {
        let info = &*info;
        (
            answer(context),
            info,
            read_text(info.name),
            read(info.dimensions, info.rank),
        )
    };
    let Some(ty) = TensorType::from_ordinal(info.ty) else {
        return answer.error = Some(unknown_type(info.ty));
    };
    let dimensions = dimensions
        .iter()
        .map(|size| u32::try_from(*size).ok())
        .collect();
    let infos = if is_output {
        &mut answer.metadata.outputs
    } else {
        &mut answer.metadata.inputs
    };
    infos.push(TensorInfo {
        name,
        ty,
        dimensions,
    });
}

unsafe extern "C" fn output(context: *mut c_void, tensor: *const abi::TensorRef) {
    // SAFETY: as in `info`.
    let (answer, tensor, dimensions, data) = unsafe {
        let tensor = &*tensor;
        (
            answer(context),
            tensor,
            read(tensor.dimensions, tensor.rank),
            read(tensor.data.ptr, tensor.data.len),
        )
    };
    let Some(ty) = TensorType::from_ordinal(tensor.ty) else {
        return answer.error = Some(unknown_type(tensor.ty));
    };
    let name = if answer.named {
        // SAFETY: as in `info`.
        unsafe { read_text(tensor.name) }
    } else {
        String::new()
    };
    let tensor = Tensor {
        dimensions: dimensions.to_vec(),
        ty,
        data: data.to_vec(),
    };
    answer.outputs.push((name, tensor));
}

fn unknown_type(ordinal: u8) -> Error {
    let message =
        format!("the host answered with element type {ordinal}, which wasi-nn does not have");
    Error::new(ErrorCode::UnsupportedOperation, message)
}

fn tensor(input: &Input<'_>) -> abi::TensorRef {
    abi::TensorRef {
        name: input.name.map_or(
            abi::Bytes {
                ptr: ptr::null(),
                len: 0,
            },
            text,
        ),
        ty: input.ty as u8,
        dimensions: input.dimensions.as_ptr(),
        rank: input.dimensions.len(),
        data: bytes(input.data),
    }
}
