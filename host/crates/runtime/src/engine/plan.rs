//! How much an engine reserves, decided by the configuration and the available address space.
//!
//! If they fit, memories of 4 GiB, each with a guard behind it, are reserved for all instances in advance: then
//! compiled code checks no bounds, and an instance is made within microseconds. If they do not fit, fewer
//! instances are reserved. If even the instances that must run at once do not fit, or if a limit is larger than
//! such a memory, each instance reserves its own when it is made.

use std::fmt;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use super::space;
use tollgate_wasm::Calls;

use crate::Error;

/// What the engine must reserve.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Instances at once, if the address space allows it. 256: more than a small machine can keep busy.
    pub instances: u32,
    /// The least number of instances that must fit at once. 1.
    pub least_instances: u32,
    /// The largest linear memory, in bytes; no instance's limit can be above it. 1 GiB.
    pub max_memory_bytes: usize,
    /// The most entries of a table; no instance's limit can be above it. 20,000, the limit's default.
    pub max_table_elements: usize,
    /// Whether this machine has swap, or may have. Then an instance's memory is cleared in a way that also
    /// finds pages that were swapped out; the quicker way of Wasmtime 48 misses them. True, which is always
    /// safe.
    pub swap: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            instances: 256,
            least_instances: 1,
            max_memory_bytes: 1 << 30,
            max_table_elements: 20_000,
            swap: true,
        }
    }
}

/// A memory that needs no bounds checks, in bytes, and the guard behind it: all that 32 bits can address, and
/// the offsets that code adds to that.
const WHOLE_MEMORY: u64 = 1 << 32;
const WHOLE_GUARD: u64 = 32 << 20;

/// Smaller reservations for a memory, largest first, in bytes: a memory grows within its reservation without
/// being moved.
const SMALLER_MEMORIES: [u64; 4] = [1 << 30, 256 << 20, 64 << 20, SMALLEST_MEMORY];
const SMALLEST_MEMORY: u64 = 16 << 20;
const SMALLER_GUARD: u64 = 64 << 10;

/// Memories of an instance: its own and, if it has one, the heap of its garbage collector.
const MEMORIES: u32 = 2;
const TABLES: u32 = 4;
const CORE_INSTANCES: u32 = 8;

/// The size of a table entry, in bytes, and of all tables of a pool: 64 GiB of addresses.
const TABLE_ENTRY: u64 = 16;
const ALL_TABLES: u64 = 64 << 30;

/// An asynchronous guest's stack, in bytes, with its guard.
const STACK: u64 = (2 << 20) + 4096;

/// What one engine reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) allocation: Allocation,
    /// Reserved for each memory, in bytes; [`WHOLE_MEMORY`] or less.
    pub(super) memory: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocation {
    /// For this number of instances, in advance.
    Pool(u32),
    /// For each instance when it is made.
    OnDemand,
}

/// What an engine has reserved, to be shown to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The number of instances that were reserved in advance; none if each reserves its own.
    pub instances: Option<u32>,
    /// Bytes reserved for each linear memory.
    pub memory_bytes: u64,
    /// Whether compiled code checks the bounds of its memory, since less is reserved than it can address.
    /// That makes it slower.
    pub checks_bounds: bool,
    /// The address space that the process had for this, in bytes, as far as it was measured.
    pub space_bytes: u64,
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instances {
            Some(instances) => write!(f, "{instances} instances reserved beforehand")?,
            None => write!(f, "each instance reserves its own")?,
        }
        let checks = if self.checks_bounds {
            "checked"
        } else {
            "unchecked"
        };
        let mib = self.memory_bytes >> 20;
        write!(f, ", {mib} MiB a memory, bounds {checks}")
    }
}

impl Plan {
    /// Decides what to reserve for guests that are called this way, and measures the address space for that.
    pub(super) fn new(config: &EngineConfig, calls: Calls) -> Result<(Self, Reserved), Error> {
        let stacks = u64::from(calls == Calls::Async) * 2;
        let instances = config.instances.max(config.least_instances);
        // The same amount is left for models, threads and code.
        let wanted = whole_instance(config, stacks).saturating_mul(u64::from(instances));
        let space = space::reservable(wanted.saturating_mul(2));
        let plan = Self::within(config, stacks, space / 2).map_err(|fitting| Error::NoRoom {
            instances: config.least_instances,
            fitting,
            space_bytes: space,
        })?;
        Ok((plan, plan.reserved(space)))
    }

    /// What to reserve within this number of bytes, for instances with this number of stacks.
    ///
    /// # Errors
    ///
    /// How many instances fit, if they are too few.
    fn within(config: &EngineConfig, stacks: u64, bytes: u64) -> Result<Self, u32> {
        let fitting = bytes / whole_instance(config, stacks);
        let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
        let least = config.least_instances.max(1);
        if fitting >= least {
            let by_tables = ALL_TABLES / tables(config).max(1);
            let by_tables = u32::try_from(by_tables).unwrap_or(u32::MAX);
            let pooled = config.max_memory_bytes as u64 <= WHOLE_MEMORY && by_tables >= least;
            let instances = fitting.min(config.instances.max(least)).min(by_tables);
            return Ok(Self {
                allocation: if pooled {
                    Allocation::Pool(instances)
                } else {
                    Allocation::OnDemand
                },
                memory: WHOLE_MEMORY,
            });
        }
        // The rest of an instance is small beside its memories, and is made when it is needed.
        let fitting = |memory| bytes / (u64::from(MEMORIES) * (memory + SMALLER_GUARD));
        let memory = SMALLER_MEMORIES
            .into_iter()
            .find(|memory| fitting(*memory) >= u64::from(least));
        match memory {
            Some(memory) => Ok(Self {
                allocation: Allocation::OnDemand,
                memory,
            }),
            None => Err(u32::try_from(fitting(SMALLEST_MEMORY)).unwrap_or(u32::MAX)),
        }
    }

    /// The same without a pool, if the system refuses one after all.
    pub(super) fn without_pool(self) -> Self {
        Self {
            allocation: Allocation::OnDemand,
            ..self
        }
    }

    pub(super) fn reserved(self, space_bytes: u64) -> Reserved {
        Reserved {
            instances: match self.allocation {
                Allocation::Pool(instances) => Some(instances),
                Allocation::OnDemand => None,
            },
            memory_bytes: self.memory,
            checks_bounds: self.memory < WHOLE_MEMORY,
            space_bytes,
        }
    }

    /// Wasmtime's configuration.
    pub(super) fn wasmtime(self, config: &EngineConfig, calls: Calls) -> Config {
        let mut wasmtime = Config::new();
        wasmtime
            .wasm_component_model(true)
            .concurrency_support(calls == Calls::Async)
            .epoch_interruption(true)
            .cranelift_opt_level(OptLevel::Speed);
        if self.memory < WHOLE_MEMORY {
            wasmtime
                .memory_reservation(self.memory)
                .memory_guard_size(SMALLER_GUARD)
                // A memory that outgrows its reservation is copied. So the steps are large beside the growth
                // that dlmalloc asks for.
                .memory_reservation_for_growth((self.memory / 4).max(1 << 20));
        }
        wasmtime.allocation_strategy(match self.allocation {
            Allocation::Pool(instances) => {
                InstanceAllocationStrategy::Pooling(pool(config, calls, instances))
            }
            Allocation::OnDemand => InstanceAllocationStrategy::OnDemand,
        });
        wasmtime
    }
}

fn pool(config: &EngineConfig, calls: Calls, instances: u32) -> PoolingAllocationConfig {
    let stacks = match calls {
        // None is used, and reserving the default of a thousand takes longer than all the rest.
        Calls::Sync => 1,
        // One that runs and one that waits. A guest composed of several asynchronous components can
        // use more of them if others use fewer.
        Calls::Async => instances.saturating_mul(2),
    };
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        // A store has at most one; its memory is one of those above.
        .total_gc_heaps(instances)
        .total_tables(instances.saturating_mul(TABLES))
        .total_stacks(stacks)
        .max_memory_size(config.max_memory_bytes)
        // As many as the format allows: only the total number of memories costs address space.
        .max_memories_per_module(100)
        .max_tables_per_module(100)
        .table_elements(config.max_table_elements)
        // Interpreters compiled to Wasm have 1 MiB of component metadata.
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        // Up to this size, the pages that an instance used are cleared in place and kept: a page fault
        // costs more than clearing a page.
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(if config.swap {
            Enabled::No
        } else {
            Enabled::Auto
        });
    pool
}

/// How many bytes Wasmtime may keep for a core instance or a component's: a few for each import, function,
/// global and so on. 64 MiB: nothing is reserved for it, and the limit on a file's items bounds it already.
const INSTANCE_BYTES: usize = 64 << 20;

/// The address space of an instance with memories of [`WHOLE_MEMORY`], in bytes.
fn whole_instance(config: &EngineConfig, stacks: u64) -> u64 {
    u64::from(MEMORIES) * (WHOLE_MEMORY + WHOLE_GUARD)
        + tables(config).min(ALL_TABLES)
        + stacks * STACK
}

fn tables(config: &EngineConfig) -> u64 {
    let elements = config.max_table_elements as u64;
    elements.saturating_mul(TABLE_ENTRY * u64::from(TABLES))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn plan(config: &EngineConfig, bytes: u64) -> Plan {
        Plan::within(config, 0, bytes).unwrap()
    }

    #[test]
    fn with_room_there_is_a_pool_for_all() {
        let config = EngineConfig::default();
        let whole = plan(&config, 4096 * GIB);
        assert_eq!(whole.allocation, Allocation::Pool(256));
        assert_eq!(whole.memory, WHOLE_MEMORY);
        assert!(!whole.reserved(0).checks_bounds);
    }

    #[test]
    fn with_less_room_there_are_fewer_and_never_fewer_than_are_needed() {
        let config = EngineConfig::default();
        for (gib, instances) in [(1024, 126), (128, 15), (9, 1)] {
            let fewer = plan(&config, gib * GIB);
            assert_eq!(fewer.allocation, Allocation::Pool(instances), "{gib} GiB");
        }
        let needed = |least_instances, bytes| {
            let config = EngineConfig {
                least_instances,
                ..EngineConfig::default()
            };
            plan(&config, bytes)
        };
        assert_eq!(needed(15, 128 * GIB).allocation, Allocation::Pool(15));
        for (least, bytes, memory) in [
            (16, 128 * GIB, GIB),
            (1, 5 * GIB, GIB),
            (1, GIB, 256 << 20),
            (1, GIB / 2, 64 << 20),
            (1000, 64 * GIB, 16 << 20),
        ] {
            let own = needed(least, bytes);
            assert_eq!(own.allocation, Allocation::OnDemand, "{bytes}");
            assert_eq!(own.memory, memory, "{bytes}");
            assert!(own.reserved(0).checks_bounds);
        }
        let many = EngineConfig {
            least_instances: 100,
            ..EngineConfig::default()
        };
        assert_eq!(Plan::within(&many, 0, GIB), Err(31));
    }

    #[test]
    fn limits_above_a_pool_have_none() {
        let plan_of = |max_memory_bytes, max_table_elements| {
            let config = EngineConfig {
                max_memory_bytes,
                max_table_elements,
                ..EngineConfig::default()
            };
            plan(&config, 8192 * GIB)
        };
        assert_eq!(plan_of(1 << 30, 200_000).allocation, Allocation::Pool(256));
        assert_eq!(plan_of(1 << 32, 20_000).allocation, Allocation::Pool(256));
        let own = Plan {
            allocation: Allocation::OnDemand,
            memory: WHOLE_MEMORY,
        };
        assert_eq!(plan_of((1 << 32) + 1, 20_000), own);
        assert_eq!(plan_of(1 << 30, usize::MAX).memory, WHOLE_MEMORY);
    }
}
