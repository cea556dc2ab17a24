//! Measures one window of one candidate: as many threads as it has workers, each with an instance of
//! its own, each taking one frame after the other.
//!
//! Graphs and instances are made when a candidate first needs them, warmed up with a few frames that do
//! not count, and kept for its next window and for its neighbours, which differ in workers alone. What
//! is kept is bounded: by the instances that the engine has, and by half of the machine's memory.
//! What a candidate's set-up takes counts as spent, since whoever waits for the search waits for it.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Builder, ScopedJoinHandle},
    time::Duration,
};

use tollgate_runtime::{Frame, Ledger, NnHost, Pool, Record, clock::Stamp};

use super::{halving::Outcome, trial::Sample};
use crate::{
    bench::{
        Error, machine,
        rig::{Parts, Rig},
    },
    energy,
    interrupt::Interrupt,
};
use tollgate_deploy::models::Models;
use tollgate_deploy::settings::Settings;

/// Frames that a new instance runs before it counts: the first one makes it and touches its memory,
/// the second finds the caches warm.
const WARM_UP: usize = 2;

/// Measures candidates.
pub struct Meter<'a> {
    parts: &'a Parts,
    /// The machine's counters; none where it has none.
    counters: Option<&'a energy::Meter>,
    models: &'a Models,
    /// Instances that may be kept.
    most: usize,
    /// Memory that may be taken, in bytes.
    memory: u64,
    /// What is kept, the least recently used first.
    kept: VecDeque<Kept>,
    next: AtomicUsize,
    interrupt: Interrupt,
}

/// Graphs that are loaded, and the instances that use them.
struct Kept {
    /// The settings without what graphs do not feel.
    key: Settings,
    nn: NnHost,
    pools: Vec<Pool>,
}

/// What one worker did.
#[derive(Default)]
struct Share {
    latencies_ns: Vec<u64>,
    inferences: u64,
    failed: u64,
    ended: Option<Stamp>,
}

impl<'a> Meter<'a> {
    /// A meter that keeps at most so many instances.
    pub fn new(rig: &'a Rig, models: &'a Models, most: usize, interrupt: Interrupt) -> Self {
        let memory = machine::describe(None).memory_bytes;
        Self {
            parts: &rig.parts,
            counters: rig.meter.as_ref().ok(),
            models,
            most,
            memory: memory.map_or(u64::MAX, |bytes| bytes / 2),
            kept: VecDeque::new(),
            next: AtomicUsize::new(0),
            interrupt,
        }
    }

    /// Measures one window. Settings whose graphs do not load are refused and no error.
    ///
    /// # Errors
    ///
    /// Threads that cannot be had or that died.
    pub fn window(&mut self, settings: &Settings, length: Duration) -> Result<Outcome, Error> {
        if self.interrupt.is_raised() {
            return Ok(Outcome::Stopped);
        }
        let began = Stamp::now();
        let workers = settings.workers().get();
        let mut kept = match self.take(settings, workers) {
            Ok(kept) => kept,
            Err(reason) => return Ok(Outcome::Refused(reason)),
        };
        let ready = kept.pools.len();
        for _ in ready..workers {
            kept.pools.push(Pool::new(
                Arc::clone(&self.parts.plugin),
                kept.nn.clone(),
                self.parts.grants.clone(),
                self.parts.limits.clone(),
                settings.policy(),
            ));
        }
        if let Some(cold) = kept.pools.get_mut(ready..workers) {
            self.all(cold, |pool, frames| {
                for frame in frames.take(WARM_UP) {
                    handle(pool, frame).ok();
                }
            })?;
        }
        let counting = self.counters.and_then(|counters| counters.start().ok());
        let begin = Stamp::now();
        let until = begin.plus(length);
        let pools = kept.pools.get_mut(..workers).unwrap_or_default();
        let shares = self.all(pools, |pool, frames| {
            let mut share = Share::default();
            for frame in frames {
                match handle(pool, frame) {
                    Ok(done) => {
                        share.latencies_ns.push(done.total_ns);
                        share.inferences += done.counts.inferences;
                    }
                    Err(reason) => {
                        share.failed += 1;
                        tracing::debug!(%reason, "a frame failed");
                    }
                }
                let now = Stamp::now();
                share.ended = Some(now);
                if now >= until || self.interrupt.is_raised() {
                    break;
                }
            }
            share
        })?;
        let ended = shares.iter().filter_map(|share| share.ended).max();
        let joules = counting.and_then(|mut counting| counting.joules().ok());
        let mut sample = Sample {
            joules: joules.map(|joules| joules.total()),
            seconds: seconds(begin, ended.unwrap_or(until)),
            ..Sample::default()
        };
        for mut share in shares {
            sample.latencies_ns.append(&mut share.latencies_ns);
            sample.inferences += share.inferences;
            sample.failed += share.failed;
        }
        self.kept.push_back(kept);
        sample.spent = seconds(began, Stamp::now());
        Ok(Outcome::Measured(sample))
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// The graphs of these settings, loaded now or before, out of what is kept; with room for so many
    /// instances.
    fn take(&mut self, settings: &Settings, workers: usize) -> Result<Kept, String> {
        let key = Settings {
            workers: None,
            ..settings.clone()
        };
        let known = self.kept.iter().position(|kept| kept.key == key);
        let known = known.and_then(|place| self.kept.remove(place));
        let there = known.as_ref().map_or(0, |kept| kept.pools.len());
        self.make_room(there.max(workers), known.is_none() || there < workers);
        if let Some(kept) = known {
            return Ok(kept);
        }
        let options = settings.graph_options();
        let load = || -> Result<_, String> {
            let chosen = self.models.choose(&settings.variant);
            let chosen = chosen.map_err(|error| error.to_string())?;
            tollgate_deploy::models::load(&chosen, &options)
                .map_err(|error| tollgate_report::one_line(&error))
        };
        Ok(Kept {
            nn: NnHost::new(Arc::new(load()?), options.clone()),
            key,
            pools: Vec::new(),
        })
    }

    /// Lets go of what was not used for longest, until there is room for so many instances more; for
    /// new ones memory counts as well.
    fn make_room(&mut self, instances: usize, more: bool) {
        loop {
            let kept: usize = self.kept.iter().map(|kept| kept.pools.len()).sum();
            let full = kept + instances > self.most;
            let heavy = more && machine::resident_bytes().is_some_and(|bytes| bytes > self.memory);
            if !(full || heavy) || self.kept.pop_front().is_none() {
                return;
            }
        }
    }

    /// Lets each pool do the same on a thread of its own, with the frames that go round and round.
    fn all<T: Send>(
        &self,
        pools: &mut [Pool],
        work: impl Fn(&mut Pool, &mut dyn Iterator<Item = &'a Frame>) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        let frames = &self.parts.frames;
        let (next, work) = (&self.next, &work);
        thread::scope(|scope| {
            let spawn = |pool| -> Result<ScopedJoinHandle<'_, T>, io::Error> {
                Builder::new()
                    .name("tune".to_owned())
                    .spawn_scoped(scope, move || {
                        let number = || next.fetch_add(1, Ordering::Relaxed) % frames.len().max(1);
                        let mut frames = std::iter::from_fn(|| frames.get(number()));
                        work(pool, &mut frames)
                    })
            };
            let threads: Result<Vec<_>, _> = pools.iter_mut().map(spawn).collect();
            let threads = threads.map_err(Error::Spawn)?;
            let ends = threads.into_iter().map(ScopedJoinHandle::join);
            ends.map(|end| end.map_err(|_| Error::Died)).collect()
        })
    }
}

/// One frame through an instance: the record of its ledger, or why it failed.
fn handle(pool: &mut Pool, frame: &Frame) -> Result<Record, String> {
    let mut ledger = Ledger::open();
    ledger.start();
    let outcome = pool.handle(frame, &mut ledger);
    let record = ledger.close();
    match outcome {
        Ok(Ok(_)) => Ok(record),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(error) => Err(tollgate_report::one_line(&error)),
    }
}

fn seconds(from: Stamp, to: Stamp) -> f64 {
    to.nanos_since(from) as f64 / 1e9
}
