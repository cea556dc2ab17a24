//! The engine: one Wasmtime configuration, the linker of everything that a guest may import, and
//! the epoch that deadlines are counted in. Process lifetime; cheap to clone.

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
    error::{Error, reason},
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
    wasmtime: wasmtime::Engine,
    linker: Linker<State>,
    /// For core modules; made with the first of them.
    modules: OnceLock<wasmtime::Linker<State>>,
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
        let failed = |error: &wasmtime::Error| Error::Engine {
            reason: reason(error),
        };
        let wasmtime = wasmtime::Engine::new(&wasmtime_config(config)).map_err(|e| failed(&e))?;
        let mut linker = Linker::new(&wasmtime);
        imports::add_to_linker(&mut linker).map_err(|e| failed(&e))?;
        let epoch = Arc::new(Epoch(wasmtime.clone()));
        let subscriber = Arc::downgrade(&epoch);
        ticker::subscribe(subscriber).map_err(|error| Error::Engine {
            reason: format!("no thread for the deadlines: {error}"),
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                wasmtime,
                linker,
                modules: OnceLock::new(),
                _epoch: epoch,
            }),
        })
    }

    /// Tells compiled code of one build and configuration from that of another: code compiled
    /// under one number must not be loaded under a different one.
    pub fn compatibility(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner
            .wasmtime
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.inner.linker
    }

    /// What core modules may import.
    pub(crate) fn modules(&self) -> Result<&wasmtime::Linker<State>, Error> {
        if let Some(linker) = self.inner.modules.get() {
            return Ok(linker);
        }
        let mut linker = wasmtime::Linker::new(&self.inner.wasmtime);
        imports::add_to_module_linker(&mut linker).map_err(|error| Error::Engine {
            reason: reason(&error),
        })?;
        Ok(self.inner.modules.get_or_init(|| linker))
    }
}

/// Epochs until a time from now has surely passed.
pub(crate) fn epochs(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
    // The tick that is under way counts as none.
    u64::try_from(ticks).unwrap_or(u64::MAX / 4) + 1
}

fn wasmtime_config(config: &EngineConfig) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(config.instances)
        .total_core_instances(config.instances.saturating_mul(8))
        .total_memories(config.instances.saturating_mul(2))
        .total_tables(config.instances.saturating_mul(4))
        // For asynchronous guests, of which there are none: reserving a thousand takes longer than
        // all the rest.
        .total_stacks(1)
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
        // It would triple the cost of every call, and nothing here is asynchronous.
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime
}
