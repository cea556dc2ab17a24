//! Running a command: one store, one call, an exit code.

use tollgate_services::{Grants, Ledger, Limits, NnHost};
use wasmtime::{Store, component::TypedFunc};
use wasmtime_wasi::I32Exit;

use crate::{
    Error, Instance, Plugin, World,
    error::reason,
    executor::Executor,
    plugin::Code,
    state::State,
    store::{classify, executor, late, new_store, start, start_failure},
    streams::Streams,
};
use tollgate_nn::clock::Deadline;

/// `wasi:cli/run`'s function, in any version.
type Run = TypedFunc<(), (Result<(), ()>,)>;

impl Instance {
    /// Runs a command to its end; returns its exit code.
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
        match Self::run_once(plugin, host, grants, limits, ledger) {
            // A command may exit while it is instantiated, before its world's function is called.
            Err(Error::Exited { code }) => Ok(code),
            ended => ended,
        }
    }

    fn run_once(
        plugin: &Plugin,
        host: &NnHost,
        grants: &Grants,
        limits: &Limits,
        ledger: &mut Ledger,
    ) -> Result<i32, Error> {
        // Declared before the store, so it is dropped after it.
        let executor = executor(plugin)?;
        match plugin.code() {
            Code::Component { pre, entry, .. } => {
                let Some(run) = entry else {
                    return Err(Error::Export {
                        name: "run".to_owned(),
                        reason: "there is none in the interface".to_owned(),
                    });
                };
                let state = State::new(host, grants, limits)?;
                let mut store = new_store(plugin, state, limits);
                let instance = start(pre, &mut store, executor.as_ref(), limits)?;
                let run: Run =
                    instance
                        .get_typed_func(&mut store, run)
                        .map_err(|error| Error::Export {
                            name: "run".to_owned(),
                            reason: reason(&error),
                        })?;
                once(
                    &mut store,
                    limits,
                    ledger,
                    executor.as_ref(),
                    |store, deadline| {
                        let (ended,) = match &executor {
                            None => run.call(store, ())?,
                            Some(executor) => executor.run(deadline, run.call_async(store, ()))?,
                        };
                        Ok(i32::from(ended.is_err()))
                    },
                )
            }
            Code::Module(pre) => {
                let streams = Streams::default();
                let state = State::for_module(host, grants, limits, &streams)?;
                let mut store = new_store(plugin, state, limits);
                let start = pre
                    .instantiate(&mut store)
                    .and_then(|inner| inner.get_typed_func::<(), ()>(&mut store, "_start"))
                    .map_err(|error| start_failure(&store, limits, &error))?;
                once(&mut store, limits, ledger, None, |store, _| {
                    start.call(store, ()).map(|()| 0)
                })
            }
        }
    }
}

/// Calls a command; returns its exit code.
fn once(
    store: &mut Store<State>,
    limits: &Limits,
    ledger: &mut Ledger,
    executor: Option<&Executor>,
    enter: impl FnOnce(&mut Store<State>, Option<Deadline>) -> wasmtime::Result<i32>,
) -> Result<i32, Error> {
    let deadline = limits.deadline.map(Deadline::after);
    let state = store.data_mut();
    state.begin(deadline);
    std::mem::swap(&mut state.ledger, ledger);
    match executor {
        None => state.ledger.begin_call(0),
        Some(executor) => state.ledger.begin_async_call(0, executor.waited()),
    }
    let result = enter(store, deadline);
    let state = store.data_mut();
    state.ledger.end_call();
    state.end();
    std::mem::swap(&mut state.ledger, ledger);
    let code = result.or_else(|error| match error.downcast_ref::<I32Exit>() {
        Some(exit) => Ok(exit.0),
        None => Err(classify(store, limits.deadline, &error)),
    })?;
    if deadline.is_some_and(|deadline| deadline.is_before(ledger.since())) {
        return Err(late(limits.deadline));
    }
    Ok(code)
}
