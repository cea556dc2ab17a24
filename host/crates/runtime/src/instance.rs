//! An instance: one store with one instantiated plugin, used by one thread at a time.
//!
//! Every call sets its deadline, moves the frame's ledger into the store and out again, and returns a value
//! however it ends. After a trap the instance refuses further calls.

use tollgate_services::{Fault, Frame, Grants, Ledger, Limits, NnHost, Output};
use wasmtime::{
    AsContextMut, Store, StoreContextMut,
    component::{Component, ComponentNamedList, Lift, Lower, TypedFunc},
};

use crate::{
    Error, GuestFault, Plugin, World,
    engine::epochs,
    error::reason,
    executor::Executor,
    message::{LISTS, Lifted, LiftedFault, Lowered, answer},
    plugin::Code,
    state::State,
    store::{classify, executor, late, new_store, start, start_module},
    streams::Streams,
};
use tollgate_nn::clock::{Budget, Deadline};

/// The name of a preview1 plugin's only output, after the stream to which it was written.
const MODULE_OUTPUT: &str = "stdout";

/// What a preview1 plugin's `handle` returns for a frame that it cannot read, and for an inference that failed.
/// Zero is success, and any other number is another fault of the plugin.
const INVALID_FRAME: i32 = 1;
const INFERENCE_FAILED: i32 = 2;

type Handle = TypedFunc<(Lowered,), (Result<Vec<Lifted>, LiftedFault>,)>;

/// One instantiated plugin.
pub struct Instance {
    store: Store<State>,
    /// The executor of an asynchronous guest. It is dropped after the store.
    executor: Option<Executor>,
    /// The deadline's length, and the most epochs that it takes.
    budget: Option<Budget>,
    epochs: u64,
    entry: Entry,
    poisoned: bool,
}

/// The function through which the guest is called.
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

/// An exported function of an instance, with its type.
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
        let executor = executor(plugin)?;
        let (store, entry) = match plugin.code() {
            Code::Component {
                component,
                pre,
                entry,
            } => {
                let state = State::new(host, grants, limits)?;
                let mut store = new_store(plugin, state, limits);
                let inner = start(pre, &mut store, executor.as_ref(), limits)?;
                let typed = entry.map(|index| inner.get_typed_func(&mut store, index));
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
            executor,
            budget: limits.deadline.map(Budget::new),
            epochs: limits.deadline.map_or(u64::MAX / 2, epochs),
            entry,
            poisoned: false,
        })
    }

    /// Lets the plugin process a frame.
    ///
    /// The inner result is the plugin's own: outputs, or a fault after which it stays usable.
    ///
    /// # Errors
    ///
    /// [`Error::Guest`] if the guest trapped, or reached its deadline or a limit. Then the instance cannot be
    /// used any more, unless it returned an answer that only came too late. [`Error::OtherWorld`] if the
    /// component is not a plugin.
    pub fn handle(
        &mut self,
        frame: &Frame,
        ledger: &mut Ledger,
    ) -> Result<Result<Vec<Output>, Fault>, Error> {
        self.handle_by(frame, None, ledger)
    }

    /// As [`Instance::handle`], for a frame with a deadline of its own. The earlier of that and
    /// [`Limits::deadline`] ends the guest and each of its inferences. If the frame's deadline has already
    /// passed, the guest is not called.
    ///
    /// # Errors
    ///
    /// As [`Instance::handle`].
    pub fn handle_by(
        &mut self,
        frame: &Frame,
        deadline: Option<Deadline>,
        ledger: &mut Ledger,
    ) -> Result<Result<Vec<Output>, Fault>, Error> {
        ledger.counts.bytes_out += frame.bytes() as u64;
        let result = match &self.entry {
            Entry::Component {
                handle: Some(handle),
                ..
            } => {
                let handle = *handle;
                let params = (Lowered::from(frame),);
                let (result,) = self.call_typed(handle, params, deadline, LISTS, ledger)?;
                answer(result)
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
                let code = self.enter(ledger, 0, deadline, |store, _, _| handle.call(store, ()))?;
                // In case of a fault, standard error is its message, and so is not missing.
                ledger.missing.lines &= code == 0;
                self.output_of_module(&streams, code)
            }
        };
        if let Ok(outputs) = &result {
            ledger.counts.bytes_in += outputs.iter().map(Output::bytes).sum::<usize>() as u64;
        }
        Ok(result.map_err(Fault::shorten))
    }

    /// A module's output, or its fault with its message from standard error.
    fn output_of_module(&mut self, streams: &Streams, code: i32) -> Result<Vec<Output>, Fault> {
        let data = streams.output.take();
        let state = self.store.data();
        let said = state.errors();
        let refused = state.refused.words();
        if code == 0 {
            return Ok(vec![Output {
                name: MODULE_OUTPUT.to_owned(),
                content_type: String::new(),
                data,
            }]);
        }
        let mut reason = if said.is_empty() {
            format!("`handle` returned {code}")
        } else {
            said
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

    /// Whether it can be called again.
    pub(crate) fn is_usable(&self) -> bool {
        !self.poisoned
    }

    /// The size of its linear memory, in bytes, whether the pages were used or not.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes()
    }

    /// How many resources it has in the host: graphs, contexts, tensors, errors, and those of WASI.
    pub fn handles(&mut self) -> usize {
        self.store.data_mut().handles()
    }

    /// Looks up an exported function by its name in the world.
    ///
    /// # Errors
    ///
    /// [`Error::Export`] if there is none of this name and type.
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
        self.call_typed(function.0, params, None, allocations, ledger)
    }

    fn call_typed<P, R>(
        &mut self,
        function: TypedFunc<P, R>,
        params: P,
        deadline: Option<Deadline>,
        allocations: u8,
        ledger: &mut Ledger,
    ) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + 'static,
        R: ComponentNamedList + Lift + 'static,
    {
        self.enter(
            ledger,
            allocations,
            deadline,
            |store, executor, deadline| match executor {
                None => function.call(store, params),
                Some(executor) => executor.run(deadline, function.call_async(store, params)),
            },
        )
    }

    /// Calls the guest with a frame's ledger. `call` gets the executor and the deadline.
    fn enter<R>(
        &mut self,
        ledger: &mut Ledger,
        allocations: u8,
        frame: Option<Deadline>,
        call: impl FnOnce(
            StoreContextMut<'_, State>,
            Option<&Executor>,
            Option<Deadline>,
        ) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        let epochs = match frame {
            None => self.epochs,
            Some(frame) if frame.left().is_zero() => {
                let after = frame.budget();
                return Err(GuestFault::Deadline { after }.into());
            }
            Some(frame) => self.epochs.min(epochs(frame.left())),
        };
        self.store.set_epoch_deadline(epochs);
        let state = self.store.data_mut();
        std::mem::swap(&mut state.ledger, ledger);
        match &self.executor {
            None => state.ledger.begin_call(allocations),
            Some(executor) => state
                .ledger
                .begin_async_call(allocations, executor.waited()),
        }
        let begin = state.ledger.since();
        let own = self.budget.map(|budget| budget.from(begin));
        let deadline = match (own, frame) {
            (Some(own), Some(frame)) => Some(own.min(frame)),
            (own, frame) => own.or(frame),
        };
        state.begin(deadline);
        let result = call(
            self.store.as_context_mut(),
            self.executor.as_ref(),
            deadline,
        );
        let state = self.store.data_mut();
        state.ledger.end_call();
        state.end();
        std::mem::swap(&mut state.ledger, ledger);
        state.nn.reclaim();
        let after = deadline.map(|deadline| deadline.budget());
        match result {
            Ok(_) if deadline.is_some_and(|deadline| deadline.is_before(ledger.since())) => {
                Err(late(after))
            }
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.poisoned = true;
                Err(classify(&self.store, after, &error))
            }
        }
    }
}

fn no_handle(error: wasmtime::Error) -> Error {
    Error::Export {
        name: "handle".to_owned(),
        reason: reason(&error),
    }
}
