//! Calls from a host to a twin: the function table that `export!` provides.
//!
//! Panics never unwind into the host. A panic becomes an internal fault with the same text as the
//! sandbox's trap, and the plugin that panicked is dropped, as an instance that trapped would be.
//! The next frame gets a new plugin.
#![allow(unsafe_code, reason = "called over a C ABI")]

use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    ptr,
    rc::Rc,
    sync::Once,
};

use tollgate_twin_abi as abi;

use super::{
    enter,
    table::{Table, bytes, read, read_text, text},
};
use crate::{
    export::Slot,
    panic::words,
    plugin::{Fault, Frame, Output, Plugin},
};

/// The table that the exported symbol returns.
pub fn twin<P: Plugin>() -> abi::Twin {
    abi::Twin {
        abi: abi::ABI_VERSION,
        create: create::<P>,
        handle: handle::<P>,
        drop: drop_made::<P>,
    }
}

/// What `create` returns. The slot is dropped before the table is closed, so that the plugin's
/// graphs are returned while the host still exists.
struct Made<P> {
    slot: Slot<P>,
    table: Closing,
}

struct Closing(Rc<Table>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<P: Plugin> Made<P> {
    /// Runs `body` with the host available. A panic drops the plugin and becomes a fault.
    fn run<T>(&self, body: impl FnOnce(&Slot<P>) -> Result<T, Fault>) -> Result<T, Fault> {
        let host = Rc::new(Rc::clone(&self.table.0));
        let outer = RUNNING.replace(true);
        let ended = catch_unwind(AssertUnwindSafe(|| enter(host, || body(&self.slot))));
        RUNNING.set(outer);
        ended.unwrap_or_else(|panic| {
            let words = SAID.take().unwrap_or_else(|| "panicked".to_owned());
            quietly(|| drop(self.slot.take()));
            quietly(|| drop(panic));
            Err(Fault::Internal(format!("the plugin {words}")))
        })
    }
}

thread_local! {
    /// Whether this thread is running a plugin's code.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    /// The text of the last panic, until it is caught.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs a panic hook: the text of a plugin's panic is kept for its fault and not printed. Other
/// panics go to the former hook.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            // A thread that is ending has no thread-locals any more.
            if RUNNING.try_with(Cell::get).unwrap_or(false) {
                SAID.set(Some(words(panic)));
            } else {
                before(panic);
            }
        }));
    });
}

unsafe extern "C" fn create<P: Plugin>(
    host: *const abi::Host,
    fail: abi::TextSink,
    context: *mut c_void,
) -> *mut c_void {
    keep_panics();
    // SAFETY: a host is null or points to a table that outlives the plugin. Before the version is
    // known to be ours, only the version is read.
    let made = match unsafe { host.as_ref() } {
        Some(host) if host.abi == abi::ABI_VERSION => {
            // SAFETY: the table has our version and is valid until the plugin is dropped, which
            // closes it.
            let table = Rc::new(unsafe { Table::new(*host) });
            let made = Made {
                slot: Slot::<P>::new(),
                table: Closing(table),
            };
            made.run(Slot::fill).map(|()| made)
        }
        Some(host) => Err(Fault::Internal(format!(
            "the host speaks version {} of the twin's ABI, this twin version {}: build both from \
             the same release",
            host.abi,
            abi::ABI_VERSION
        ))),
        None => Err(Fault::Internal(
            "no host: the twin was created without a table".into(),
        )),
    };
    match made {
        Ok(made) => Box::into_raw(Box::new(made)).cast(),
        Err(fault) => {
            // SAFETY: `fail` and `context` belong together, and this call has not returned.
            unsafe { refuse(&fault, fail, context) };
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn handle<P: Plugin>(
    plugin: *mut c_void,
    frame: *const abi::Frame,
    outputs: abi::OutputSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: `plugin` came from `create::<P>` and was not dropped; the host calls from one thread.
    // `frame` and what it points to outlive this call.
    let (made, frame) = unsafe {
        let frame = &*frame;
        let frame = Frame {
            sequence: frame.sequence,
            source: read_text(frame.source),
            content_type: read_text(frame.content_type),
            acquired_ns: frame.acquired_ns,
            data: read(frame.data.ptr, frame.data.len).to_vec(),
        };
        (&*plugin.cast::<Made<P>>(), frame)
    };
    match made.run(|slot| slot.handle(&frame)) {
        Ok(list) => {
            for Output {
                name,
                content_type,
                data,
            } in &list
            {
                let output = abi::Output {
                    name: text(name),
                    content_type: text(content_type),
                    data: bytes(data),
                };
                // SAFETY: the sink and its context belong together, and `output` points into
                // `list`, which outlives the call.
                unsafe { outputs(context, &output) };
            }
            true
        }
        Err(fault) => {
            // SAFETY: `fail` and `context` belong together, and this call has not returned.
            unsafe { refuse(&fault, fail, context) };
            false
        }
    }
}

unsafe extern "C" fn drop_made<P: Plugin>(plugin: *mut c_void) {
    if plugin.is_null() {
        return;
    }
    // SAFETY: `plugin` came from `create::<P>`, and the host drops it once.
    let made = unsafe { Box::from_raw(plugin.cast::<Made<P>>()) };
    quietly(|| drop(made));
}

/// # Safety
/// It must be valid to call `fail` with `context` now.
unsafe fn refuse(fault: &Fault, fail: abi::TextSink, context: *mut c_void) {
    let ordinal = match fault {
        Fault::InvalidFrame(_) => 0,
        Fault::Inference(_) => 1,
        Fault::Internal(_) => 2,
    };
    // SAFETY: as the caller promises; the text outlives the call.
    unsafe { fail(context, ordinal, text(fault.message())) }
}

/// Runs code whose panic can be ignored.
fn quietly(body: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
        // Dropping the panic's payload might panic again.
        std::mem::forget(panic);
    }
}
