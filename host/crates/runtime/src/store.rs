//! One store: making it, with its limits, ledger and deadline, instantiating a guest in it, and explaining how a
//! call ended. Instances and commands share this code.

use std::time::Duration;

use tollgate_services::{Limit, Limits};
use tollgate_wasm::Calls;
use wasmtime::{
    CallHook, Store, ThrownException, Trap, WasmBacktrace,
    component::{self, ResourceTableError},
};
use wasmtime_wasi::I32Exit;

use crate::{
    Error, GuestFault, Plugin, engine::epochs, error::reason, executor::Executor, state::State,
    trap,
};
use tollgate_nn::clock::Deadline;

/// The executor for the calls of an asynchronous plugin; none for a synchronous one.
pub(crate) fn executor(plugin: &Plugin) -> Result<Option<Executor>, Error> {
    match plugin.calls() {
        Calls::Sync => Ok(None),
        Calls::Async => plugin.engine().executors().take().map(Some),
    }
}

/// A store without an instance.
pub(crate) fn new_store(plugin: &Plugin, mut state: State, limits: &Limits) -> Store<State> {
    // The guest may run code while it is instantiated.
    state.begin(limits.deadline.map(Deadline::after));
    let mut store = Store::new(plugin.wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    // Tensors and models are read in place, and do not count for this.
    store.set_hostcall_fuel(limits.host_call_bytes);
    if plugin.calls() == Calls::Async
        && let Some(table) = store.concurrent_resource_table()
    {
        // Tasks, streams, futures, and sets of them to wait for.
        table.set_max_capacity(limits.handles);
    }
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

/// Instantiates a component.
pub(crate) fn start(
    pre: &component::InstancePre<State>,
    store: &mut Store<State>,
    executor: Option<&Executor>,
    limits: &Limits,
) -> Result<component::Instance, Error> {
    let started = match executor {
        None => pre.instantiate(&mut *store),
        Some(executor) => {
            let deadline = limits.deadline.map(Deadline::after);
            executor.run(deadline, pre.instantiate_async(&mut *store))
        }
    };
    started.map_err(|error| start_failure(store, limits, &error))
}

/// Instantiates a module, and lets a reactor set itself up.
pub(crate) fn start_module(
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

/// Why an instance could not be made. It may be the guest's fault, since its start function may have run.
pub(crate) fn start_failure(
    store: &Store<State>,
    limits: &Limits,
    error: &wasmtime::Error,
) -> Error {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Error::Exited { code: exit.0 };
    }
    // Wasmtime adds a backtrace to every error that ends guest code, traps included.
    let was_running = error.downcast_ref::<WasmBacktrace>().is_some();
    if was_running || error.is::<Trap>() || error.is::<ThrownException>() {
        return classify(store, limits.deadline, error);
    }
    let (limit, what) = over_limit(store.data(), error).unzip();
    Error::Instantiate {
        reason: match what {
            Some(what) => format!("{what} ({})", reason(error)),
            None => reason(error),
        },
        limit,
    }
}

/// Explains how a call of the guest failed. `after` is its deadline's length.
pub(crate) fn classify(
    store: &Store<State>,
    after: Option<Duration>,
    error: &wasmtime::Error,
) -> Error {
    let state = store.data();
    if let Some(Trap::Interrupt) = error.downcast_ref() {
        return late(after);
    }
    let ended = trap::ended(state, error);
    let fault = match over_limit(state, error) {
        Some((limit, what)) => GuestFault::Limit {
            limit,
            what,
            trap: ended.to_string(),
        },
        None => ended,
    };
    fault.into()
}

/// The error for a deadline of this length that has passed.
pub(crate) fn late(after: Option<Duration>) -> Error {
    let after = after.unwrap_or_default();
    GuestFault::Deadline { after }.into()
}

/// The limit because of which a call could not go on.
fn over_limit(state: &State, error: &wasmtime::Error) -> Option<(Limit, String)> {
    if let Some(denied) = &state.limiter.denied {
        return Some(denied.clone());
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return Some((Limit::Handles, too_many_handles(state.nn.tensors.limit())));
    }
    // The type of this error is private to Wasmtime.
    let innermost = error.root_cause().to_string();
    innermost.contains("fuel allocated for hostcalls").then(|| {
        let most = state.host_call_bytes;
        let what = format!(
            "at most {most} bytes in one call besides those of tensors and models, more came"
        );
        (Limit::HostCallBytes, what)
    })
}

/// The message for a guest that holds as many handles as it may.
pub(crate) fn too_many_handles(most: usize) -> String {
    format!("the guest holds as many handles as it may: at most {most} handles, one more asked for")
}
