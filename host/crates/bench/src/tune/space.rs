//! Which settings are worth trying on this machine with these graphs.
//!
//! The settings form a grid: how graphs run, how many instances there are, whether and how far
//! inferences are merged, on which device, with which variant. Settings that cannot help are left
//! out: batching for graphs that refuse it or gain nothing, batches much larger than the number of
//! instances that fill them, and more threads than cores. A setting that the user gave is the same
//! in all candidates. Pure: the same facts give the same grid in the same order.

use std::{num::NonZero, time::Duration};

use tollgate_nn::{BatchPolicy, Device, GraphOptions, Mode};

use tollgate_deploy::settings::Settings;
use tollgate_deploy::values::VariantArg;

/// The number of instances, in halves of the number that keeps a graph busy. Beyond that number,
/// latency grows more and throughput less with each step.
const WORKERS: [usize; 7] = [1, 2, 3, 4, 6, 8, 16];

/// The largest number of instances of a candidate.
const MAX_WORKERS: usize = 256;

/// The largest number of rows that a candidate merges; a row in a larger batch costs hardly less.
const MAX_BATCH: usize = 32;

/// How long the first inference of a batch waits for others, if it waits.
const DELAYS: [Duration; 2] = [Duration::from_micros(200), Duration::from_millis(2)];

/// A delay may take at most this part of the bound.
const DELAY_OF_BOUND: u32 = 8;

/// The numbers of sessions on a device that is not the CPU.
const SESSIONS: [usize; 3] = [1, 2, 4];

/// What the grid is made from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Cores that this process may use.
    pub cores: usize,
    /// The devices that the models load on, the default first.
    pub devices: Vec<Device>,
    /// The variants that may be recommended, the default first.
    pub variants: Vec<Variant>,
    /// The bound on the p99.
    pub bound: Duration,
    /// The settings that the user gave.
    pub settled: Settings,
}

/// A variant of the models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Its name; `None` for the default.
    pub name: Option<String>,
    /// Whether its graphs can be batched and gain by it.
    pub batchable: bool,
}

/// All candidates, and which of them is the default: the user's settings, with the usual defaults
/// for all others.
#[derive(Clone, Debug)]
pub struct Space {
    /// The settings of each candidate, with no default left open.
    pub candidates: Vec<Settings>,
    /// The index of the default among them.
    pub reference: usize,
}

impl Space {
    /// Makes the grid.
    pub fn new(facts: &Facts) -> Self {
        let mut candidates = Vec::new();
        for variant in &facts.variants {
            for &device in &facts.devices {
                for graph in graphs(facts.cores, device) {
                    for candidate in loads(variant.batchable, facts.bound, &graph) {
                        let candidate = Settings {
                            variant: variant.name.as_deref().map(of_all).into_iter().collect(),
                            device: Some(device),
                            ..candidate
                        };
                        let candidate = whole(facts.settled.clone().or(candidate), facts.cores);
                        if !candidates.contains(&candidate) {
                            candidates.push(candidate);
                        }
                    }
                }
            }
        }
        let default = whole(facts.settled.clone(), facts.cores);
        let known = candidates
            .iter()
            .position(|candidate| *candidate == default);
        let reference = known.unwrap_or_else(|| {
            candidates.push(default);
            candidates.len() - 1
        });
        Self {
            candidates,
            reference,
        }
    }
}

/// A way to run a graph.
struct Run {
    settings: Settings,
    /// The number of inferences that keep it busy.
    busy: usize,
    /// The number of inferences that may run at once; further ones wait and can be merged.
    at_once: usize,
}

/// The ways to run a graph on a device.
fn graphs(cores: usize, device: Device) -> Vec<Run> {
    let mut graphs = Vec::new();
    if device != Device::Cpu {
        for sessions in SESSIONS {
            let settings = Settings {
                sessions: NonZero::new(sessions),
                ..Settings::default()
            };
            graphs.push(Run {
                settings,
                busy: sessions,
                at_once: sessions,
            });
        }
        return graphs;
    }
    let mut threads = 1;
    while threads == 1 || threads * 2 <= cores {
        graphs.push(Run {
            settings: Settings {
                mode: Some(Mode::Throughput),
                threads: NonZero::new(threads),
                ..Settings::default()
            },
            busy: (cores / threads).max(1),
            // As in `tollgate-nn`: one more inference for each that keeps a core busy.
            at_once: (2 * cores / threads).max(1),
        });
        threads *= 2;
    }
    if cores > 1 {
        graphs.push(Run {
            settings: Settings {
                mode: Some(Mode::Latency),
                threads: NonZero::new(cores),
                ..Settings::default()
            },
            busy: 1,
            at_once: 1,
        });
    }
    graphs
}

/// The loads for a graph: numbers of instances, and how their inferences are merged.
fn loads(batchable: bool, bound: Duration, graph: &Run) -> Vec<Settings> {
    let mut loads = Vec::new();
    let mut before = 0;
    for halves in WORKERS {
        let workers = (graph.busy * halves).div_ceil(2).min(MAX_WORKERS);
        if workers == before {
            continue;
        }
        before = workers;
        let alone = Settings {
            workers: NonZero::new(workers),
            batch: Some(BatchPolicy::Off),
            ..graph.settings.clone()
        };
        loads.push(alone.clone());
        // If all instances can run at once, no inference waits that could be merged.
        if !batchable || workers <= graph.at_once {
            continue;
        }
        // As large as the number of instances, so that all waiting inferences fit.
        let all = workers.next_power_of_two().min(MAX_BATCH);
        loads.push(batched(&alone, all, None));
        // A delay only helps batches that can fill while another one runs.
        if workers.is_multiple_of(2) && workers >= 4 {
            let half = (workers / 2).min(MAX_BATCH);
            let longest = bound / DELAY_OF_BOUND;
            for delay in DELAYS.into_iter().filter(|delay| *delay <= longest) {
                loads.push(batched(&alone, half, Some(delay)));
            }
        }
    }
    loads
}

fn batched(alone: &Settings, max: usize, batch_delay: Option<Duration>) -> Settings {
    Settings {
        batch: Some(BatchPolicy::On),
        max_batch: u32::try_from(max).ok().and_then(NonZero::new),
        batch_delay,
        ..alone.clone()
    }
}

/// Gives each open setting its default and removes those without effect, so that equal settings
/// compare as equal.
fn whole(settings: Settings, cores: usize) -> Settings {
    let mut options = settings.graph_options();
    let workers = settings.workers();
    if workers.get() == 1 && options.batch.policy == BatchPolicy::Auto {
        // As in `config`: with one worker there is nothing to merge.
        options.batch.policy = BatchPolicy::Off;
    }
    let GraphOptions { device, batch, .. } = options;
    let on_cpu = device == Device::Cpu;
    let batched = batch.policy != BatchPolicy::Off;
    let threads = match options.mode {
        Mode::Throughput => 1,
        Mode::Latency => cores,
    };
    Settings {
        workers: Some(workers),
        device: Some(device),
        mode: on_cpu.then_some(options.mode),
        threads: on_cpu
            .then(|| settings.threads.or(NonZero::new(threads)))
            .flatten(),
        sessions: (!on_cpu).then_some(options.sessions),
        batch: Some(batch.policy),
        max_batch: batched.then_some(batch.max),
        batch_delay: settings
            .batch_delay
            .filter(|delay| batched && !delay.is_zero()),
        ..settings
    }
}

fn of_all(variant: &str) -> VariantArg {
    VariantArg {
        model: None,
        variant: variant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(batchable: bool) -> Variant {
        Variant {
            name: None,
            batchable,
        }
    }

    fn facts() -> Facts {
        Facts {
            cores: 2,
            devices: vec![Device::Cpu],
            variants: vec![plain(true)],
            bound: Duration::from_millis(20),
            settled: Settings::default(),
        }
    }

    fn default_of(space: &Space) -> &Settings {
        &space.candidates[space.reference]
    }

    #[test]
    fn the_default_is_among_the_candidates_and_none_is_there_twice() {
        for cores in [1, 2, 3, 8, 64] {
            let space = Space::new(&Facts { cores, ..facts() });
            let default = default_of(&space);
            assert_eq!(default.workers, NonZero::new(1));
            assert_eq!(default.mode, Some(Mode::Throughput));
            assert_eq!(default.batch, Some(BatchPolicy::Off));
            for (place, one) in space.candidates.iter().enumerate() {
                assert!(!space.candidates[..place].contains(one), "{one:?}");
                assert!(one.threads.unwrap().get() <= cores);
            }
        }
    }

    #[test]
    fn batches_are_there_only_where_they_can_be_and_can_be_filled() {
        let space = Space::new(&facts());
        let batched = |one: &&Settings| one.batch == Some(BatchPolicy::On);
        assert!(space.candidates.iter().filter(batched).count() > 5);
        for one in space.candidates.iter().filter(batched) {
            let rows = one.max_batch.unwrap().get() as usize;
            assert!(rows < 2 * one.workers().get());
            assert!(one.batch_delay.is_none() || rows * 2 == one.workers().get());
        }
        let space = Space::new(&Facts {
            variants: vec![plain(false)],
            ..facts()
        });
        assert_eq!(space.candidates.iter().filter(batched).count(), 0);
        let tight = Space::new(&Facts {
            bound: Duration::from_millis(1),
            ..facts()
        });
        assert!(tight.candidates.iter().all(|one| one.batch_delay.is_none()));
    }

    #[test]
    fn what_is_settled_is_settled_everywhere() {
        let settled = Settings {
            workers: NonZero::new(3),
            mode: Some(Mode::Latency),
            batch: Some(BatchPolicy::Off),
            fresh: Some(true),
            ..Settings::default()
        };
        let space = Space::new(&Facts { settled, ..facts() });
        for one in &space.candidates {
            assert_eq!(
                (one.workers, one.mode),
                (NonZero::new(3), Some(Mode::Latency))
            );
            assert_eq!((one.batch, one.max_batch), (Some(BatchPolicy::Off), None));
            assert_eq!(one.fresh, Some(true));
        }
        assert_eq!(space.candidates.len(), 2, "one thread and two");
        assert_eq!(default_of(&space).threads, NonZero::new(2));
    }

    #[test]
    fn variants_and_devices_multiply_and_the_default_is_plain() {
        let one = Space::new(&facts()).candidates.len();
        let space = Space::new(&Facts {
            variants: vec![
                plain(true),
                Variant {
                    name: Some("int8".into()),
                    batchable: true,
                },
            ],
            devices: vec![Device::Cpu, Device::Cuda],
            ..facts()
        });
        assert!(space.candidates.len() > 2 * one);
        let default = default_of(&space);
        assert!(default.variant.is_empty() && default.device == Some(Device::Cpu));
        let cuda = |one: &&Settings| one.device == Some(Device::Cuda);
        for one in space.candidates.iter().filter(cuda) {
            assert!(one.mode.is_none() && one.threads.is_none() && one.sessions.is_some());
        }
    }

    #[test]
    fn a_larger_machine_tries_threads_in_between() {
        let space = Space::new(&Facts {
            cores: 8,
            variants: vec![plain(false)],
            ..facts()
        });
        let threads = |n| {
            space
                .candidates
                .iter()
                .any(|one| one.threads == NonZero::new(n))
        };
        assert!(threads(1) && threads(2) && threads(4) && threads(8) && !threads(16));
        let most = space.candidates.iter().map(|one| one.workers().get()).max();
        assert_eq!(most, Some(64));
    }
}
