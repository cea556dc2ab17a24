//! An instance: one store with one instantiated plugin, used by one thread at a time.
//!
//! Every call sets its deadline, moves the frame's ledger into the store and out again, and turns
//! however it ends into a value. After a trap the instance refuses to be used.

use wasmtime::{
    AsContextMut, CallHook, Store, StoreContextMut, Trap,
    component::{Component, ComponentNamedList, Lift, Lower, TypedFunc},
};
use wasmtime_wasi::{I32Exit, p2::bindings::sync::Command};

use crate::{
    Error, Fault, Frame, Grants, GuestFault, Ledger, Limits, NnHost, Output, Plugin, World,
    engine::epochs, error::reason, plugin::Code, state::State, streams::Streams,
};
use tollgate_nn::clock::{Budget, Deadline};

/// What the one output of a preview1 plugin is called: what it wrote there.
const MODULE_OUTPUT: &str = "stdout";

/// What a preview1 plugin's `handle` returns for a frame that it does not read, and for an inference
/// that failed. Zero says that it went well, anything else is some fault of the plugin's own.
const INVALID_FRAME: i32 = 1;
const INFERENCE_FAILED: i32 = 2;

type Handle = TypedFunc<(Frame,), (Result<Vec<Output>, Fault>,)>;

/// One instantiated plugin.
pub struct Instance {
    store: Store<State>,
    limits: Limits,
    /// The deadline's length, and how many epochs it is at most.
    budget: Option<Budget>,
    epochs: u64,
    entry: Entry,
    poisoned: bool,
}

/// The ways in.
enum Entry {
    Component {
        inner: wasmtime::component::Instance,
        component: Component,
        handle: Option<Handle>,
    },
    Module {
        handle: wasmtime::TypedFunc<(), i32>,
        streams: Streams,
    },
}

/// A function that an instance exports, of a known type.
pub struct Typed<Params, Results>(TypedFunc<Params, Results>);

impl Instance {
    /// Makes an instance of a plugin (not of a command, see [`Instance::run_command`]).
    ///
    /// # Errors
    ///
    /// [`Error::OtherWorld`] for a command, [`Error::Instantiate`], [`Error::Directory`], or the
    /// guest's fault while it starts.
    pub fn new(
        plugin: &Plugin,
        host: &NnHost,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<Self, Error> {
        if plugin.world() == World::Command {
            return Err(Error::OtherWorld {
                is: plugin.world().words(),
                wanted: World::Plugin.words(),
            });
        }
        let (store, entry) = match plugin.code() {
            Code::Component {
                component,
                pre,
                handle,
            } => {
                let state = State::new(host, grants, limits)?;
                let mut store = new_store(plugin, state, limits);
                let inner = pre
                    .instantiate(&mut store)
                    .map_err(|error| start_failure(&store, limits, &error))?;
                let typed = handle.map(|index| inner.get_typed_func(&mut store, index));
                let entry = Entry::Component {
                    inner,
                    component: component.clone(),
                    handle: typed.transpose().map_err(no_handle)?,
                };
                (store, entry)
            }
            Code::Module(pre) => {
                let streams = Streams::new(limits.host_call_bytes);
                let state = State::for_module(host, grants, limits, &streams)?;
                let mut store = new_store(plugin, state, limits);
                let inner = start_module(pre, &mut store, limits)?;
                let handle = inner
                    .get_typed_func(&mut store, "handle")
                    .map_err(no_handle)?;
                (store, Entry::Module { handle, streams })
            }
        };
        Ok(Self {
            store,
            limits: limits.clone(),
            budget: limits.deadline.map(Budget::new),
            epochs: limits.deadline.map_or(u64::MAX / 2, epochs),
            entry,
            poisoned: false,
        })
    }

    /// Hands a frame to the plugin.
    ///
    /// The inner result is the plugin's own: outputs, or a fault after which it goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Guest`] where the guest trapped, ran out of time or into a limit; the instance is
    /// of no use any more. [`Error::OtherWorld`] where the component is not a plugin.
    pub fn handle(
        &mut self,
        frame: &Frame,
        ledger: &mut Ledger,
    ) -> Result<Result<Vec<Output>, Fault>, Error> {
        ledger.counts.bytes_out += frame.bytes() as u64;
        let result = match &self.entry {
            Entry::Component {
                handle: Some(handle),
                ..
            } => {
                let handle = *handle;
                let (result,) = self.enter(ledger, Frame::LISTS, |store| {
                    handle.call(store, (frame.clone(),))
                })?;
                result
            }
            Entry::Component { handle: None, .. } => {
                return Err(Error::OtherWorld {
                    is: World::Other.words(),
                    wanted: World::Plugin.words(),
                });
            }
            Entry::Module { handle, streams } => {
                let (handle, streams) = (handle.clone(), streams.clone());
                streams.input.fill(frame.data.clone());
                let code = self.enter(ledger, 0, |store| handle.call(store, ()))?;
                self.output_of_module(&streams, code)
            }
        };
        if let Ok(outputs) = &result {
            ledger.counts.bytes_in += outputs.iter().map(Output::bytes).sum::<usize>() as u64;
        }
        Ok(result)
    }

    /// What a module wrote, or what it said about why it did not.
    fn output_of_module(&mut self, streams: &Streams, code: i32) -> Result<Vec<Output>, Fault> {
        let data = streams.output.take();
        let said = streams.errors.take();
        let refused = self.store.data_mut().ephemeral.last_refusal.take();
        if code == 0 {
            return Ok(vec![Output {
                name: MODULE_OUTPUT.to_owned(),
                content_type: String::new(),
                data,
            }]);
        }
        let said = String::from_utf8_lossy(&said);
        let mut reason = match said.trim() {
            "" => format!("`handle` returned {code}"),
            said => said.to_owned(),
        };
        if code == INVALID_FRAME {
            return Err(Fault::InvalidFrame(reason));
        }
        if let Some(refused) = refused {
            reason.push_str("; the last error of wasi-nn: ");
            reason.push_str(&refused);
        }
        Err(if code == INFERENCE_FAILED {
            Fault::Inference(reason)
        } else {
            Fault::Internal(reason)
        })
    }

    /// Linear memory that it has, in bytes, touched or not.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes()
    }

    /// Resources that it has in the host: graphs, contexts, tensors, errors, and WASI's own.
    pub fn handles(&mut self) -> usize {
        self.store.data_mut().handles()
    }

    /// Looks up an exported function, by the name that the world gives it.
    ///
    /// # Errors
    ///
    /// [`Error::Export`] where there is none of this name and type.
    pub fn typed<P, R>(&mut self, name: &str) -> Result<Typed<P, R>, Error>
    where
        P: ComponentNamedList + Lower + 'static,
        R: ComponentNamedList + Lift + 'static,
    {
        let failed = |reason: String| Error::Export {
            name: name.to_owned(),
            reason,
        };
        let Entry::Component {
            inner, component, ..
        } = &self.entry
        else {
            return Err(failed("it is a core module, not a component".to_owned()));
        };
        let index = component
            .get_export_index(None, name)
            .ok_or_else(|| failed("there is no export of this name".to_owned()))?;
        inner
            .get_typed_func(&mut self.store, index)
            .map(Typed)
            .map_err(|error| failed(reason(&error)))
    }

    /// Calls an exported function whose arguments take `allocations` lists and strings.
    ///
    /// # Errors
    ///
    /// As [`Instance::handle`].
    pub fn call<P, R>(
        &mut self,
        function: &Typed<P, R>,
        params: P,
        allocations: u8,
        ledger: &mut Ledger,
    ) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + 'static,
        R: ComponentNamedList + Lift + 'static,
    {
        self.enter(ledger, allocations, |store| function.0.call(store, params))
    }

    fn enter<R>(
        &mut self,
        ledger: &mut Ledger,
        allocations: u8,
        call: impl FnOnce(StoreContextMut<'_, State>) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        self.store.set_epoch_deadline(self.epochs);
        let state = self.store.data_mut();
        // What an earlier call was denied does not explain how this one ends.
        state.limiter.denied = None;
        std::mem::swap(&mut state.ledger, ledger);
        state.ledger.begin_call(allocations);
        let begin = state.ledger.since();
        state.nn.begin(self.budget.map(|budget| budget.from(begin)));
        let result = call(self.store.as_context_mut());
        let state = self.store.data_mut();
        state.ledger.end_call();
        std::mem::swap(&mut state.ledger, ledger);
        state.nn.reclaim();
        result.map_err(|error| {
            self.poisoned = true;
            classify(&self.store, &self.limits, &error)
        })
    }

    /// Runs a command to its end; gives its exit code.
    ///
    /// # Errors
    ///
    /// [`Error::OtherWorld`] for a plugin, [`Error::Instantiate`], [`Error::Directory`], or the
    /// guest's fault.
    pub fn run_command(
        plugin: &Plugin,
        host: &NnHost,
        grants: &Grants,
        limits: &Limits,
        ledger: &mut Ledger,
    ) -> Result<i32, Error> {
        if plugin.world() != World::Command {
            return Err(Error::OtherWorld {
                is: plugin.world().words(),
                wanted: World::Command.words(),
            });
        }
        match plugin.code() {
            Code::Component { pre, .. } => {
                let state = State::new(host, grants, limits)?;
                let mut store = new_store(plugin, state, limits);
                let command = pre
                    .instantiate(&mut store)
                    .and_then(|instance| Command::new(&mut store, &instance))
                    .map_err(|error| start_failure(&store, limits, &error))?;
                once(&mut store, limits, ledger, |store| {
                    let ended = command.wasi_cli_run().call_run(store)?;
                    Ok(i32::from(ended.is_err()))
                })
            }
            Code::Module(pre) => {
                let streams = Streams::default();
                let state = State::for_module(host, grants, limits, &streams)?;
                let mut store = new_store(plugin, state, limits);
                let start = pre
                    .instantiate(&mut store)
                    .and_then(|inner| inner.get_typed_func::<(), ()>(&mut store, "_start"))
                    .map_err(|error| start_failure(&store, limits, &error))?;
                once(&mut store, limits, ledger, |store| {
                    start.call(store, ()).map(|()| 0)
                })
            }
        }
    }
}

/// Enters a command; gives its exit code.
fn once(
    store: &mut Store<State>,
    limits: &Limits,
    ledger: &mut Ledger,
    enter: impl FnOnce(&mut Store<State>) -> wasmtime::Result<i32>,
) -> Result<i32, Error> {
    let state = store.data_mut();
    state.nn.begin(limits.deadline.map(Deadline::after));
    std::mem::swap(&mut state.ledger, ledger);
    state.ledger.begin_call(0);
    let result = enter(store);
    let state = store.data_mut();
    state.ledger.end_call();
    std::mem::swap(&mut state.ledger, ledger);
    result.or_else(|error| match error.downcast_ref::<I32Exit>() {
        Some(exit) => Ok(exit.0),
        None => Err(classify(store, limits, &error)),
    })
}

/// Instantiates a module, and lets a reactor set itself up.
fn start_module(
    pre: &wasmtime::InstancePre<State>,
    store: &mut Store<State>,
    limits: &Limits,
) -> Result<wasmtime::Instance, Error> {
    let started = pre.instantiate(&mut *store).and_then(|inner| {
        if let Ok(initialize) = inner.get_typed_func::<(), ()>(&mut *store, "_initialize") {
            initialize.call(&mut *store, ())?;
        }
        Ok(inner)
    });
    started.map_err(|error| start_failure(store, limits, &error))
}

fn no_handle(error: wasmtime::Error) -> Error {
    Error::Export {
        name: "handle".to_owned(),
        reason: reason(&error),
    }
}

fn new_store(plugin: &Plugin, state: State, limits: &Limits) -> Store<State> {
    let mut store = Store::new(plugin.engine().wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_epoch_deadline(limits.deadline.map_or(u64::MAX / 2, epochs));
    store.call_hook(|mut store, hook| {
        let ledger = &mut store.data_mut().ledger;
        match hook {
            CallHook::CallingWasm => ledger.enter_guest(),
            CallHook::ReturningFromWasm => ledger.leave_guest(),
            CallHook::CallingHost => ledger.enter_host(),
            CallHook::ReturningFromHost => ledger.leave_host(),
        }
        Ok(())
    });
    store
}

/// Says why an instance could not be made: the guest's start function may have run.
fn start_failure(store: &Store<State>, limits: &Limits, error: &wasmtime::Error) -> Error {
    let denied = &store.data().limiter.denied;
    if error.downcast_ref::<Trap>().is_some() {
        return classify(store, limits, error);
    }
    Error::Instantiate {
        reason: match denied {
            Some(what) => format!("{what} ({})", reason(error)),
            None => reason(error),
        },
    }
}

/// Says how a call of the guest ended badly.
fn classify(store: &Store<State>, limits: &Limits, error: &wasmtime::Error) -> Error {
    let trap = reason(error);
    let fault = match (error.downcast_ref::<Trap>(), &store.data().limiter.denied) {
        (Some(Trap::Interrupt), _) => GuestFault::Deadline {
            after: limits.deadline.unwrap_or_default(),
        },
        (_, Some(what)) => GuestFault::Limit {
            what: what.clone(),
            trap,
        },
        (_, None) => GuestFault::Trap { reason: trap },
    };
    fault.into()
}
