//! What an engine must know about the machine and the load: how many instances there will be, how
//! large they are, and whether memory may be swapped out.

use std::fs;

use tollgate_runtime::EngineConfig;
use tollgate_services::Limits;

/// The engine's configuration for this many instances at once with these limits.
pub fn engine_config(instances: usize, limits: &Limits) -> EngineConfig {
    let defaults = EngineConfig::default();
    let least = u32::try_from(instances).unwrap_or(u32::MAX);
    EngineConfig {
        instances: defaults.instances.max(least),
        least_instances: least.max(1),
        max_memory_bytes: limits.memory_bytes.max(defaults.max_memory_bytes),
        max_table_elements: limits.table_elements.max(defaults.max_table_elements),
        swap: has_swap(),
    }
}

/// The configuration for one instance with the highest possible limits: the largest 32-bit memory, and the largest
/// table of the format. What it does not accept is accepted with no limits.
pub fn widest_config() -> EngineConfig {
    let limits = Limits {
        memory_bytes: 1 << 32,
        table_elements: 10_000_000,
        ..Limits::default()
    };
    engine_config(1, &limits)
}

/// Whether this machine has swap at the moment; swap that is enabled later is not noticed. True if
/// the system does not tell.
pub fn has_swap() -> bool {
    fs::read_to_string("/proc/swaps").map_or(true, |swaps| lists_one(&swaps))
}

/// Whether there is a line below the headings.
fn lists_one(swaps: &str) -> bool {
    swaps.lines().skip(1).any(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_what_is_listed_below_the_headings() {
        let headings = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!lists_one(headings) && !lists_one(""));
        let zram = format!("{headings}/dev/zram0 partition\t8388604\t\t0\t\t100\n");
        assert!(lists_one(&zram));
    }

    #[test]
    fn limits_above_the_defaults_count() {
        let limits = Limits {
            table_elements: 200_000,
            memory_bytes: 3 << 30,
            ..Limits::default()
        };
        let config = engine_config(500, &limits);
        assert_eq!((config.instances, config.least_instances), (500, 500));
        assert_eq!(config.max_table_elements, 200_000);
        assert_eq!(config.max_memory_bytes, 3 << 30);
        let defaults = EngineConfig::default();
        let config = engine_config(0, &Limits::default());
        assert_eq!(config.instances, defaults.instances);
        assert_eq!(config.max_memory_bytes, defaults.max_memory_bytes);
    }
}
