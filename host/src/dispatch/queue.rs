//! Admission: one bounded queue for each plugin, between whoever has frames and the workers.
//!
//! Nothing waits that need not. A full queue refuses at once. A frame with a deadline is refused on
//! arrival where those ahead of it and its own service time, learnt from recent frames, leave no
//! chance of meeting it, and once more when its turn comes; so at overload workers spend their time
//! on frames that somebody still wants. A frame that is let in carries its deadline to the worker, which
//! ends it there. Where nobody waits and a worker is free, a frame is let
//! through whatever was learnt, so that a wrong estimate mends itself.
//!
//! Workers take the frame whose turn it is: the oldest one, where each step of priority counts as
//! much as [`AGEING`] of waiting. So nothing starves, however much of a higher priority comes.
//!
//! The lock is held for a few instructions, never while a frame is worked on. This file knows no
//! frames, only jobs.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tollgate_nn::Priority;
use tollgate_runtime::clock::{Budget, Deadline, Stamp};

use super::service::Service;

/// How much longer a frame waits for each step that its priority is below another's.
pub const AGEING: Duration = Duration::from_millis(100);

/// What frames of a priority stand back by, in nanoseconds.
fn handicap(priority: Priority) -> u64 {
    let step = u64::try_from(AGEING.as_nanos()).unwrap_or(u64::MAX);
    match priority {
        Priority::High => 0,
        Priority::Normal => step,
        Priority::Low => step.saturating_mul(2),
    }
}

/// How one plugin's frames are admitted.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// Frames that may wait.
    pub capacity: NonZero<usize>,
    /// How soon after it was due a frame must be done; none where late is as good as in time.
    pub deadline: Option<Duration>,
    /// How urgent they are.
    pub priority: Priority,
}

/// Why a frame is not worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many wait as may.
    #[error("the queue is full with {0} frames: send fewer, or try again later")]
    Full(usize),
    /// It would be too late when it is done.
    #[error(
        "its deadline of {0:?} cannot be met at this load: send fewer frames, or give them longer"
    )]
    OutOfReach(Duration),
    /// It is too late already.
    #[error("its deadline of {0:?} passed while it waited: send fewer frames, or give them longer")]
    Late(Duration),
    /// The run is over.
    #[error("no frames are taken any more")]
    Closed,
}

/// What was counted of one plugin's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Let in.
    pub admitted: u64,
    /// Refused, since the queue was full.
    pub full: u64,
    /// Refused on arrival, since their deadline was out of reach.
    pub out_of_reach: u64,
    /// Let in, and dropped when their turn came: it was too late.
    pub late: u64,
    /// Worked on.
    pub done: u64,
}

/// A frame's turn.
#[derive(Debug)]
pub enum Turn<T> {
    /// To be worked on until its deadline, and then told to [`Queues::done`] with the plugin's
    /// number.
    Work(usize, T, Option<Deadline>),
    /// To be told that it is refused.
    Refused(usize, T, Refusal),
}

impl<T> Turn<T> {
    /// What it is the turn of.
    pub fn job(&self) -> &T {
        match self {
            Self::Work(_, job, _) | Self::Refused(_, job, _) => job,
        }
    }
}

/// The queues of a gateway, by their plugins' numbers.
#[derive(Debug)]
pub struct Queues<T> {
    state: Mutex<State<T>>,
    /// Rung when there is something to take, and when the queues close.
    work: Condvar,
    /// Rung when there is room, and when the queues close.
    room: Condvar,
}

#[derive(Debug)]
struct State<T> {
    lines: Vec<Line<T>>,
    /// Workers that take from here.
    workers: usize,
    /// Those that work on something now.
    busy: usize,
    /// Those that wait for something to take.
    idle: usize,
    /// Whoever waits for room.
    feeding: usize,
    closed: bool,
}

#[derive(Debug)]
struct Line<T> {
    admission: Admission,
    /// The admission's deadline, converted once.
    budget: Option<Budget>,
    waiting: VecDeque<Waiting<T>>,
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

impl<T> Queues<T> {
    /// Queues for plugins of these admissions, numbered from zero, and for so many workers.
    pub fn new(admissions: impl IntoIterator<Item = Admission>, workers: usize) -> Self {
        let line = |admission: Admission| Line {
            admission,
            budget: admission.deadline.map(Budget::new),
            waiting: VecDeque::with_capacity(admission.capacity.get().min(1024)),
            service: Service::default(),
            counts: Counts::default(),
        };
        Self {
            state: Mutex::new(State {
                lines: admissions.into_iter().map(line).collect(),
                workers,
                busy: 0,
                idle: 0,
                feeding: 0,
                closed: false,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// Lets a frame in that was due at a moment, or says at once why not.
    ///
    /// # Errors
    ///
    /// The refusal, and the job back.
    pub fn admit(&self, plugin: usize, job: T, due: Stamp) -> Result<(), (Refusal, T)> {
        let mut state = self.lock();
        let now = Stamp::now();
        match state.consider(plugin, due, now) {
            Ok(probe) => state.push(plugin, job, due, now, probe),
            Err(refusal) => return Err((refusal, job)),
        }
        self.ring(state);
        Ok(())
    }

    /// Lets a frame in as soon as there is room, for whoever reads ahead. Says whether it is in:
    /// not where the queues are closed.
    pub fn feed(&self, plugin: usize, job: T) -> bool {
        let mut state = self.lock();
        loop {
            if state.closed {
                return false;
            }
            let Some(line) = state.lines.get(plugin) else {
                return false;
            };
            if line.waiting.len() < line.admission.capacity.get() {
                break;
            }
            state.feeding += 1;
            state = wait(&self.room, state);
            state.feeding -= 1;
        }
        let now = Stamp::now();
        state.push(plugin, job, now, now, true);
        self.ring(state);
        true
    }

    /// Wakes a worker where one sleeps; with all of them at work that would be a system call for
    /// nothing.
    fn ring(&self, state: MutexGuard<'_, State<T>>) {
        let sleeping = state.idle > 0;
        drop(state);
        if sleeping {
            self.work.notify_one();
        }
    }

    /// The next frame, waited for; none when the queues are closed and empty.
    pub fn take(&self) -> Option<Turn<T>> {
        let mut state = self.lock();
        loop {
            if let Some(turn) = state.pop(Stamp::now()) {
                let feeding = state.feeding > 0;
                drop(state);
                if feeding {
                    self.room.notify_one();
                }
                return Some(turn);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = wait(&self.work, state);
            state.idle -= 1;
        }
    }

    /// A frame from [`Queues::take`] was worked on, and took a worker this long.
    pub fn done(&self, plugin: usize, took_ns: u64) {
        let mut state = self.lock();
        state.busy = state.busy.saturating_sub(1);
        if let Some(line) = state.lines.get_mut(plugin) {
            line.service.learn(took_ns);
            line.counts.done += 1;
        }
    }

    /// Takes no more frames; those that wait are still handed out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// A worker is gone for good. With the last one the queues close, so that nobody waits for
    /// workers that there are none of.
    pub fn leave(&self) {
        let last = {
            let mut state = self.lock();
            state.workers = state.workers.saturating_sub(1);
            state.workers == 0
        };
        if last {
            self.close();
        }
    }

    /// What was counted of a plugin's frames.
    pub fn counts(&self, plugin: usize) -> Counts {
        let state = self.lock();
        let line = state.lines.get(plugin);
        line.map(|line| line.counts).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every critical section leaves the state whole at each step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Whether a frame may come in, and whether it is let through whatever was learnt.
    fn consider(&mut self, plugin: usize, due: Stamp, now: Stamp) -> Result<bool, Refusal> {
        let ahead = self.ahead_ns(plugin);
        let idle =
            self.busy < self.workers && self.lines.iter().all(|line| line.waiting.is_empty());
        let closed = self.closed;
        let Some(line) = self.lines.get_mut(plugin) else {
            return Err(Refusal::Closed);
        };
        if closed {
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
    fn ahead_ns(&self, plugin: usize) -> u64 {
        let own = self.lines.get(plugin).map(|line| line.admission.priority);
        let waiting = self.lines.iter().filter(|line| {
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
            .iter()
            .filter_map(|line| line.service.mean())
            .max();
        let busy = busy.unwrap_or_default() / 2;
        let all_busy = if self.busy >= self.workers { busy } else { 0 };
        let workers = u64::try_from(self.workers.max(1)).unwrap_or(u64::MAX);
        (waiting / workers).saturating_add(all_busy)
    }

    fn push(&mut self, plugin: usize, job: T, due: Stamp, now: Stamp, probe: bool) {
        if let Some(line) = self.lines.get_mut(plugin) {
            line.counts.admitted += 1;
            line.waiting.push_back(Waiting {
                job,
                arrived: now,
                due,
                probe,
            });
        }
    }

    /// Takes the frame whose turn it is.
    fn pop(&mut self, now: Stamp) -> Option<Turn<T>> {
        let lines = self.lines.iter().enumerate();
        let heads = lines.filter_map(|(number, line)| {
            let waited = now.nanos_since(line.waiting.front()?.arrived);
            let handicap = handicap(line.admission.priority);
            // Waiting counts for it, its priority against it.
            Some((i128::from(waited) - i128::from(handicap), number))
        });
        let best = heads.max_by_key(|&(standing, number)| (standing, std::cmp::Reverse(number)));
        let (_, number) = best?;
        let line = self.lines.get_mut(number)?;
        let Waiting {
            job, due, probe, ..
        } = line.waiting.pop_front()?;
        if let Some(deadline) = line.admission.deadline {
            let needs = if probe {
                0
            } else {
                line.service.likely().unwrap_or_default()
            };
            let spent = u128::from(now.nanos_since(due).saturating_add(needs));
            if spent > deadline.as_nanos() {
                line.counts.late += 1;
                return Some(Turn::Refused(number, job, Refusal::Late(deadline)));
            }
        }
        let deadline = line.budget.map(|budget| budget.from(due));
        self.busy += 1;
        Some(Turn::Work(number, job, deadline))
    }
}

fn wait<'a, T>(bell: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    bell.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
