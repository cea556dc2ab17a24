//! How a graph is run: the options that a user can set for each graph, and what each of them costs.

use std::{fmt, num::NonZero, str::FromStr};

use tollgate_ort::SessionOptions;

use crate::{BatchOptions, Device, Optimization, cores};

/// The options of one graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphOptions {
    /// The device. If it is not there, the graph does not load.
    pub device: Device,
    /// Lets single nodes run on the CPU if the device has no kernel for them. Off by default: then the
    /// whole graph runs on the device.
    pub allow_cpu_nodes: bool,
    /// Whether the sessions are set up for throughput or for latency.
    pub mode: Mode,
    /// Threads inside one inference. By default the mode decides.
    pub threads: Option<NonZero<usize>>,
    /// How far ONNX Runtime rewrites the graph at load.
    pub optimization: Optimization,
    /// Whether freed memory stays in ONNX Runtime's arena for the next inference. That is faster, but the
    /// memory of the largest inference is never freed.
    pub arena: bool,
    /// Sessions on devices other than the CPU, where one session runs one inference at a time.
    pub sessions: NonZero<usize>,
    /// Whether inferences of different callers are merged, and how many.
    pub batch: BatchOptions,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            allow_cpu_nodes: false,
            mode: Mode::Throughput,
            threads: None,
            optimization: Optimization::All,
            arena: true,
            sessions: NonZero::<usize>::MIN,
            batch: BatchOptions::default(),
        }
    }
}

impl GraphOptions {
    /// Threads inside one inference, on a machine with this many cores.
    pub(crate) fn intra_threads(&self, cores: usize) -> usize {
        match (self.threads, self.mode) {
            (Some(threads), _) => threads.get(),
            (None, Mode::Throughput) => 1,
            (None, Mode::Latency) => cores.max(1),
        }
    }

    /// The options of its sessions, on a machine with this many cores.
    pub(crate) fn session(&self, cores: usize) -> SessionOptions {
        SessionOptions {
            device: self.device,
            allow_cpu_nodes: self.allow_cpu_nodes,
            threads: self.intra_threads(cores),
            spins: self.mode == Mode::Latency,
            optimization: self.optimization,
            arena: self.arena,
        }
    }

    /// Whether each inference runs on one thread only, so that more of them than cores make sense.
    pub(crate) fn runs_alone(&self) -> bool {
        let threads = self.intra_threads(cores());
        self.device == Device::Cpu && self.mode == Mode::Throughput && threads == 1
    }

    /// How many inferences may run at once on the CPU, on a machine with this many cores: as many as fit,
    /// or twice as many if they are quick. When a run ends and its permit goes to a sleeping caller, the
    /// core idles until that caller is awake. For longer runs this is a negligible part, and more of them
    /// would only compete for caches and time.
    pub(crate) fn permits(&self, cores: usize, quick: bool) -> usize {
        let fit = (cores / self.intra_threads(cores)).max(1);
        match self.mode {
            Mode::Throughput if quick => 2 * fit,
            Mode::Throughput => fit,
            Mode::Latency => 1,
        }
    }
}

/// Whether the sessions of a graph are set up for throughput or for latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As many inferences at once as keep all cores busy, each on one thread that never spins.
    #[default]
    Throughput,
    /// One inference at a time on all cores.
    Latency,
}

impl Mode {
    const ALL: [Mode; 2] = [Mode::Throughput, Mode::Latency];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Throughput => "throughput",
            Mode::Latency => "latency",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| format!("unknown mode `{text}`: expected throughput or latency"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_share_the_cores_out() {
        let of = |options: &GraphOptions, cores| {
            let permits = |quick| options.permits(cores, quick);
            (options.intra_threads(cores), permits(false), permits(true))
        };
        let throughput = GraphOptions::default();
        assert_eq!(of(&throughput, 8), (1, 8, 16));
        let latency = GraphOptions {
            mode: Mode::Latency,
            ..GraphOptions::default()
        };
        assert_eq!(of(&latency, 8), (8, 1, 1));
        let threes = GraphOptions {
            threads: NonZero::new(3),
            ..GraphOptions::default()
        };
        assert_eq!(of(&threes, 8), (3, 2, 4));
        assert_eq!(of(&threes, 1), (3, 1, 2));
    }
}
