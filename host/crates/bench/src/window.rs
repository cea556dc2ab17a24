//! One window of one path: frames arrive, workers process them, and the results are added up. All
//! that the process uses in this time counts for the path, since nothing else runs.

use std::{
    num::NonZero,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use hdrhistogram::Histogram;
use tollgate_dispatch::{Admission, LineId, Priority, Task, TaskQueues};
use tollgate_nn::clock::Stamp;
use tollgate_services::Frame;

use super::{
    Error,
    closed_loop::{self, Clients, Did},
    load::Poisson,
    machine,
    pending::Pending,
    record::{Memory, Percentiles},
    runner::Runner,
    share::{Share, Shares},
    subject::{Contender, Subject},
    windows,
};
use crate::energy::Reading;
use tollgate_report::{Tally, percentiles};

/// The number of frames in a query of the multi-stream scenario, by MLPerf's definition.
pub const QUERY: usize = 8;

/// The largest number of arrivals in a window; no machine can serve more.
const MAX_ARRIVALS: usize = 50_000_000;

/// How long the sender pauses after a refused arrival, at most.
const GRAIN: Duration = Duration::from_micros(500);

/// The longest sleep between two checks for a signal.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// The results of one window, or of several added up.
pub struct Measured {
    /// The frames that were done.
    pub tally: Tally,
    /// The latencies of the queries that were done, where a query has several frames.
    pub queries: Option<Histogram<u64>>,
    /// Frames done within the bound.
    pub in_bound: u64,
    /// Whether there was a bound.
    pub bounded: bool,
    /// Frames that failed.
    pub failed: u64,
    /// Frames refused on arrival.
    pub rejected: u64,
    /// Frames whose deadline passed.
    pub timed_out: u64,
    /// Frames that arrived by a schedule; zero in a closed loop.
    pub offered: u64,
    /// From the first arrival to the last output.
    pub seconds: f64,
    /// Frames done per second, times `seconds`: the sum of the clients' own rates.
    pub rate_seconds: f64,
    /// Processor time of the whole process.
    pub cpu: Duration,
    /// Energy of the whole machine, in joules; `None` if it is not counted.
    pub joules: Option<f64>,
    /// Memory at the end of the window.
    pub memory: Memory,
    /// Why the first failed frame failed.
    pub failure: Option<String>,
}

impl Measured {
    /// A measurement without frames.
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
                // Both histograms have the same bounds, so this cannot fail.
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

    /// The latency of a query, which has several frames in the multi-stream scenario and one
    /// otherwise.
    pub fn latency(&self) -> Option<Percentiles> {
        percentiles::of(self.queries.as_ref().unwrap_or(self.tally.histogram()))
    }

    /// The number of queries that were done.
    pub fn queries(&self) -> u64 {
        self.queries
            .as_ref()
            .map_or(self.tally.frames(), Histogram::len)
    }

    /// The processor time of one inference, in nanoseconds.
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

    /// This window as the stopping rule needs it, compared by `value`.
    pub fn as_window(&self, value: f64) -> windows::Window {
        windows::Window {
            value,
            samples: self.queries(),
            seconds: self.seconds,
        }
    }

    /// Adds the counts of one window's frames.
    fn add(&mut self, shares: Vec<Share>) {
        for share in shares {
            self.tally.merge(&share.tally);
            self.in_bound += share.in_bound;
            self.failed += share.failed;
            self.timed_out += share.timed_out;
            if self.failure.is_none() {
                self.failure = share.failure;
            }
        }
        self.rate_seconds = self.tally.frames() as f64;
        self.memory.resident_bytes = machine::resident_bytes();
    }

    /// Counts each worker's frames over its own time, which ends with its own last answer.
    fn rates(&mut self, begin: Stamp, did: &[Did]) {
        let rate = |&(answers, last): &Did| {
            let seconds = last.nanos_since(begin) as f64 / 1e9;
            if seconds > 0.0 {
                answers as f64 / seconds
            } else {
                0.0
            }
        };
        let answers: u64 = did.iter().map(|(answers, _)| answers).sum();
        // A frame that failed counts for no rate.
        let done = self.tally.frames() as f64 / (answers.max(1)) as f64;
        self.rate_seconds = did.iter().map(rate).sum::<f64>() * self.seconds * done;
    }
}

/// Readings at the start of a window, to compare with those at its end.
struct Gauges<'a> {
    begin: Stamp,
    cpu: Duration,
    energy: Option<Reading<'a>>,
}

impl<'a> Gauges<'a> {
    fn start(subject: &'a Subject) -> Self {
        let meter = subject.meter.as_ref().ok();
        Self {
            energy: meter.and_then(|meter| meter.start().ok()),
            cpu: machine::cpu_time(),
            begin: Stamp::now(),
        }
    }
}

/// One window.
pub(super) struct Window<'a> {
    pub(super) runner: &'a Runner,
    pub(super) contender: usize,
    /// The largest number of frames in progress, and the number of instances.
    pub(super) clients: usize,
    pub(super) length: Duration,
    pub(super) bound_ns: Option<u64>,
}

/// Arrivals by a schedule, independent of the answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    /// The average number of arrivals per second.
    pub(super) rate: f64,
    pub(super) seed: u64,
    /// How many frames may wait.
    pub(super) queue: NonZero<usize>,
    /// How soon after its arrival a frame must be done.
    pub(super) deadline: Option<Duration>,
}

/// The line that scheduled frames are admitted to, and where their answers are counted.
struct Open<'a> {
    queues: &'a Arc<TaskQueues>,
    line: LineId,
    shares: Arc<Shares>,
    frames: &'a [Frame],
    /// Counts the frames without an answer.
    pending: Arc<Pending>,
}

impl Open<'_> {
    /// Sends a frame, and reports its answer to `query` as well. Returns whether it was admitted.
    fn send(&self, number: usize, due: Stamp, query: Option<&Arc<Pending>>) -> bool {
        let Some(frame) = self.frames.get(number % self.frames.len().max(1)) else {
            return false;
        };
        let (shares, pending) = (Arc::clone(&self.shares), Arc::clone(&self.pending));
        let query = query.cloned();
        self.pending.add();
        let task = Task::new(frame.clone(), due, move |answer| {
            shares.add(answer.worker.unwrap_or_default(), &answer);
            if let Some(query) = query {
                query.one_done();
            }
            pending.one_done();
        });
        let refused = self.queues.send(self.line, task);
        if let Err((_, task)) = refused {
            task.withdraw();
            self.pending.one_done();
            return false;
        }
        true
    }

    /// Waits for all answers. With `given_up`, frames that still wait in the line are dropped
    /// first.
    fn end(self, given_up: bool) {
        if given_up {
            drop(self.queues.clear(self.line));
        }
        while self.pending.wait(LONGEST_SLEEP).is_none() {}
        self.queues.drain(self.line, Duration::MAX);
    }
}

impl Window<'_> {
    /// A closed loop: each client sends one frame after the other.
    pub(super) fn closed(self) -> Result<Measured, Error> {
        let subject = self.runner.subject();
        let contender = self.contender(&subject)?;
        contender.warm_up(&subject.parts, self.clients, &self.runner.interrupt());
        let threads = contender.threads(self.clients);
        let workers = self.runner.workers(threads)?;
        let shares = Arc::new(Shares::new(threads, self.bound_ns)?);
        let gauges = Gauges::start(&subject);
        let begin = gauges.begin;
        let clients = Clients {
            count: self.clients,
            workers: threads,
            frames: Arc::clone(&subject.parts.frames),
            next: self.runner.next(),
            until: begin.plus(self.length),
            interrupt: self.runner.interrupt(),
        };
        let taken = Arc::clone(&shares);
        let handler = Arc::clone(&contender.handler);
        let did = closed_loop::run(workers.queues(), handler, clients, move |worker, answer| {
            taken.add(worker, answer);
        });
        let mut measured = self.sum_up(contender, gauges, &shares)?;
        measured.rates(begin, &did);
        Ok(measured)
    }

    /// Frames arrive by a schedule and go to the workers through a queue.
    pub(super) fn open(self, arrivals: Arrivals) -> Result<Measured, Error> {
        let subject = self.runner.subject();
        let contender = self.contender(&subject)?;
        let open = self.line(&subject, contender, arrivals.queue, arrivals.deadline)?;
        let shares = Arc::clone(&open.shares);
        let gauges = Gauges::start(&subject);
        let begin = gauges.begin;
        let (mut offered, mut rejected) = (0, 0);
        // Waking up for each frame that is then refused would take cores from the workers. While
        // the queue is full, sending a little later makes no difference, and the lateness is
        // measured all the same.
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
            if self.runner.is_interrupted() {
                ended = begin;
                break;
            }
            offered += 1;
            if !open.send(self.next(), due, None) {
                rejected += 1;
                rest = Stamp::now().plus(grain);
            }
        }
        self.sleep_until(ended);
        open.end(self.runner.is_interrupted());
        if self.runner.is_interrupted() {
            // Waiting frames were dropped, so the offered frames and the done ones do not add up.
            return Measured::none();
        }
        let mut measured = self.sum_up(contender, gauges, &shares)?;
        (measured.offered, measured.rejected) = (offered, rejected);
        Ok(measured)
    }

    /// One query of [`QUERY`] frames after the other; the workers share its frames.
    pub(super) fn queries(self, at_most: Duration) -> Result<Measured, Error> {
        let subject = self.runner.subject();
        let contender = self.contender(&subject)?;
        let queue = NonZero::new(QUERY).unwrap_or(NonZero::<usize>::MIN);
        let open = self.line(&subject, contender, queue, None)?;
        let shares = Arc::clone(&open.shares);
        // The queries' latencies go into a separate histogram with the same bounds.
        let mut latencies = Tally::new()?.histogram().clone();
        let gauges = Gauges::start(&subject);
        let until = gauges.begin.plus(self.length);
        let mut ended = true;
        while ended && Stamp::now() < until && !self.runner.is_interrupted() {
            let query = Arc::new(Pending::of(QUERY));
            let due = Stamp::now();
            for _ in 0..QUERY {
                // Without workers no frame is admitted.
                ended &= open.send(self.next(), due, Some(&query));
            }
            match query.wait(at_most).filter(|_| ended) {
                Some(done) => latencies.saturating_record(done.nanos_since(due)),
                None => ended = false,
            }
        }
        if !ended {
            return Err(Error::Died);
        }
        open.end(false);
        let mut measured = self.sum_up(contender, gauges, &shares)?;
        measured.queries = Some(latencies);
        Ok(measured)
    }

    fn contender<'r>(&self, subject: &'r Subject) -> Result<&'r Contender, Error> {
        subject
            .contenders
            .get(self.contender)
            .ok_or(Error::NoFrames)
    }

    /// Opens a line with warm instances, and gets workers for it.
    fn line<'r>(
        &'r self,
        subject: &'r Subject,
        contender: &Contender,
        capacity: NonZero<usize>,
        deadline: Option<Duration>,
    ) -> Result<Open<'r>, Error> {
        contender.warm_up(&subject.parts, self.clients, &self.runner.interrupt());
        let threads = contender.threads(self.clients);
        let workers = self.runner.workers(threads)?;
        let admission = Admission {
            capacity,
            deadline,
            priority: Priority::Normal,
        };
        let queues = workers.queues();
        Ok(Open {
            line: queues.open(admission, Arc::clone(&contender.handler)),
            queues,
            shares: Arc::new(Shares::new(threads, self.bound_ns)?),
            frames: &subject.parts.frames,
            pending: Arc::new(Pending::of(0)),
        })
    }

    /// The number of the next frame.
    fn next(&self) -> usize {
        self.runner.next().fetch_add(1, Ordering::Relaxed)
    }

    /// Sleeps until this moment, or until a signal asks to stop.
    fn sleep_until(&self, moment: Stamp) {
        loop {
            let left = Duration::from_nanos(moment.nanos_since(Stamp::now()));
            if left.is_zero() || self.runner.is_interrupted() {
                return;
            }
            thread::sleep(left.min(LONGEST_SLEEP));
        }
    }

    fn sum_up(
        &self,
        contender: &Contender,
        mut gauges: Gauges<'_>,
        shares: &Shares,
    ) -> Result<Measured, Error> {
        let mut measured = Measured::none()?;
        measured.seconds = Stamp::now().nanos_since(gauges.begin) as f64 / 1e9;
        measured.cpu = machine::cpu_time().saturating_sub(gauges.cpu);
        let joules = gauges.energy.as_mut().map(Reading::joules);
        measured.joules = joules.and_then(Result::ok).map(|joules| joules.total());
        measured.bounded = self.bound_ns.is_some();
        let (instances, bytes) = contender.memory(self.clients);
        (measured.memory.instances, measured.memory.linear_bytes) = (instances, bytes);
        measured.add(shares.take()?);
        Ok(measured)
    }
}
