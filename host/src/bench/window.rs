//! One window of one entrant: the crew gets its orders, frames arrive, and what everybody did is
//! added up. What the process used meanwhile, it used for this: nobody else runs.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use hdrhistogram::Histogram;
use tollgate_runtime::clock::Stamp;

use super::{
    Error,
    crew::{Arrival, Clients, Crew, Query, Share, Work},
    load::Poisson,
    machine,
    record::{Memory, Percentiles},
    rig::Rig,
    windows,
};
use crate::{
    dispatch::{Admission, Priority, Queues},
    energy::Reading,
};
use tollgate_report::{Tally, percentiles};

/// Frames of a query in the multi-stream scenario, by MLPerf's definition.
pub const QUERY: usize = 8;

/// Beyond this many arrivals in one window the rate is out of any machine's reach.
const MAX_ARRIVALS: usize = 50_000_000;

/// How long arrivals rest after one was refused, at most.
const GRAIN: Duration = Duration::from_micros(500);

/// How long nothing looks for a signal.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// What one window, or several of them, came to.
pub struct Measured {
    /// The frames that were done.
    pub tally: Tally,
    /// The queries that were done, where a query is more than a frame.
    pub queries: Option<Histogram<u64>>,
    /// Frames done within the bound.
    pub in_bound: u64,
    /// Whether there was a bound to be in.
    pub bounded: bool,
    /// Frames that failed.
    pub failed: u64,
    /// Frames refused on arrival.
    pub rejected: u64,
    /// Frames whose deadline passed.
    pub timed_out: u64,
    /// Frames that arrived, where they did so by themselves.
    pub offered: u64,
    /// From the first arrival to the last output.
    pub seconds: f64,
    /// Frames done per second, times `seconds`: what the members' own rates add up to.
    pub rate_seconds: f64,
    /// Processor time of the whole process.
    pub cpu: Duration,
    /// Energy of the whole machine, in joules; none where that is not counted.
    pub joules: Option<f64>,
    /// Memory at the end.
    pub memory: Memory,
    /// Why the first frame failed that did.
    pub failure: Option<String>,
}

impl Measured {
    /// Nothing yet.
    pub fn none() -> Result<Self, Error> {
        Ok(Self {
            tally: Tally::new()?,
            queries: None,
            in_bound: 0,
            bounded: false,
            failed: 0,
            rejected: 0,
            timed_out: 0,
            offered: 0,
            seconds: 0.0,
            rate_seconds: 0.0,
            cpu: Duration::ZERO,
            joules: Some(0.0),
            memory: Memory::default(),
            failure: None,
        })
    }

    /// Adds a later window.
    pub fn merge(&mut self, other: &Measured) {
        self.tally.merge(&other.tally);
        match (&mut self.queries, &other.queries) {
            (Some(ours), Some(theirs)) => {
                // Both have the same bounds.
                ours.add(theirs).ok();
            }
            (ours @ None, Some(theirs)) => *ours = Some(theirs.clone()),
            (_, None) => {}
        }
        self.in_bound += other.in_bound;
        self.bounded |= other.bounded;
        self.failed += other.failed;
        self.rejected += other.rejected;
        self.timed_out += other.timed_out;
        self.offered += other.offered;
        self.seconds += other.seconds;
        self.rate_seconds += other.rate_seconds;
        self.cpu += other.cpu;
        self.joules = self
            .joules
            .zip(other.joules)
            .map(|(ours, theirs)| ours + theirs);
        self.memory = other.memory;
        if self.failure.is_none() {
            self.failure.clone_from(&other.failure);
        }
    }

    /// Frames done per second.
    pub fn frames_per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.rate_seconds / self.seconds
        } else {
            0.0
        }
    }

    /// The latency of a query: of several frames where there were such, of one otherwise.
    pub fn latency(&self) -> Option<Percentiles> {
        percentiles::of(self.queries.as_ref().unwrap_or(self.tally.histogram()))
    }

    /// How many queries were done.
    pub fn queries(&self) -> u64 {
        self.queries
            .as_ref()
            .map_or(self.tally.frames(), Histogram::len)
    }

    /// Processor time for one inference, in nanoseconds.
    pub fn cpu_ns_per_inference(&self) -> Option<f64> {
        let inferences = self.inferences();
        (inferences > 0.0).then(|| (self.cpu.as_nanos() as f64 / inferences).round())
    }

    /// Inferences that were done.
    pub fn inferences(&self) -> f64 {
        let a_frame = self
            .tally
            .crossings()
            .map(|(_, inferences)| inferences.per_frame);
        a_frame.unwrap_or_default() * self.tally.frames() as f64
    }

    /// Frames that arrived and were not done within the bound.
    pub fn violations(&self) -> u64 {
        self.offered.saturating_sub(self.in_bound)
    }

    /// As the rule for windows sees it, compared by `value`.
    pub fn as_window(&self, value: f64) -> windows::Window {
        windows::Window {
            value,
            samples: self.queries(),
            seconds: self.seconds,
        }
    }

    /// Adds the members' shares of one window.
    fn share_out(&mut self, shares: Vec<Share>, rates: bool) {
        for share in shares {
            if rates && share.seconds > 0.0 {
                let rate = share.tally.frames() as f64 / share.seconds;
                self.rate_seconds += rate * self.seconds;
            }
            self.tally.merge(&share.tally);
            self.in_bound += share.in_bound;
            self.failed += share.failed;
            self.timed_out += share.timed_out;
            if self.failure.is_none() {
                self.failure = share.failure;
            }
        }
        if !rates {
            self.rate_seconds = self.tally.frames() as f64;
        }
        self.memory.resident_bytes = machine::resident_bytes();
    }
}

/// What is read when a window begins, to be held against what is read when it ends.
struct Gauges<'a> {
    begin: Stamp,
    cpu: Duration,
    energy: Option<Reading<'a>>,
}

impl<'a> Gauges<'a> {
    fn start(rig: &'a Rig) -> Self {
        let meter = rig.meter.as_ref().ok();
        Self {
            energy: meter.and_then(|meter| meter.start().ok()),
            cpu: machine::cpu_time(),
            begin: Stamp::now(),
        }
    }
}

/// One window on a crew.
pub(super) struct Window<'a> {
    pub(super) crew: &'a mut Crew,
    pub(super) entrant: usize,
    /// How many frames are under way at most, and how many instances are there.
    pub(super) clients: usize,
    pub(super) length: Duration,
    pub(super) bound_ns: Option<u64>,
}

/// How frames come in when they come by themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    /// On average, a second.
    pub(super) rate: f64,
    pub(super) seed: u64,
    /// Frames that may wait.
    pub(super) queue: NonZero<usize>,
    /// How soon after its arrival a frame must be done.
    pub(super) deadline: Option<Duration>,
}

impl Window<'_> {
    /// Each client sends one frame after the other.
    pub(super) fn closed(mut self) -> Result<Measured, Error> {
        let rig = self.crew.rig();
        self.warm_up(&rig);
        let gauges = Gauges::start(&rig);
        let until = gauges.begin.plus(self.length);
        let clients = Arc::new(Clients::new(self.clients));
        self.order(&Work::Closed { clients, until })?;
        self.sum_up(gauges, true)
    }

    /// Frames arrive by a schedule, and a queue stands between them and the members.
    pub(super) fn open(mut self, arrivals: Arrivals) -> Result<Measured, Error> {
        let rig = self.crew.rig();
        self.warm_up(&rig);
        let queues = self.queues(arrivals.queue, arrivals.deadline);
        self.order(&Work::Queue(Arc::clone(&queues)))?;
        let gauges = Gauges::start(&rig);
        let begin = gauges.begin;
        let (mut offered, mut rejected) = (0, 0);
        // Whoever wakes up for each frame that is then refused takes the cores from those who work.
        // Where the queue is at its limit a little later is as good; lateness is counted all the same.
        let grain = arrivals
            .deadline
            .map_or(GRAIN, |deadline| GRAIN.min(deadline / 40));
        let mut rest = begin;
        let mut ended = begin.plus(self.length);
        let schedule = Poisson::new(arrivals.rate, arrivals.seed);
        let schedule = schedule.take_while(|&at| at < self.length);
        for at in schedule.take(MAX_ARRIVALS) {
            let due = begin.plus(at);
            if Stamp::now() < due {
                self.sleep_until(due.max(rest));
            }
            if self.crew.is_interrupted() {
                ended = begin;
                break;
            }
            offered += 1;
            let arrival = Arrival { due, query: None };
            if queues.admit(0, arrival, due).is_err() {
                rejected += 1;
                rest = Stamp::now().plus(grain);
            }
        }
        self.sleep_until(ended);
        queues.close();
        if self.crew.is_interrupted() {
            // Frames that wait are dropped, so that what was offered and what was done do not add up.
            self.crew.gather(self.threads())?;
            return Measured::none();
        }
        let mut measured = self.sum_up(gauges, false)?;
        (measured.offered, measured.rejected) = (offered, rejected);
        Ok(measured)
    }

    /// One query of [`QUERY`] frames after the other, shared out among the members.
    pub(super) fn queries(mut self, at_most: Duration) -> Result<Measured, Error> {
        let rig = self.crew.rig();
        self.warm_up(&rig);
        let queue = NonZero::new(QUERY).unwrap_or(NonZero::<usize>::MIN);
        let queues = self.queues(queue, None);
        self.order(&Work::Queue(Arc::clone(&queues)))?;
        // The latencies go into a histogram of their own, with the same bounds.
        let mut latencies = Tally::new()?.histogram().clone();
        let gauges = Gauges::start(&rig);
        let until = gauges.begin.plus(self.length);
        let mut ended = true;
        while ended && Stamp::now() < until && !self.crew.is_interrupted() {
            let query = Arc::new(Query::of(QUERY));
            let due = Stamp::now();
            for _ in 0..QUERY {
                let query = Some(Arc::clone(&query));
                if queues.admit(0, Arrival { due, query }, due).is_err() {
                    // Workers that are gone; their shares say why.
                    ended = false;
                }
            }
            match query.wait(at_most) {
                Some(done) => latencies.saturating_record(done.nanos_since(due)),
                None => ended = false,
            }
        }
        queues.close();
        let mut measured = self.sum_up(gauges, false)?;
        if !ended {
            return Err(Error::Died);
        }
        measured.queries = Some(latencies);
        Ok(measured)
    }

    fn queues(&self, capacity: NonZero<usize>, deadline: Option<Duration>) -> Arc<Queues<Arrival>> {
        let admission = Admission {
            capacity,
            deadline,
            priority: Priority::Normal,
        };
        Arc::new(Queues::new([admission], self.threads()))
    }

    fn warm_up(&self, rig: &Rig) {
        if let Some(entrant) = rig.entrants.get(self.entrant) {
            entrant.warm_up(&rig.parts, self.clients);
        }
    }

    fn threads(&self) -> usize {
        let rig = self.crew.rig();
        let entrant = rig.entrants.get(self.entrant);
        entrant.map_or(0, |entrant| entrant.threads(self.clients))
    }

    /// Sleeps until then, or until a signal asks for the end.
    fn sleep_until(&self, moment: Stamp) {
        loop {
            let left = Duration::from_nanos(moment.nanos_since(Stamp::now()));
            if left.is_zero() || self.crew.is_interrupted() {
                return;
            }
            thread::sleep(left.min(LONGEST_SLEEP));
        }
    }

    fn order(&mut self, work: &Work) -> Result<(), Error> {
        self.crew
            .order(self.threads(), self.entrant, self.bound_ns, work)
    }

    fn sum_up(self, mut gauges: Gauges<'_>, rates: bool) -> Result<Measured, Error> {
        let shares = self.crew.gather(self.threads())?;
        let mut measured = Measured::none()?;
        measured.seconds = Stamp::now().nanos_since(gauges.begin) as f64 / 1e9;
        measured.cpu = machine::cpu_time().saturating_sub(gauges.cpu);
        let joules = gauges.energy.as_mut().map(Reading::joules);
        measured.joules = joules.and_then(Result::ok).map(|joules| joules.total());
        measured.bounded = self.bound_ns.is_some();
        if let Some(entrant) = self.crew.rig().entrants.get(self.entrant) {
            let (instances, bytes) = entrant.memory(self.clients);
            (measured.memory.instances, measured.memory.linear_bytes) = (instances, bytes);
        }
        measured.share_out(shares, rates);
        Ok(measured)
    }
}
