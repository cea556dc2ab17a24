//! What is measured: one plugin, its frames in memory, and the paths that the frames can take.
//!
//! Every path is an entrant; all of them live in one process and take turns. A variant of the model
//! is an entrant too, with graphs of its own. Before anything is timed each frame goes through the
//! plugin once: that tells how many inferences it makes, with how many bytes of tensors, and how many
//! readings are right; and a frame that the plugin cannot read is said before it spoils a figure.

use std::{num::NonZero, path::PathBuf, sync::Arc, thread};

use tollgate_runtime::{
    Frame, Grants, Ledger, Limits, NnHost, Output, Plugin, Policy, Pool, Record,
};

use super::{
    Error, native,
    record::{Energy, Path, Percentiles},
};
use crate::{
    dispatch::Warm,
    energy::{self, Meter},
};
use tollgate_report::Accuracy;
use tollgate_report::truth::{Score, Truth};

/// What everything is made from; each field as a worker wants it.
#[expect(missing_docs, reason = "the types say it")]
pub struct Parts {
    pub plugin: Arc<Plugin>,
    pub grants: Grants,
    pub limits: Limits,
    pub policy: Policy,
    /// The twin's library.
    pub twin: Option<PathBuf>,
    /// The frames, which go round and round.
    pub frames: Vec<Frame>,
    /// Their true readings.
    pub truth: Option<Truth>,
}

/// One way through, and the graphs on it.
pub struct Lineup {
    /// Which way.
    pub path: Path,
    /// The variant of the model, where several are compared.
    pub variant: Option<String>,
    /// The graphs.
    pub nn: NnHost,
}

/// All that is measured against each other.
pub struct Rig {
    pub(super) parts: Parts,
    pub(super) entrants: Vec<Entrant>,
    /// The machine's energy counters, or why there are none.
    pub(super) meter: Result<Meter, energy::Error>,
}

/// One path, ready to run.
pub struct Entrant {
    pub(super) path: Path,
    pub(super) variant: Option<String>,
    pub(super) nn: NnHost,
    pub(super) census: Arc<Census>,
    /// For the native path: what to run for each frame.
    pub(super) native: Option<Arc<native::Plan>>,
    /// For a sandboxed path: the instances, the one that was used last on top.
    pub(super) warm: Warm<Pool>,
}

/// What one pass through the plugin told.
#[derive(Debug, Default)]
pub struct Census {
    /// For each frame, its inferences and the bytes of the tensors that went into them.
    pub(super) frames: Vec<(u64, u64)>,
    pub(super) accuracy: Option<Accuracy>,
}

impl Rig {
    /// Puts everything in its place and goes through the frames once for each set of graphs.
    ///
    /// # Errors
    ///
    /// No frames, a frame that the plugin cannot read, or a native path that cannot be worked out.
    pub fn new(parts: Parts, lineup: Vec<Lineup>) -> Result<Self, Error> {
        if parts.frames.is_empty() {
            return Err(Error::NoFrames);
        }
        let mut entrants: Vec<Entrant> = Vec::new();
        for Lineup { path, variant, nn } in lineup {
            let known = entrants
                .iter()
                .find(|one| Arc::ptr_eq(&one.nn.registry, &nn.registry));
            let census = match known {
                Some(one) => Arc::clone(&one.census),
                None => Arc::new(census(&parts, &nn)?),
            };
            let native = match path {
                Path::Native => Some(Arc::new(native::Plan::new(&nn.registry, &census)?)),
                _ => None,
            };
            entrants.push(Entrant {
                path,
                variant,
                nn,
                census,
                native,
                warm: Warm::default(),
            });
        }
        Ok(Self {
            parts,
            entrants,
            meter: Meter::open(),
        })
    }

    /// How many entrants there are; they are known by their place.
    pub fn entrants(&self) -> usize {
        self.entrants.len()
    }

    /// The path of an entrant.
    pub fn path(&self, entrant: usize) -> Option<Path> {
        Some(self.entrants.get(entrant)?.path)
    }

    /// The variant of an entrant, where several are compared.
    pub fn variant(&self, entrant: usize) -> Option<&str> {
        self.entrants.get(entrant)?.variant.as_deref()
    }

    /// How many readings an entrant's graphs get right; none without true readings.
    pub fn accuracy(&self, entrant: usize) -> Option<Accuracy> {
        self.entrants.get(entrant)?.census.accuracy
    }

    /// What was counted for one inference, with the counter that it comes from, or why there is none.
    pub fn energy(&self, joules_per_inference: Option<f64>) -> Energy {
        let reason = match (&self.meter, joules_per_inference) {
            (Ok(_), Some(_)) => None,
            (Ok(_), None) => Some("no inference was done while it could be counted".to_owned()),
            (Err(error), _) => Some(tollgate_report::one_line(error)),
        };
        let counters = self.meter.as_ref().map(|meter| meter.counters().join(", "));
        Energy {
            joules_per_inference,
            source: counters.ok().filter(|_| reason.is_none()),
            reason,
        }
    }

    /// How many frames go round, and their bytes together.
    pub fn frames(&self) -> (u64, u64) {
        let frames = &self.parts.frames;
        let bytes = frames.iter().map(|frame| frame.data.len() as u64).sum();
        (frames.len() as u64, bytes)
    }
}

impl Entrant {
    /// How many threads work for so many clients at once.
    pub(super) fn threads(&self, clients: usize) -> usize {
        if self.path == Path::Batched {
            return clients;
        }
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        clients.min(cores)
    }

    /// Sees to it that there are so many instances, each of them used once.
    pub(super) fn warm_up(&self, parts: &Parts, instances: usize) {
        if matches!(self.path, Path::Plugin | Path::Batched) {
            // Nobody is at work between windows: all of them lie there.
            for _ in self.warm.count()..instances {
                self.warm.put(self.warm_pool(parts));
            }
        }
    }

    /// Inferences of a frame.
    pub(super) fn inferences(&self, frame: usize) -> u64 {
        self.census.frames.get(frame).map_or(0, |&(count, _)| count)
    }

    /// A pool with its instance made and its memory touched, where it keeps one.
    pub(super) fn warm_pool(&self, parts: &Parts) -> Pool {
        let mut pool = self.pool(parts);
        if let (Policy::Warm { .. }, Some(frame)) = (parts.policy, parts.frames.first()) {
            let mut ledger = Ledger::open();
            ledger.start();
            // What is wrong with a frame is said when it is measured.
            let _ = pool.handle(frame, &mut ledger);
        }
        pool
    }

    /// How many of the first so many instances are kept, and their linear memory together, in bytes.
    pub(super) fn memory(&self, instances: usize) -> (u64, u64) {
        let bytes = self.warm.each(Pool::memory_bytes);
        let kept = bytes.into_iter().flatten().take(instances);
        kept.fold((0, 0), |(count, sum), bytes| {
            (count + 1, sum + bytes as u64)
        })
    }

    /// A pool with no instance yet.
    pub(super) fn pool(&self, parts: &Parts) -> Pool {
        Pool::new(
            Arc::clone(&parts.plugin),
            self.nn.clone(),
            parts.grants.clone(),
            parts.limits.clone(),
            parts.policy,
        )
    }
}

/// Goes through the frames once.
fn census(parts: &Parts, nn: &NnHost) -> Result<Census, Error> {
    let mut pool = Pool::new(
        Arc::clone(&parts.plugin),
        nn.clone(),
        parts.grants.clone(),
        parts.limits.clone(),
        parts.policy,
    );
    let (mut census, mut score) = (Census::default(), Score::default());
    for frame in &parts.frames {
        let fails = |why: &dyn std::error::Error| Error::Frame {
            frame: frame.source.to_string(),
            reason: tollgate_report::one_line(why),
        };
        let mut ledger = Ledger::open();
        ledger.start();
        let outcome = pool.handle(frame, &mut ledger);
        let record = ledger.close();
        let outputs = outcome
            .map_err(|error| fails(&error))?
            .map_err(|fault| fails(&fault))?;
        if let Some(truth) = &parts.truth {
            truth.score(&frame.source, Some(&outputs), &mut score);
        }
        census.frames.push(tensors(&record, &outputs));
    }
    census.accuracy = Accuracy::of(score);
    Ok(census)
}

/// The inferences of a frame, and the bytes of tensors that came out of the guest for them: all
/// bytes that came out, less the outputs.
fn tensors(record: &Record, outputs: &[Output]) -> (u64, u64) {
    let of = |output: &Output| output.name.len() + output.content_type.len() + output.data.len();
    let outputs = outputs.iter().map(of).sum::<usize>() as u64;
    let bytes = record.counts.bytes_in.saturating_sub(outputs);
    (record.counts.inferences, bytes)
}

/// The latency that a quantile of these percentiles has; none where they do not tell.
pub(super) fn at(percentiles: Option<&Percentiles>, quantile: f64) -> Option<u64> {
    let percentiles = percentiles?;
    match quantile {
        q if q <= 0.5 => percentiles.p50,
        q if q <= 0.9 => percentiles.p90,
        q if q <= 0.99 => percentiles.p99,
        _ => percentiles.p999,
    }
}
