//! Measures one window of one candidate, with the candidate's number of workers and as many
//! clients. Each client sends its frames one after the other.
//!
//! Graphs and instances are made when a candidate first needs them and warmed up with a few frames
//! that do not count. They are kept for the candidate's next window, and for candidates that differ
//! only in workers. What is kept is bounded by the engine's number of instances and by half of the
//! machine's memory. The time to set a candidate up counts as spent, since the user waits for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use tollgate_deploy::{models::Models, settings::Settings};
use tollgate_dispatch::{Answer, Deployment, Handler, Interrupt, Queues, Workers};
use tollgate_nn::clock::Stamp;

use super::{halving::Outcome, trial::Sample};
use crate::{
    Error,
    closed_loop::{self, Clients},
    energy, machine,
    subject::{Parts, Subject},
};

/// The frames that a new instance runs before it counts. The first makes it and touches its memory;
/// the second finds the caches warm.
const WARM_UP: usize = 2;

/// Measures candidates.
pub struct Meter<'a> {
    parts: &'a Parts,
    /// The machine's energy counters; `None` where it has none.
    counters: Option<&'a energy::Meter>,
    models: &'a Models,
    /// How many instances may be kept.
    most: usize,
    /// How much memory may be used, in bytes.
    memory: u64,
    /// What is kept, least recently used first.
    kept: VecDeque<Kept>,
    next: Arc<AtomicUsize>,
    workers: Workers,
    interrupt: Interrupt,
}

/// Loaded graphs, and the instances that use them.
struct Kept {
    /// The settings, without those that do not change the graphs.
    key: Settings,
    deployment: Arc<Deployment>,
}

/// What one worker did.
#[derive(Default)]
struct Share {
    latencies_ns: Vec<u64>,
    inferences: u64,
    failed: u64,
}

impl Share {
    fn add(&mut self, answer: &Answer) {
        match &answer.outcome {
            Ok(done) => {
                self.latencies_ns.push(done.record.total_ns);
                self.inferences += done.record.counts.inferences;
            }
            Err(reason) => {
                self.failed += 1;
                tracing::debug!(reason = tollgate_report::one_line(reason), "a frame failed");
            }
        }
    }
}

impl<'a> Meter<'a> {
    /// Makes a meter that keeps at most `most` instances.
    pub fn new(
        subject: &'a Subject,
        models: &'a Models,
        most: usize,
        interrupt: Interrupt,
    ) -> Self {
        let memory = machine::describe(None).memory_bytes;
        Self {
            parts: &subject.parts,
            counters: subject.meter.as_ref().ok(),
            models,
            most,
            memory: memory.map_or(u64::MAX, |bytes| bytes / 2),
            kept: VecDeque::new(),
            next: Arc::default(),
            workers: Workers::new(Arc::new(Queues::new(0))),
            interrupt,
        }
    }

    /// Measures one window. Settings whose graphs do not load give a refused outcome, no error.
    ///
    /// # Errors
    ///
    /// Threads cannot be started, or died.
    pub fn window(&mut self, settings: &Settings, length: Duration) -> Result<Outcome, Error> {
        if self.interrupt.is_raised() {
            return Ok(Outcome::Stopped);
        }
        let began = Stamp::now();
        let workers = settings.workers().get();
        let kept = match self.take(settings, workers) {
            Ok(kept) => kept,
            Err(reason) => return Ok(Outcome::Refused(reason)),
        };
        if let Some(frame) = self.parts.frames.first() {
            let stop = || self.interrupt.is_raised();
            kept.deployment.warm_up(workers, frame, WARM_UP, &stop);
        }
        self.workers.grow(workers).map_err(Error::Spawn)?;
        self.workers.queues().set_active(workers);
        let counting = self.counters.and_then(|counters| counters.start().ok());
        let begin = Stamp::now();
        let clients = Clients {
            count: workers,
            workers,
            frames: Arc::clone(&self.parts.frames),
            next: Arc::clone(&self.next),
            until: begin.plus(length),
            interrupt: self.interrupt.clone(),
        };
        let shares: Arc<Vec<Mutex<Share>>> =
            Arc::new((0..workers).map(|_| Mutex::default()).collect());
        let taken = Arc::clone(&shares);
        let did = closed_loop::run(
            self.workers.queues(),
            Arc::clone(&kept.deployment) as Arc<dyn Handler>,
            clients,
            move |worker, answer| {
                if let Some(share) = taken.get(worker) {
                    lock(share).add(answer);
                }
            },
        );
        let ended = did.iter().map(|&(_, last)| last).max().unwrap_or(begin);
        let joules = counting.and_then(|mut counting| counting.joules().ok());
        let mut sample = Sample {
            joules: joules.map(|joules| joules.total()),
            seconds: seconds(begin, ended),
            ..Sample::default()
        };
        for share in shares.iter() {
            let mut share = lock(share);
            sample.latencies_ns.append(&mut share.latencies_ns);
            sample.inferences += share.inferences;
            sample.failed += share.failed;
        }
        self.kept.push_back(kept);
        sample.spent = seconds(began, Stamp::now());
        Ok(Outcome::Measured(sample))
    }

    /// Drops everything that is kept.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// Takes the graphs for these settings out of what is kept, or loads them, and makes room for
    /// this many instances.
    fn take(&mut self, settings: &Settings, workers: usize) -> Result<Kept, String> {
        let key = Settings {
            workers: None,
            ..settings.clone()
        };
        let known = self.kept.iter().position(|kept| kept.key == key);
        let known = known.and_then(|place| self.kept.remove(place));
        let there = known.as_ref().map_or(0, |kept| kept.deployment.idle());
        self.make_room(there.max(workers), known.is_none() || there < workers);
        if let Some(kept) = known {
            return Ok(kept);
        }
        let options = settings.graph_options();
        let isolation = &self.parts.isolation;
        let load = || -> Result<_, String> {
            let chosen = self.models.choose(&settings.variant);
            let chosen = chosen.map_err(|error| error.to_string())?;
            let graphs =
                tollgate_deploy::models::load(&Arc::default(), &chosen, &options, isolation)
                    .map_err(|error| tollgate_report::one_line(&error))?;
            Ok(isolation.nn(graphs, &options, self.parts.grants.load))
        };
        let nn = load()?;
        Ok(Kept {
            key,
            deployment: Arc::new(self.parts.deployment(nn, settings.policy())),
        })
    }

    /// Drops what was not used for longest, until there is room for this many more instances. With
    /// `more`, memory must suffice as well.
    fn make_room(&mut self, instances: usize, more: bool) {
        loop {
            let kept: usize = self.kept.iter().map(|kept| kept.deployment.idle()).sum();
            let full = kept + instances > self.most;
            let heavy = more && machine::resident_bytes().is_some_and(|bytes| bytes > self.memory);
            if !(full || heavy) || self.kept.pop_front().is_none() {
                return;
            }
        }
    }
}

fn lock(share: &Mutex<Share>) -> std::sync::MutexGuard<'_, Share> {
    // Counts that were added before a panic remain valid.
    share.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seconds(from: Stamp, to: Stamp) -> f64 {
    to.nanos_since(from) as f64 / 1e9
}
