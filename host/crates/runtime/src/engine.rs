//! The engine: Wasmtime's configuration, the linker of everything that a guest may import, and the epoch in
//! which deadlines are counted. It lives as long as the process, and is cheap to clone.
//!
//! There are two of each. Wasmtime's support for asynchronous guests triples the cost of every call, even a
//! synchronous one, so synchronous and asynchronous guests have a side each. A side is made when the first
//! guest needs it, since it reserves address space.

mod plan;
mod space;
mod target;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tollgate_nn::{
    clock::Stamp,
    ticker::{self, TICK, Tick},
};
use wasmtime::component::Linker;

use tollgate_wasm::Calls;

use crate::{
    error::{Error, reason},
    executor::Executors,
    imports,
    state::State,
};

use plan::Plan;
pub use plan::{EngineConfig, Reserved};
pub use target::Target;

/// Everything that is shared by all plugins of a process.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: EngineConfig,
    /// For synchronous guests; made with the first of them.
    sync: OnceLock<Side>,
    /// For core modules, which are synchronous; made with the first of them.
    modules: OnceLock<wasmtime::Linker<State>>,
    /// For asynchronous guests; made with the first of them.
    concurrent: OnceLock<Side>,
    executors: Executors,
}

/// The Wasmtime engine, the linker and the epoch for guests of one kind.
struct Side {
    wasmtime: wasmtime::Engine,
    linker: Linker<State>,
    reserved: Reserved,
    /// While this lives, the ticker advances the epoch.
    _epoch: Arc<Epoch>,
}

struct Epoch(wasmtime::Engine);

impl Tick for Epoch {
    fn tick(&self, _now: Stamp) {
        self.0.increment_epoch();
    }
}

impl Engine {
    /// An engine. Its sides are made when the first guest needs them.
    pub fn new(config: &EngineConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                config: config.clone(),
                sync: OnceLock::new(),
                modules: OnceLock::new(),
                concurrent: OnceLock::new(),
                executors: Executors::default(),
            }),
        }
    }

    /// What is reserved for guests that are called this way. Makes their side if there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`], or [`Error::NoRoom`] if the machine has not what the configuration needs.
    pub fn reserved(&self, calls: Calls) -> Result<Reserved, Error> {
        Ok(self.side(calls)?.reserved)
    }

    /// What code for guests that are called this way is compiled for.
    ///
    /// # Errors
    ///
    /// As [`Engine::reserved`].
    pub fn target(&self, calls: Calls) -> Result<Target, Error> {
        let side = self.side(calls)?;
        let memory_bytes = side.reserved.memory_bytes;
        Ok(Target::new(&side.wasmtime, calls, memory_bytes))
    }

    pub(crate) fn wasmtime(&self, calls: Calls) -> Result<&wasmtime::Engine, Error> {
        Ok(&self.side(calls)?.wasmtime)
    }

    pub(crate) fn linker(&self, calls: Calls) -> Result<&Linker<State>, Error> {
        Ok(&self.side(calls)?.linker)
    }

    pub(crate) fn executors(&self) -> &Executors {
        &self.inner.executors
    }

    fn side(&self, calls: Calls) -> Result<&Side, Error> {
        let inner = &*self.inner;
        let place = match calls {
            Calls::Sync => &inner.sync,
            Calls::Async => &inner.concurrent,
        };
        if let Some(side) = place.get() {
            return Ok(side);
        }
        // Two threads may make one at the same time; then one of the two is dropped.
        let side = Side::new(&inner.config, calls)?;
        Ok(place.get_or_init(|| side))
    }

    /// What core modules may import.
    pub(crate) fn modules(&self) -> Result<&wasmtime::Linker<State>, Error> {
        if let Some(linker) = self.inner.modules.get() {
            return Ok(linker);
        }
        let mut linker = wasmtime::Linker::new(self.wasmtime(Calls::Sync)?);
        imports::add_to_module_linker(&mut linker).map_err(|error| Error::Engine {
            reason: reason(&error),
        })?;
        Ok(self.inner.modules.get_or_init(|| linker))
    }
}

impl Side {
    fn new(config: &EngineConfig, calls: Calls) -> Result<Self, Error> {
        let failed = |error: wasmtime::Error| Error::Engine {
            reason: reason(&error),
        };
        let (plan, reserved) = Plan::new(config, calls)?;
        let make = |plan: Plan| wasmtime::Engine::new(&plan.wasmtime(config, calls));
        let (wasmtime, reserved) = match make(plan) {
            Ok(wasmtime) => (wasmtime, reserved),
            // The trial reservation does not meet all of the system's limits, such as `ulimit -d`.
            Err(_) if reserved.instances.is_some() => {
                let plan = plan.without_pool();
                let wasmtime = make(plan).map_err(failed)?;
                (wasmtime, plan.reserved(reserved.space_bytes))
            }
            Err(error) => return Err(failed(error)),
        };
        let mut linker = Linker::new(&wasmtime);
        match calls {
            Calls::Sync => imports::add_to_linker(&mut linker),
            Calls::Async => imports::add_to_async_linker(&mut linker),
        }
        .map_err(failed)?;
        let epoch = Arc::new(Epoch(wasmtime.clone()));
        let subscriber = Arc::downgrade(&epoch);
        ticker::subscribe(subscriber).map_err(|error| Error::Engine {
            reason: format!("no thread for the deadlines: {error}"),
        })?;
        Ok(Self {
            wasmtime,
            linker,
            reserved,
            _epoch: epoch,
        })
    }
}

/// How many epochs until this time has surely passed.
pub(crate) fn epochs(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
    // The current tick does not count: it may end at any moment.
    u64::try_from(ticks).unwrap_or(u64::MAX / 4) + 1
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use tollgate_nn::{GraphOptions, GraphRegistry};
    use tollgate_services::{Grants, Limits, NnHost};
    use tollgate_wasm::offered::{all, offered, signature};
    use wasmtime::Store;

    use super::*;

    #[test]
    fn the_table_of_what_is_offered_is_what_the_linker_has() {
        let engine = Engine::new(&EngineConfig::default());
        let host = NnHost::new(Arc::new(GraphRegistry::new()), GraphOptions::default());
        let state = State::new(&host, &Grants::default(), &Limits::default()).unwrap();
        let mut store = Store::new(engine.wasmtime(Calls::Sync).unwrap(), state);
        let linker = engine.modules().unwrap();
        let linked: Vec<_> = linker.iter(&mut store).collect();
        let mut has = BTreeMap::new();
        for (module, name, item) in linked {
            let ty = item.into_func().unwrap().ty(&store);
            let text = |ty: wasmtime::ValType| ty.to_string();
            let ty = signature(ty.params().map(text), ty.results().map(text));
            has.insert((module.to_owned(), name.to_owned()), ty);
        }
        let table = all().map(|(module, name)| {
            let key = (module.to_owned(), name.to_owned());
            (key, offered(module, name).unwrap())
        });
        assert_eq!(table.collect::<BTreeMap<_, _>>(), has);
    }
}
