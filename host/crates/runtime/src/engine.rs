//! The engine: a Wasmtime configuration, the linker of everything that a guest may import, and
//! the epoch that deadlines are counted in. Process lifetime; cheap to clone.
//!
//! There are two of each. Wasmtime's support for asynchronous guests triples the cost of every
//! call, asynchronous or not, so it is on in a side of its own, which is made with the first guest that
//! needs it; all others are called as fast as before.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tollgate_nn::{
    clock::Stamp,
    ticker::{self, TICK, Tick},
};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    component::Linker,
};

use crate::{
    Calls,
    error::{Error, reason},
    executor::Executors,
    imports,
    state::State,
};

/// What the engine sets aside.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Instances at once. Each reserves address space, not memory. 256: more than a small machine
    /// can feed.
    pub instances: u32,
    /// The largest linear memory, in bytes; no instance's limit can be above it. 1 GiB.
    pub max_memory_bytes: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            instances: 256,
            max_memory_bytes: 1 << 30,
        }
    }
}

/// Everything that is shared by all plugins of a process.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: EngineConfig,
    /// For synchronous guests.
    sync: Side,
    /// For core modules, which are synchronous; made with the first of them.
    modules: OnceLock<wasmtime::Linker<State>>,
    /// For asynchronous guests; made with the first of them.
    concurrent: OnceLock<Side>,
    executors: Executors,
}

/// What guests of one kind are compiled, linked and timed by.
struct Side {
    wasmtime: wasmtime::Engine,
    linker: Linker<State>,
    /// Keeps the ticker calling for as long as the engine lives.
    _epoch: Arc<Epoch>,
}

struct Epoch(wasmtime::Engine);

impl Tick for Epoch {
    fn tick(&self, _now: Stamp) {
        self.0.increment_epoch();
    }
}

impl Engine {
    /// Sets an engine up.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] where the machine cannot give what the configuration asks for.
    pub fn new(config: &EngineConfig) -> Result<Self, Error> {
        Ok(Self {
            inner: Arc::new(Inner {
                config: config.clone(),
                sync: Side::new(config, Calls::Sync)?,
                modules: OnceLock::new(),
                concurrent: OnceLock::new(),
                executors: Executors::default(),
            }),
        })
    }

    /// Tells compiled code of one build and configuration from that of another: code compiled
    /// under one number must not be loaded under a different one.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`]: the first asynchronous guest has its side set up.
    pub fn compatibility(&self, calls: Calls) -> Result<u64, Error> {
        let mut hasher = DefaultHasher::new();
        let wasmtime = self.wasmtime(calls)?;
        wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        // Nothing that sets the two apart now may cease to be part of the hash.
        calls.hash(&mut hasher);
        Ok(hasher.finish())
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
        match (calls, inner.concurrent.get()) {
            (Calls::Sync, _) => Ok(&inner.sync),
            (Calls::Async, Some(side)) => Ok(side),
            (Calls::Async, None) => {
                // Two threads that come first at once make two, and one of them is dropped.
                let side = Side::new(&inner.config, Calls::Async)?;
                Ok(inner.concurrent.get_or_init(|| side))
            }
        }
    }

    /// What core modules may import.
    pub(crate) fn modules(&self) -> Result<&wasmtime::Linker<State>, Error> {
        if let Some(linker) = self.inner.modules.get() {
            return Ok(linker);
        }
        let mut linker = wasmtime::Linker::new(&self.inner.sync.wasmtime);
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
        let wasmtime = wasmtime::Engine::new(&wasmtime_config(config, calls)).map_err(failed)?;
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
            _epoch: epoch,
        })
    }
}

/// Epochs until a time from now has surely passed.
pub(crate) fn epochs(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
    // The tick that is under way counts as none.
    u64::try_from(ticks).unwrap_or(u64::MAX / 4) + 1
}

fn wasmtime_config(config: &EngineConfig, calls: Calls) -> Config {
    let concurrent = calls == Calls::Async;
    let stacks = match calls {
        // Reserving a thousand takes longer than all the rest, and nobody needs one.
        Calls::Sync => 1,
        // One that runs and one that waits; what is composed of several asynchronous components can
        // take more of them where others take fewer.
        Calls::Async => config.instances.saturating_mul(2),
    };
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(config.instances)
        .total_core_instances(config.instances.saturating_mul(8))
        .total_memories(config.instances.saturating_mul(2))
        .total_tables(config.instances.saturating_mul(4))
        .total_stacks(stacks)
        .max_memory_size(config.max_memory_bytes)
        .max_memories_per_module(4)
        .max_tables_per_module(4)
        // Interpreters compiled to Wasm have up to 8,000 entries, and 1 MiB of component metadata.
        .table_elements(20_000)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        // What an instance touched is given back by clearing it in place, up to here: a page
        // fault costs more than clearing a page.
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut wasmtime = Config::new();
    wasmtime
        .wasm_component_model(true)
        .concurrency_support(concurrent)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime
}
