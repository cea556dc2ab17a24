//! An instance: one store with one instantiated plugin, used by one thread at a time.
//!
//! Every call sets its deadline, moves the frame's ledger into the store and out again, and turns
//! however it ends into a value. After a trap the instance refuses to be used.

use wasmtime::{
    AsContextMut, CallHook, Store, StoreContextMut, Trap,
    component::{ComponentNamedList, Lift, Lower, TypedFunc},
};
use wasmtime_wasi::{I32Exit, p2::bindings::sync::Command};

use crate::{
    Error, Fault, Frame, Grants, GuestFault, Ledger, Limits, NnHost, Output, Plugin, World,
    engine::epochs, error::reason, state::State,
};
use tollgate_nn::clock::{Budget, Deadline};

type Handle = TypedFunc<(Frame,), (Result<Vec<Output>, Fault>,)>;

/// One instantiated plugin.
pub struct Instance {
    store: Store<State>,
    limits: Limits,
    /// The deadline's length, and how many epochs it is at most.
    budget: Option<Budget>,
    epochs: u64,
    inner: wasmtime::component::Instance,
    handle: Option<Handle>,
    component: wasmtime::component::Component,
    poisoned: bool,
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
        let mut store = new_store(plugin, host, grants, limits)?;
        let inner = plugin
            .pre()
            .instantiate(&mut store)
            .map_err(|error| start_failure(&store, limits, &error))?;
        let handle =
            match plugin.handle() {
                Some(index) => Some(inner.get_typed_func(&mut store, index).map_err(|error| {
                    Error::Export {
                        name: "handle".to_owned(),
                        reason: reason(&error),
                    }
                })?),
                None => None,
            };
        Ok(Self {
            store,
            limits: limits.clone(),
            budget: limits.deadline.map(Budget::new),
            epochs: limits.deadline.map_or(u64::MAX / 2, epochs),
            inner,
            handle,
            component: plugin.component().clone(),
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
        let Some(handle) = self.handle else {
            return Err(Error::OtherWorld {
                is: World::Other.words(),
                wanted: World::Plugin.words(),
            });
        };
        ledger.counts.bytes_out += frame.bytes() as u64;
        let (result,) = self.enter(ledger, Frame::LISTS, |store| {
            handle.call(store, (frame.clone(),))
        })?;
        if let Ok(outputs) = &result {
            ledger.counts.bytes_in += outputs.iter().map(Output::bytes).sum::<usize>() as u64;
        }
        Ok(result)
    }

    /// Linear memory that it has, in bytes, touched or not.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes()
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
        let index = self
            .component
            .get_export_index(None, name)
            .ok_or_else(|| failed("there is no export of this name".to_owned()))?;
        self.inner
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
        let mut store = new_store(plugin, host, grants, limits)?;
        let command = plugin
            .pre()
            .instantiate(&mut store)
            .and_then(|instance| Command::new(&mut store, &instance))
            .map_err(|error| start_failure(&store, limits, &error))?;
        let state = store.data_mut();
        state.nn.begin(limits.deadline.map(Deadline::after));
        std::mem::swap(&mut state.ledger, ledger);
        state.ledger.begin_call(0);
        let result = command.wasi_cli_run().call_run(&mut store);
        let state = store.data_mut();
        state.ledger.end_call();
        std::mem::swap(&mut state.ledger, ledger);
        match result {
            Ok(Ok(())) => Ok(0),
            Ok(Err(())) => Ok(1),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => Ok(exit.0),
                None => Err(classify(&store, limits, &error)),
            },
        }
    }
}

fn new_store(
    plugin: &Plugin,
    host: &NnHost,
    grants: &Grants,
    limits: &Limits,
) -> Result<Store<State>, Error> {
    let state = State::new(host, grants, limits)?;
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
    Ok(store)
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
