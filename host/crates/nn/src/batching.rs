//! Whether inferences of one graph are merged, and how far: what a user asks for, and what came of
//! it once the graph was loaded.
//!
//! Plain values; the measuring is `calibrate`'s, the merging `batcher`'s.

use std::{fmt, num::NonZero, str::FromStr, time::Duration};

/// What a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// Whether to merge.
    pub policy: BatchPolicy,
    /// Rows in one run, at most. Which of the sizes up to here is used is measured at load.
    pub max: NonZero<u32>,
    /// How long the first of a batch waits for others to come. None by default: a batch is
    /// as large as what waits when its turn comes, and nobody waits for its sake.
    pub delay: Duration,
}

impl Default for BatchOptions {
    fn default() -> Self {
        /// Beyond this a row costs hardly less, and everybody waits for the last one.
        const MAX: NonZero<u32> = NonZero::new(32).unwrap();
        Self {
            policy: BatchPolicy::default(),
            max: MAX,
            delay: Duration::ZERO,
        }
    }
}

/// Whether inferences of different callers are merged into one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchPolicy {
    /// Never.
    Off,
    /// Always; a graph that cannot be batched does not load.
    On,
    /// Where the model allows it and measuring shows that it pays.
    #[default]
    Auto,
}

impl BatchPolicy {
    const ALL: [BatchPolicy; 3] = [BatchPolicy::Auto, BatchPolicy::On, BatchPolicy::Off];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            BatchPolicy::Auto => "auto",
            BatchPolicy::On => "on",
            BatchPolicy::Off => "off",
        }
    }
}

impl fmt::Display for BatchPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BatchPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| format!("unknown batch policy `{text}`: expected auto, on or off"))
    }
}

/// What came of it for one graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Rows in one run, at most; 1 where inferences are not merged.
    pub max: u32,
    /// How long the first of a batch waits for others.
    pub delay: Duration,
    /// What runs of so many rows took at load, the smallest first; empty where nothing was
    /// measured.
    pub curve: Vec<BatchPoint>,
    /// Why inferences are not merged; none where they are.
    pub off: Option<String>,
    /// Whether inferences run at once on their callers' threads, as many as there are: they are
    /// so short that taking turns would cost more.
    pub unlimited: bool,
}

/// One measured point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPoint {
    /// Rows in the run.
    pub rows: u32,
    /// What the run took, in nanoseconds: the least of some.
    pub ns: u64,
}

impl Batching {
    /// Not merged, nothing measured.
    pub(crate) fn off(reason: impl Into<String>) -> Self {
        Self {
            max: 1,
            delay: Duration::ZERO,
            curve: Vec::new(),
            off: Some(reason.into()),
            unlimited: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for policy in BatchPolicy::ALL {
            assert_eq!(policy.name().parse(), Ok(policy));
        }
        let error = "always".parse::<BatchPolicy>().unwrap_err();
        assert!(
            error.contains("`always`") && error.contains("auto"),
            "{error}"
        );
    }
}
