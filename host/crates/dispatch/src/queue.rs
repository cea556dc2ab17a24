//! The lines of a process: one bounded queue for each deployment, between those who have frames and the
//! workers. Lines come, drain and go while frames flow.
//!
//! Nothing waits that need not. A full line refuses at once. A frame with a deadline is refused on
//! arrival where those ahead of it and its own service time, learnt from recent frames, leave no
//! chance of meeting it, and once more when its turn comes; so at overload workers spend their time
//! on frames that are still wanted. A frame that is let in carries its deadline to the worker, which
//! ends it there. Where nothing waits and a worker is free, a frame is let
//! through whatever was learnt, so that a wrong estimate mends itself.
//!
//! Workers take the frame whose turn it is: the oldest one, where each step of priority counts as
//! much as [`AGEING`](crate::AGEING) of waiting. So nothing starves, however much of a higher priority comes.
//! Of the workers that sleep the one is woken that fell asleep last, since its caches are warmest.
//!
//! The lock is held for a few instructions, never while a frame is worked on. This file knows no
//! frames, only jobs, and what handles them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tollgate_runtime::clock::{Budget, Deadline, Stamp};

use crate::{
    admission::{Admission, Counts, Refusal, handicap},
    service::Service,
};

/// A line of some [`Queues`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(u64);

/// The lines, with jobs of a type and what handles the jobs of each line.
#[derive(Debug)]
pub struct Queues<T, H> {
    state: Mutex<State<T, H>>,
    /// Rung when a line is gone.
    gone: Condvar,
}

#[derive(Debug)]
struct State<T, H> {
    lines: BTreeMap<LineId, Line<T, H>>,
    next: u64,
    /// Workers that are there, by their numbers.
    workers: BTreeMap<usize, Arc<Condvar>>,
    /// Workers of these numbers take jobs; the others sleep.
    active: usize,
    /// Those that work on something now.
    busy: usize,
    /// Those that sleep, the one last that fell asleep last.
    idle: Vec<usize>,
    closed: bool,
}

#[derive(Debug)]
struct Line<T, H> {
    handler: H,
    admission: Admission,
    /// The admission's deadline, converted once.
    budget: Option<Budget>,
    waiting: VecDeque<Waiting<T>>,
    /// Its jobs that are being worked on.
    busy: usize,
    /// Whether it takes no more and goes once it is empty.
    draining: bool,
    service: Service,
    counts: Counts,
}

#[derive(Debug)]
struct Waiting<T> {
    job: T,
    arrived: Stamp,
    due: Stamp,
    /// Let through whatever was learnt: only a deadline that has passed stops it.
    probe: bool,
}

/// A job whose turn it is: to be worked on until its deadline, with what is dropped when that is done; or
/// to be told that it is refused.
#[derive(Debug)]
pub(crate) struct Turn<'a, T, H> {
    pub(crate) job: T,
    pub(crate) handler: H,
    pub(crate) work: Result<(Option<Deadline>, Busy<'a, T, H>), Refusal>,
}

/// A worker at work on a line's job, until it is dropped, be it by a panic.
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
    /// A job of a line was worked on, and took a worker this long.
    fn done(&self, line: LineId, took_ns: u64) {
        let mut state = self.lock();
        state.busy = state.busy.saturating_sub(1);
        if let Some(line) = state.lines.get_mut(&line) {
            line.busy = line.busy.saturating_sub(1);
            line.service.learn(took_ns);
            line.counts.done += 1;
        }
        if state.remove_where_empty(line) {
            drop(state);
            self.gone.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, H>> {
        // Every critical section leaves the state whole at each step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, H> State<T, H> {
    /// Whether a line that drains is empty, and is gone now.
    fn remove_where_empty(&mut self, id: LineId) -> bool {
        let empty = |line: &Line<T, H>| line.draining && line.waiting.is_empty() && line.busy == 0;
        let gone = self.lines.get(&id).is_some_and(empty);
        if gone {
            self.lines.remove(&id);
        }
        gone
    }
}

impl<T, H: Clone> Queues<T, H> {
    /// Queues with no line, whose jobs are taken by at most `active` workers at once.
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

    /// Lets another handler take a line's jobs, from the next one on; gives the one before. Jobs that are
    /// being worked on stay with the handler that they have.
    pub fn swap(&self, line: LineId, handler: H) -> Option<H> {
        let mut state = self.lock();
        let line = state.lines.get_mut(&line)?;
        Some(std::mem::replace(&mut line.handler, handler))
    }

    /// Takes no more jobs for a line; those that wait are still worked on, and with the last one the line
    /// goes. Waits for that, `at_most` so long, and says whether it is gone.
    pub fn drain(&self, line: LineId, at_most: Duration) -> bool {
        let mut state = self.lock();
        if let Some(line) = state.lines.get_mut(&line) {
            line.draining = true;
        }
        state.remove_where_empty(line);
        let there = |state: &mut State<T, H>| state.lines.contains_key(&line);
        let waited = self.gone.wait_timeout_while(state, at_most, there);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.lines.contains_key(&line)
    }

    /// Lets a job in that was due at a moment, or says at once why not.
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
        // With all of them at work a ring would be a system call for nothing.
        if let Some(bell) = state.wake() {
            drop(state);
            bell.notify_one();
        }
        Ok(())
    }

    /// How many workers there are, those that sleep included.
    pub(crate) fn workers(&self) -> usize {
        self.lock().workers.len()
    }

    /// How many workers take jobs from now on; more that are there sleep.
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

    /// A worker of this number is there.
    pub(crate) fn enter(&self, worker: usize) {
        self.lock().workers.insert(worker, Arc::default());
    }

    /// A worker is gone for good. With the last one the queues close, so that nothing waits for workers that
    /// there are none of.
    pub(crate) fn leave(&self, worker: usize) {
        let mut state = self.lock();
        state.workers.remove(&worker);
        state.idle.retain(|&idle| idle != worker);
        let last = state.workers.is_empty();
        drop(state);
        if last {
            self.close();
        }
    }

    /// The next job for a worker, waited for; none when the queues are closed and empty.
    pub(crate) fn take(&self, worker: usize) -> Option<Turn<'_, T, H>> {
        let mut state = self.lock();
        loop {
            let active = worker < state.active;
            if active && let Some((line, popped)) = state.pop(Stamp::now()) {
                // A job that is refused may have been the last one.
                let gone = state.remove_where_empty(line);
                drop(state);
                if gone {
                    self.gone.notify_all();
                }
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
            if active && !state.idle.contains(&worker) {
                state.idle.push(worker);
            }
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more jobs; those that wait are still handed out.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        // All of them are to see it, those that sleep as well.
        state.active = usize::MAX;
        let bells: Vec<_> = state.workers.values().cloned().collect();
        drop(state);
        for bell in bells {
            bell.notify_one();
        }
    }

    /// Gives up what waits in a line: gives the jobs back.
    pub fn clear(&self, line: LineId) -> Vec<T> {
        let mut state = self.lock();
        let Some(line) = state.lines.get_mut(&line) else {
            return Vec::new();
        };
        line.waiting.drain(..).map(|waiting| waiting.job).collect()
    }

    /// What was counted of a line's frames.
    pub fn counts(&self, line: LineId) -> Counts {
        let state = self.lock();
        let line = state.lines.get(&line);
        line.map(|line| line.counts).unwrap_or_default()
    }
}

impl<T, H: Clone> State<T, H> {
    /// Whether a frame may come in, and whether it is let through whatever was learnt.
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

    /// How long a worker will need until it turns to a new frame of this plugin, in nanoseconds.
    fn ahead_ns(&self, id: LineId) -> u64 {
        let own = self.lines.get(&id).map(|line| line.admission.priority);
        let waiting = self.lines.values().filter(|line| {
            // What stands back behind this one's is not ahead of it.
            own.is_none_or(|own| line.admission.priority <= own)
        });
        let waiting = waiting.fold(0u64, |sum, line| {
            let count = u64::try_from(line.waiting.len()).unwrap_or(u64::MAX);
            sum.saturating_add(count.saturating_mul(line.service.mean().unwrap_or_default()))
        });
        // Those at work are half done, on average, whatever plugin they are of.
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

    /// Takes the job whose turn it is: of which line, itself, its handler, and until when it may be worked
    /// on or why it is not.
    #[expect(
        clippy::type_complexity,
        reason = "it is taken apart where it is called"
    )]
    fn pop(&mut self, now: Stamp) -> Option<(LineId, (T, H, Result<Option<Deadline>, Refusal>))> {
        let heads = self.lines.iter().filter_map(|(id, line)| {
            let waited = now.nanos_since(line.waiting.front()?.arrived);
            let handicap = handicap(line.admission.priority);
            // Waiting counts for it, its priority against it.
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

    /// Workers that take jobs.
    fn workers(&self) -> usize {
        self.workers.len().min(self.active)
    }

    /// Picks a worker that sleeps, to be woken; none where all are at work.
    fn wake(&mut self) -> Option<Arc<Condvar>> {
        let worker = self.idle.pop()?;
        self.workers.get(&worker).cloned()
    }
}

#[cfg(test)]
mod tests;
