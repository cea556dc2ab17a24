//! The twin: the same plugin compiled natively, with the same graphs; only the boundary is missing. Its time
//! for a frame is compared with the sandboxed plugin's. Both run in turn in one process.
//!
//! A twin is native code, which is loaded only because the user asks for it: there is no sandbox. It stays on
//! the thread that loaded it.
//!
//! - `table`: the host's functions as one table of the C ABI, over `graphs` and `services`;
//! - `graphs`, `services`: what the twin calls, over `host` and `bytes`;
//! - `host`: what these reach, and why each access is exclusive;
//! - `bytes`: bytes and text as the C ABI passes them;
//! - `error`: why a library is no twin that can be used.
//!
//! ```no_run
//! # use std::{path::Path, sync::Arc};
//! use tollgate_nn::{GraphOptions, GraphRegistry};
//! use tollgate_services::{Frame, Grants, Limits, NnHost};
//! use tollgate_twin::Twin;
//!
//! # fn twin(frame: &Frame) -> Result<(), tollgate_twin::Error> {
//! let graphs = NnHost::new(Arc::new(GraphRegistry::new()), GraphOptions::default());
//! let library = Path::new("meter-reader.so");
//! let mut twin = Twin::load(library, graphs, &Grants::default(), &Limits::default())?;
//! let (outputs, record) = twin.handle(frame);
//! println!("{} outputs in {} ns", outputs?.map_or(0, |all| all.len()), record.total_ns);
//! # Ok(())
//! # }
//! ```
//!
//! It knows no Wasmtime.
#![allow(
    unsafe_code,
    reason = "a C ABI over a shared library; each block says why it is sound"
)]

mod bytes;
mod error;
mod graphs;
mod host;
mod services;
mod table;

use std::{
    ffi::c_void,
    path::Path,
    ptr::{self, NonNull},
};

use libloading::Library;
use tollgate_nn::{causes, clock::Stamp};
use tollgate_services::{Fault, Frame, Grants, Limits, NnHost, Output, TwinRecord};
use tollgate_twin_abi as abi;

use self::{
    bytes::{bytes_of, slice_of, text_of},
    host::Host,
};

pub use error::Error;

/// A loaded twin, with one plugin value in it.
pub struct Twin {
    plugin: NonNull<c_void>,
    functions: abi::Twin,
    host: NonNull<Host>,
    path: String,
    /// Declared last, so it is unloaded last.
    _library: Library,
}

impl Twin {
    /// Loads a shared library and makes its plugin value. It has the same configuration, log and buckets as
    /// the plugin, and may use all graphs.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] if the library cannot be loaded, is no twin or one of another version, or if its
    /// plugin could not be made.
    pub fn load(
        path: &Path,
        host: NnHost,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let failed = |reason: String| Error::Unusable {
            path: shown.clone(),
            reason,
        };
        // SAFETY: loading runs the library's initialisers. The user named it to be run natively.
        let library = unsafe { Library::new(path) }.map_err(|error| failed(causes(&error)))?;
        // SAFETY: every library that exports this symbol exports it with this type; the version in its
        // name and in what it returns are checked.
        let entry = unsafe { library.get::<abi::TwinEntry>(abi::ENTRY_SYMBOL) }.map_err(|_| {
            failed(
                "it is a library, but not a twin: build the plugin's crate natively as a `cdylib`"
                    .to_owned(),
            )
        })?;
        // SAFETY: the entry takes nothing and returns plain data.
        let functions = unsafe { entry() };
        if functions.abi != abi::ABI_VERSION {
            return Err(failed(format!(
                "it is a twin of version {}, expected {}: rebuild it with this version's SDK",
                functions.abi,
                abi::ABI_VERSION
            )));
        }
        let host = Box::new(Host::new(table::functions(), host, grants, limits)?);
        let host = NonNull::from(Box::leak(host));
        let mut failure = Failure::default();
        // SAFETY: the table lives in `host`, which outlives the plugin value (see `drop`); the
        // context is ours for the call.
        let plugin = unsafe {
            (functions.create)(Host::table(host), fail, ptr::from_mut(&mut failure).cast())
        };
        let Some(plugin) = NonNull::new(plugin) else {
            // SAFETY: nothing refers to the table any more: there is no plugin value.
            drop(unsafe { Box::from_raw(host.as_ptr()) });
            return Err(failed(format!(
                "its plugin could not be made: {}",
                failure.text
            )));
        };
        Ok(Self {
            plugin,
            functions,
            host,
            path: shown,
            _library: library,
        })
    }

    /// Lets the twin process a frame.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] if it failed without a fault of a known kind.
    pub fn handle(
        &mut self,
        frame: &Frame,
    ) -> (Result<Result<Vec<Output>, Fault>, Error>, TwinRecord) {
        let native = abi::Frame {
            sequence: frame.sequence,
            acquired_ns: frame.acquired_ns,
            source: bytes_of(frame.source.as_bytes()),
            content_type: bytes_of(frame.content_type.as_bytes()),
            data: bytes_of(&frame.data),
        };
        // SAFETY: `host` is valid until `drop`, and the twin is not running now.
        unsafe { (*self.host.as_ptr()).begin() };
        let mut answer = Answer::default();
        let begin = Stamp::now();
        // SAFETY: the plugin value is alive, on its own thread (`Twin` is not `Send`); the frame
        // and the context outlive the call.
        let handled = unsafe {
            (self.functions.handle)(
                self.plugin.as_ptr(),
                &native,
                take_output,
                take_fault,
                ptr::from_mut(&mut answer).cast(),
            )
        };
        let total_ns = Stamp::now().nanos_since(begin);
        // SAFETY: as above.
        let (infer_ns, in_host_ns, keyvalue_ns) = unsafe { (*self.host.as_ptr()).spent() };
        let record = TwinRecord {
            total_ns,
            infer_ns,
            host_ns: in_host_ns.saturating_sub(infer_ns),
            keyvalue_ns,
        };
        let result = match (handled, answer.fault) {
            (true, _) => Ok(Ok(answer.outputs)),
            (false, Some(fault)) => Ok(Err(fault)),
            (false, None) => Err(Error::Unusable {
                path: self.path.clone(),
                reason: "it failed without saying why".to_owned(),
            }),
        };
        (result, record)
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        // SAFETY: the plugin value is dropped once, before the table that it may use, before the
        // library that its code is in.
        unsafe {
            (self.functions.drop)(self.plugin.as_ptr());
            drop(Box::from_raw(self.host.as_ptr()));
        }
    }
}

#[derive(Default)]
struct Failure {
    text: String,
}

#[derive(Default)]
struct Answer {
    outputs: Vec<Output>,
    fault: Option<Fault>,
}

unsafe extern "C" fn fail(context: *mut c_void, _code: u8, text: abi::Bytes) {
    // SAFETY: the context is the `Failure` of the `create` call that is going on.
    let failure = unsafe { &mut *context.cast::<Failure>() };
    // SAFETY: the twin keeps the text for the duration of this call.
    failure.text = unsafe { text_of(text) };
}

unsafe extern "C" fn take_output(context: *mut c_void, output: *const abi::Output) {
    // SAFETY: the context is the `Answer` of the `handle` call that is going on, and the twin
    // keeps the output for the duration of this call.
    let (answer, output) = unsafe { (&mut *context.cast::<Answer>(), &*output) };
    // SAFETY: as above.
    let (name, content_type, data) = unsafe {
        (
            text_of(output.name),
            text_of(output.content_type),
            slice_of(output.data).to_vec(),
        )
    };
    answer.outputs.push(Output {
        name,
        content_type,
        data,
    });
}

unsafe extern "C" fn take_fault(context: *mut c_void, code: u8, text: abi::Bytes) {
    // SAFETY: the context is the `Answer` of the `handle` call that is going on.
    let answer = unsafe { &mut *context.cast::<Answer>() };
    // SAFETY: the twin keeps the text for the duration of this call.
    let text = unsafe { text_of(text) };
    answer.fault = Some(match code {
        0 => Fault::InvalidFrame(text),
        1 => Fault::Inference(text),
        _ => Fault::Internal(text),
    });
}
