//! The lines of a process: one bounded queue for each deployment, between callers with frames and
//! the workers. Lines can be opened, drained and removed while frames flow.
//!
//! A full line refuses a frame at once. A frame is also refused on arrival if its deadline cannot be
//! met. That is estimated from the frames ahead of it and from its own service time, both learnt from
//! recent frames. The deadline is checked again when a worker takes the frame, so that under overload
//! workers only spend time on frames that are still wanted. An admitted frame carries its deadline to
//! the worker, which stops it there. If nothing waits and a worker is free, a frame is admitted
//! whatever the estimate, so that a wrong estimate corrects itself.
//!
//! Workers take the oldest frame, where each step of priority counts as much as
//! [`AGEING`](crate::AGEING) of waiting. So no frame starves, however many frames of higher
//! priority arrive. Of the sleeping workers the one that fell asleep last is woken, since its
//! caches are warmest.
//!
//! The lock is held for a few instructions, never while a frame is processed. This file does not
//! know about frames, only about jobs and their handlers.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tollgate_nn::clock::{Budget, Deadline, Stamp};

use crate::{
    admission::{Admission, Counts, Refusal, handicap},
    service::Service,
};

/// Names a line of a [`Queues`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(u64);

/// The lines, with jobs of type `T`, and a handler of type `H` for the jobs of each line.
#[derive(Debug)]
pub struct Queues<T, H> {
    state: Mutex<State<T, H>>,
    /// Notified when a line is removed.
    gone: Condvar,
}

#[derive(Debug)]
struct State<T, H> {
    lines: BTreeMap<LineId, Line<T, H>>,
    next: u64,
    /// The running workers, by their numbers.
    workers: BTreeMap<usize, Arc<Condvar>>,
    /// Workers with a number below this take jobs; the others sleep.
    active: usize,
    /// How many workers are processing a job.
    busy: usize,
    /// The sleeping workers, in the order in which they fell asleep.
    idle: Vec<usize>,
    closed: bool,
}

#[derive(Debug)]
struct Line<T, H> {
    handler: H,
    admission: Admission,
    /// The deadline of the admission rules, converted once.
    budget: Option<Budget>,
    waiting: VecDeque<Waiting<T>>,
    /// How many of its jobs are being processed.
    busy: usize,
    /// Whether it refuses new jobs and is removed once it is empty.
    draining: bool,
    service: Service,
    counts: Counts,
}

#[derive(Debug)]
struct Waiting<T> {
    job: T,
    arrived: Stamp,
    due: Stamp,
    /// Admitted whatever the estimate: it is only dropped once its deadline has passed.
    probe: bool,
}

/// A job that a worker took: to process until its deadline, and then drop the `Busy` guard; or to
/// answer with a refusal.
#[derive(Debug)]
pub(crate) struct Turn<'a, T, H> {
    pub(crate) job: T,
    pub(crate) handler: H,
    pub(crate) work: Result<(Option<Deadline>, Busy<'a, T, H>), Refusal>,
}

/// Guard for a worker that processes a line's job. It reports the end when dropped, after a panic
/// too.
#[derive(Debug)]
pub(crate) struct Busy<'a, T, H> {
    queues: &'a Queues<T, H>,
    line: LineId,
    began: Stamp,
}

impl<T, H> Drop for Busy<'_, T, H> {
    fn drop(&mut self) {
        let took = Stamp::now().nanos_since(self.began);
        self.queues.done(self.line, took);
    }
}

impl<T, H> Queues<T, H> {
    /// Records that a job of a line was processed, and how long that took.
    fn done(&self, line: LineId, took_ns: u64) {
        let mut state = self.lock();
        state.busy = state.busy.saturating_sub(1);
        if let Some(line) = state.lines.get_mut(&line) {
            line.busy = line.busy.saturating_sub(1);
            line.service.learn(took_ns);
            line.counts.done += 1;
        }
        let gone = state.remove_where_empty(line);
        drop(state);
        self.tell_gone(gone);
    }

    /// Wakes those who wait for a line that is gone now, and drops it.
    fn tell_gone(&self, gone: Option<Line<T, H>>) {
        if gone.is_some() {
            self.gone.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, H>> {
        // Safe after a panic: each critical section leaves the state consistent at each step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, H> State<T, H> {
    /// Takes a line out that drains and is empty, to be dropped without the lock: its handler may hold much.
    fn remove_where_empty(&mut self, id: LineId) -> Option<Line<T, H>> {
        let empty = |line: &Line<T, H>| line.draining && line.waiting.is_empty() && line.busy == 0;
        if self.lines.get(&id).is_some_and(empty) {
            return self.lines.remove(&id);
        }
        None
    }
}

impl<T, H: Clone> Queues<T, H> {
    /// Makes queues without lines, from which at most `active` workers take jobs at once.
    pub fn new(active: usize) -> Self {
        Self {
            state: Mutex::new(State {
                lines: BTreeMap::new(),
                next: 0,
                workers: BTreeMap::new(),
                active,
                busy: 0,
                idle: Vec::new(),
                closed: false,
            }),
            gone: Condvar::new(),
        }
    }

    /// Opens a line.
    pub fn open(&self, admission: Admission, handler: H) -> LineId {
        let mut state = self.lock();
        let id = LineId(state.next);
        state.next += 1;
        let line = Line {
            handler,
            admission,
            budget: admission.deadline.map(Budget::new),
            waiting: VecDeque::with_capacity(admission.capacity.get().min(1024)),
            busy: 0,
            draining: false,
            service: Service::default(),
            counts: Counts::default(),
        };
        state.lines.insert(id, line);
        id
    }

    /// Gives a line another handler for its next jobs, and returns the former one. Jobs that are
    /// being processed keep the handler that they have.
    pub fn swap(&self, line: LineId, handler: H) -> Option<H> {
        let mut state = self.lock();
        let line = state.lines.get_mut(&line)?;
        Some(std::mem::replace(&mut line.handler, handler))
    }

    /// Closes a line to new jobs. Waiting jobs are still processed, and the line is removed after
    /// the last one. Waits `at_most` this long for that, and returns whether the line is gone.
    pub fn drain(&self, line: LineId, at_most: Duration) -> bool {
        let mut state = self.lock();
        if let Some(line) = state.lines.get_mut(&line) {
            line.draining = true;
        }
        let empty = state.remove_where_empty(line);
        let there = |state: &mut State<T, H>| state.lines.contains_key(&line);
        let waited = self.gone.wait_timeout_while(state, at_most, there);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_gone = !state.lines.contains_key(&line);
        drop(state);
        self.tell_gone(empty);
        is_gone
    }

    /// Admits a job that was due at a moment, or refuses it at once.
    ///
    /// # Errors
    ///
    /// The refusal, and the job back.
    pub(crate) fn admit(&self, line: LineId, job: T, due: Stamp) -> Result<(), (Refusal, T)> {
        let mut state = self.lock();
        let now = Stamp::now();
        match state.consider(line, due, now) {
            Ok(probe) => state.push(line, job, due, now, probe),
            Err(refusal) => return Err((refusal, job)),
        }
        // If all workers are busy, there is none to wake, which saves a system call.
        if let Some(bell) = state.wake() {
            drop(state);
            bell.notify_one();
        }
        Ok(())
    }

    /// Whether a worker of this number is there.
    pub(crate) fn has(&self, worker: usize) -> bool {
        self.lock().workers.contains_key(&worker)
    }

    /// Sets how many workers take jobs from now on; further workers sleep.
    pub fn set_active(&self, active: usize) {
        let mut state = self.lock();
        state.active = active;
        state.idle.clear();
        let bells: Vec<_> = state.workers.values().cloned().collect();
        drop(state);
        for bell in bells {
            bell.notify_one();
        }
    }

    /// Registers a worker under this number.
    pub(crate) fn enter(&self, worker: usize) {
        self.lock().workers.insert(worker, Arc::default());
    }

    /// A worker is gone for good. With the last one the queues close, and what waits is dropped, so that
    /// nothing waits for workers that there are none of.
    pub(crate) fn leave(&self, worker: usize) {
        let mut state = self.lock();
        state.workers.remove(&worker);
        state.idle.retain(|&idle| idle != worker);
        let mut left = Vec::new();
        if state.workers.is_empty() {
            state.closed = true;
            for line in state.lines.values_mut() {
                left.extend(line.waiting.drain(..));
            }
        }
        drop(state);
        drop(left);
    }

    /// Waits for the next job for a worker; `None` when the queues are closed and empty.
    pub(crate) fn take(&self, worker: usize) -> Option<Turn<'_, T, H>> {
        let mut state = self.lock();
        loop {
            let active = worker < state.active;
            if active && let Some((line, popped)) = state.pop(Stamp::now()) {
                // If the job is refused, it may have been the line's last one.
                let gone = state.remove_where_empty(line);
                drop(state);
                self.tell_gone(gone);
                let (job, handler, work) = popped;
                let began = Stamp::now();
                let queues = self;
                let work = work.map(|deadline| {
                    let busy = Busy {
                        queues,
                        line,
                        began,
                    };
                    (deadline, busy)
                });
                return Some(Turn { job, handler, work });
            }
            if state.closed {
                return None;
            }
            let bell = Arc::clone(state.workers.get(&worker)?);
            if active {
                state.idle.push(worker);
            }
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            // It may have been woken by a ring that was meant for it earlier.
            state.idle.retain(|&idle| idle != worker);
        }
    }

    /// Refuses new jobs; waiting ones are still handed out.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        // Wakes all workers, also those above the active number, so that they end.
        state.active = usize::MAX;
        let bells: Vec<_> = state.workers.values().cloned().collect();
        drop(state);
        for bell in bells {
            bell.notify_one();
        }
    }

    /// Gives up what waits in a line: gives the jobs back.
    pub fn clear(&self, id: LineId) -> Vec<T> {
        let mut state = self.lock();
        let Some(line) = state.lines.get_mut(&id) else {
            return Vec::new();
        };
        let waiting = line.waiting.drain(..);
        let jobs = waiting.map(|waiting| waiting.job).collect();
        let gone = state.remove_where_empty(id);
        drop(state);
        self.tell_gone(gone);
        jobs
    }

    /// The counts of a line's frames.
    pub fn counts(&self, line: LineId) -> Counts {
        let state = self.lock();
        let line = state.lines.get(&line);
        line.map(|line| line.counts).unwrap_or_default()
    }
}

impl<T, H: Clone> State<T, H> {
    /// Whether a frame is admitted, and if so, whether it is admitted whatever the estimate.
    fn consider(&mut self, id: LineId, due: Stamp, now: Stamp) -> Result<bool, Refusal> {
        let ahead = self.ahead_ns(id);
        let idle =
            self.busy < self.workers() && self.lines.values().all(|line| line.waiting.is_empty());
        let closed = self.closed;
        let Some(line) = self.lines.get_mut(&id) else {
            return Err(Refusal::Closed);
        };
        if closed || line.draining {
            return Err(Refusal::Closed);
        }
        if line.waiting.len() >= line.admission.capacity.get() {
            line.counts.full += 1;
            return Err(Refusal::Full(line.waiting.len()));
        }
        if let (Some(deadline), Some(own)) = (line.admission.deadline, line.service.surely()) {
            let spent = now
                .nanos_since(due)
                .saturating_add(ahead)
                .saturating_add(own);
            if u128::from(spent) > deadline.as_nanos() && !idle {
                line.counts.out_of_reach += 1;
                return Err(Refusal::OutOfReach(deadline));
            }
        }
        Ok(idle)
    }

    /// The estimated time until a worker takes a new frame of this line, in nanoseconds.
    fn ahead_ns(&self, id: LineId) -> u64 {
        let own = self.lines.get(&id).map(|line| line.admission.priority);
        let waiting = self.lines.values().filter(|line| {
            // Only lines of the same or a higher priority are ahead.
            own.is_none_or(|own| line.admission.priority <= own)
        });
        let waiting = waiting.fold(0u64, |sum, line| {
            let count = u64::try_from(line.waiting.len()).unwrap_or(u64::MAX);
            sum.saturating_add(count.saturating_mul(line.service.mean().unwrap_or_default()))
        });
        // Jobs being processed are on average half done, whatever line they are from.
        let busy = self
            .lines
            .values()
            .filter_map(|line| line.service.mean())
            .max();
        let busy = busy.unwrap_or_default() / 2;
        let all_busy = if self.busy >= self.workers() { busy } else { 0 };
        let workers = u64::try_from(self.workers().max(1)).unwrap_or(u64::MAX);
        (waiting / workers).saturating_add(all_busy)
    }

    fn push(&mut self, id: LineId, job: T, due: Stamp, now: Stamp, probe: bool) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.counts.admitted += 1;
            line.waiting.push_back(Waiting {
                job,
                arrived: now,
                due,
                probe,
            });
        }
    }

    /// Takes the next job: its line, the job, its handler, and either its deadline or why it is
    /// refused.
    #[expect(
        clippy::type_complexity,
        reason = "it is taken apart where it is called"
    )]
    fn pop(&mut self, now: Stamp) -> Option<(LineId, (T, H, Result<Option<Deadline>, Refusal>))> {
        let heads = self.lines.iter().filter_map(|(id, line)| {
            let waited = now.nanos_since(line.waiting.front()?.arrived);
            let handicap = handicap(line.admission.priority);
            // Waiting raises a job's rank; a low priority lowers it.
            Some((i128::from(waited) - i128::from(handicap), *id))
        });
        let best = heads.max_by_key(|&(standing, id)| (standing, std::cmp::Reverse(id)));
        let (_, id) = best?;
        let line = self.lines.get_mut(&id)?;
        let Waiting {
            job, due, probe, ..
        } = line.waiting.pop_front()?;
        let handler = line.handler.clone();
        if let Some(deadline) = line.admission.deadline {
            let needs = if probe {
                0
            } else {
                line.service.likely().unwrap_or_default()
            };
            let spent = u128::from(now.nanos_since(due).saturating_add(needs));
            if spent > deadline.as_nanos() {
                line.counts.late += 1;
                return Some((id, (job, handler, Err(Refusal::Late(deadline)))));
            }
        }
        let deadline = line.budget.map(|budget| budget.from(due));
        line.busy += 1;
        self.busy += 1;
        Some((id, (job, handler, Ok(deadline))))
    }

    /// The number of workers that may take jobs.
    fn workers(&self) -> usize {
        self.workers.len().min(self.active)
    }

    /// Picks a sleeping worker to wake; `None` if all are busy.
    fn wake(&mut self) -> Option<Arc<Condvar>> {
        let worker = self.idle.pop()?;
        self.workers.get(&worker).cloned()
    }
}

#[cfg(test)]
mod tests;
