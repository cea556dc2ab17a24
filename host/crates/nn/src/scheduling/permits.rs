//! Fair permits: how many inferences of one graph may run at once, and which caller is next.
//!
//! While permits are free, taking one and giving it back are one atomic operation each. Only a caller
//! that has to wait takes the lock. The lock is held for a few instructions, never during an inference. A
//! caller with a deadline waits no longer than that. A released permit is given directly to the next
//! caller in the [`FairQueue`], so that no other caller can take it first. The caller with the permit may
//! run other waiting inferences with its own, and answers their callers.
//!
//! If inferences are merged, a permit can be held back until more have come: for the delay that the user
//! set, or for the short time in which callers that were answered together ask again ([`Returning`]). No
//! thread spins or yields meanwhile: all callers sleep. The last one to come is awake anyway, and runs the
//! whole batch.
//!
//! The system's scheduler wakes a thread on the core where it slept, behind the thread that runs there,
//! and may leave the core idle that has just become free. So of the first two callers in the queue, the
//! one that slept on this core is preferred.

mod waiter;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use smallvec::SmallVec;

use crate::{
    Batching,
    clock::{self, Budget, Deadline, Stamp},
    scheduling::cores,
    scheduling::fair_queue::FairQueue,
    scheduling::learning::{Learning, Lesson},
    scheduling::pending::PendingRun,
    scheduling::returning::Returning,
};

pub(crate) use self::waiter::Waiter;
use self::waiter::{ANSWERED, HAS_TURN};

/// Set in `free` while callers wait: then permits are taken and released only under the lock.
const QUEUED: usize = 1 << (usize::BITS - 1);

/// The largest number of permits: no caller ever waits.
pub(crate) const UNLIMITED: usize = QUEUED - 1;

pub(crate) struct Permits {
    /// The number of free permits, and the flag [`QUEUED`].
    free: AtomicUsize,
    count: usize,
    waiting: Mutex<Waiting>,
    policy: Option<MergePolicy>,
    /// Whether no caller waits: runs are so short that waiting in a queue would cost more.
    unlimited: AtomicBool,
    learning: Learning,
    /// How the permits change once it is known how long runs take.
    lesson: Lesson,
}

/// How waiting inferences are merged into one run, and how many.
#[derive(Debug)]
pub(crate) struct MergePolicy {
    /// How many rows to run at once if 1, 2, 3 and so on could run. The last also holds for more.
    sizes: Vec<u32>,
    /// How long the first inference of a batch waits for others. None if it waits only for callers that
    /// are expected back ([`Returning`]).
    delay: Option<Budget>,
}

#[derive(Default)]
struct Waiting {
    line: FairQueue<Arc<Waiter>>,
    /// Rows that run now, without the first row of each permit.
    along: u32,
    due: Returning,
}

/// How a wait ends.
pub(crate) enum Waited<T> {
    /// With a permit.
    Turn(T),
    /// Another caller ran it in a batch: the answer is in its `PendingRun`.
    Answered,
    /// The deadline passed.
    Late,
}

/// The right to run, until dropped.
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
    /// Whether it was taken from the free permits, and must be given back.
    counted: bool,
    /// Rows that run with it, without the first.
    along: u32,
    /// How long the run took, in counts of the clock; zero if that is not known.
    took: u64,
}

impl MergePolicy {
    /// Without a delay, a run gets the number of rows that was measured as the cheapest. With a delay, it
    /// gets as many as are allowed and come within that time.
    pub(crate) fn new(batching: &Batching) -> Self {
        let (max, delay) = (batching.max, batching.delay);
        let size = |rows| match delay.is_zero() {
            true => batching.best_of(rows),
            false => rows,
        };
        Self {
            sizes: (1..=max).map(size).collect(),
            delay: (!delay.is_zero()).then(|| Budget::new(delay)),
        }
    }

    fn size(&self, rows: u32) -> u32 {
        let place = (rows.max(1) as usize)
            .min(self.sizes.len())
            .saturating_sub(1);
        self.sizes.get(place).copied().unwrap_or(1)
    }
}

impl Waiting {
    /// Rows in the queue that may run with this inference, its own included.
    fn rows(&self, pending: &PendingRun) -> u32 {
        let suiting = self
            .line
            .iter()
            .filter(|other| other.pending.suits(pending));
        let rows = suiting.map(|other| other.pending.rows());
        rows.fold(0, u32::saturating_add)
    }

    fn all_suit(&self, pending: &PendingRun) -> bool {
        self.line.iter().all(|other| other.pending.suits(pending))
    }
}

impl Permits {
    /// This number of permits. With a policy, a caller that gets one may run other waiting inferences too.
    pub(crate) fn new(count: usize, policy: Option<MergePolicy>) -> Self {
        let count = count.clamp(1, UNLIMITED);
        Self {
            free: AtomicUsize::new(count),
            count,
            waiting: Mutex::default(),
            policy,
            unlimited: AtomicBool::new(count == UNLIMITED),
            learning: Learning::off(),
            lesson: Lesson::default(),
        }
    }

    /// Measures how long the first runs take, for a graph that was not measured when it was loaded.
    pub(crate) fn learn(&mut self, lesson: Lesson) {
        self.learning = Learning::on();
        self.lesson = lesson;
    }

    #[cold]
    fn learned(&self, ns: u64) {
        if self.lesson.unlimited && Batching::is_short_run(ns) {
            self.unlimited.store(true, Ordering::Relaxed);
        } else if Batching::is_quick_run(ns) {
            for _ in 0..self.lesson.more {
                self.release(0, 0);
            }
        }
    }

    fn delay(&self) -> Option<Budget> {
        self.policy.as_ref()?.delay
    }

    /// A permit without a wait. None if callers are queued, if all permits are taken, or if a delay is set
    /// and each inference must wait for others.
    pub(crate) fn try_acquire(&self) -> Option<Permit<'_>> {
        if self.unlimited.load(Ordering::Relaxed) {
            return Some(self.permit(false));
        }
        let mut free = self.free.load(Ordering::Relaxed);
        while free != 0 && free & QUEUED == 0 && self.delay().is_none() {
            match self.free.compare_exchange_weak(
                free,
                free - 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(self.permit(true)),
                Err(seen) => free = seen,
            }
        }
        None
    }

    /// Waits in the queue.
    pub(crate) fn wait(
        &self,
        waiter: &Arc<Waiter>,
        deadline: Option<Deadline>,
    ) -> Waited<Permit<'_>> {
        let mut held = {
            let mut waiting = lock(&self.waiting);
            // From here on permits are taken and released only under the lock.
            self.free.fetch_or(QUEUED, Ordering::Acquire);
            let rows = waiter.pending.rows();
            waiting.due.came(rows, Stamp::now());
            let (ticket, caller) = (Arc::clone(waiter), waiter.caller);
            waiting.line.push(ticket, caller, rows);
            // If a permit is free, this caller may be the one that gets it.
            self.settle(waiting, Some(waiter))
        };
        loop {
            let until = match (deadline, held) {
                (Some(deadline), Some(held)) => Some(deadline.min(held)),
                (deadline, held) => deadline.or(held),
            };
            let called = waiter.sleep(until).or_else(|| {
                let late = deadline.is_some_and(|deadline| deadline.left().is_zero());
                late.then(|| self.give_up(waiter))
            });
            match called {
                Some(HAS_TURN) => return Waited::Turn(self.permit(true)),
                Some(ANSWERED) => return Waited::Answered,
                Some(_) => return Waited::Late,
                // The queue was held back for long enough, or this caller was woken to see when that is.
                None => held = self.settle(lock(&self.waiting), Some(waiter)),
            }
        }
    }

    fn permit(&self, counted: bool) -> Permit<'_> {
        Permit {
            permits: self,
            counted,
            along: 0,
            took: 0,
        }
    }

    /// Removes the caller from the queue. Returns its state, which may have changed at the last moment. A
    /// caller whose inference is in a batch and has no answer yet gives up as well.
    fn give_up(&self, waiter: &Arc<Waiter>) -> u8 {
        let mut waiting = lock(&self.waiting);
        waiting.line.leave(|other| Arc::ptr_eq(other, waiter));
        self.settle(waiting, None);
        waiter.state.load(Ordering::Acquire)
    }

    fn release(&self, along: u32, took: u64) {
        let mut free = self.free.load(Ordering::Relaxed);
        while along == 0 && free & QUEUED == 0 {
            match self.free.compare_exchange_weak(
                free,
                free + 1,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => free = seen,
            }
        }
        let mut waiting = lock(&self.waiting);
        self.free.fetch_or(QUEUED, Ordering::Relaxed);
        self.free.fetch_add(1, Ordering::AcqRel);
        waiting.along = waiting.along.saturating_sub(along);
        if self.policy.is_some() && self.delay().is_none() {
            waiting
                .due
                .expect(along.saturating_add(1), clock::nanos(took), Stamp::now());
        }
        self.settle(waiting, None);
    }

    /// The number of free permits.
    fn left(&self) -> usize {
        self.free.load(Ordering::Relaxed) & !QUEUED
    }

    /// How many rows one run should have. With a delay, as many as are allowed. Otherwise all rows that
    /// wait, run or are expected back are divided by the number of permits, and the policy says how many of
    /// those to run at once.
    fn share(&self, waiting: &Waiting, policy: &MergePolicy) -> u32 {
        if policy.delay.is_some() {
            return policy.size(u32::MAX);
        }
        let rows = waiting.line.iter().map(|waiter| waiter.pending.rows());
        let rows = rows.fold(0, u32::saturating_add);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let running = number(self.count.saturating_sub(self.left()));
        let others = [waiting.along, waiting.due.rows, running];
        let all = others.into_iter().fold(rows, u32::saturating_add);
        policy.size(all.div_ceil(number(self.count)))
    }

    /// Until when this caller is held back so that more can be merged; none if it may run now.
    fn held(&self, waiting: &Waiting, waiter: &Waiter, now: Stamp) -> Option<Deadline> {
        let policy = self.policy.as_ref()?;
        waiter.pending.open.as_ref()?;
        let until = match policy.delay {
            Some(_) => self.delayed(waiter, now)?,
            None => waiting.due.until()?,
        };
        let complete = waiting.rows(&waiter.pending) >= self.share(waiting, policy);
        (!complete && !until.is_before(now)).then_some(until)
    }

    /// When the delay of this caller ends; none if it is over, or if its inference is not merged.
    fn delayed(&self, waiter: &Waiter, now: Stamp) -> Option<Deadline> {
        waiter.pending.open.as_ref()?;
        let until = self.delay()?.from(waiter.asked);
        (!until.is_before(now)).then_some(until)
    }

    /// Gives free permits to the next callers, and clears the flag if the queue is empty. It must be called
    /// at the end of everything that is done under the lock, with the flag set. `caller` is the waiter of
    /// the calling thread. Returns when that thread must call this again.
    fn settle(
        &self,
        mut waiting: MutexGuard<'_, Waiting>,
        caller: Option<&Arc<Waiter>>,
    ) -> Option<Deadline> {
        // One moment for all that is decided here: a delay that ended between two looks at the clock would
        // hold its caller back and not wake it up.
        let now = Stamp::now();
        let mut woken: SmallVec<[Arc<Waiter>; 2]> = SmallVec::new();
        while self.left() > 0
            && let Some(next) = self.next(&mut waiting, caller, now)
        {
            self.free.fetch_sub(1, Ordering::Relaxed);
            // Under the lock, so a caller that gives up at this moment sees it.
            next.state.store(HAS_TURN, Ordering::Release);
            if !caller.is_some_and(|caller| Arc::ptr_eq(caller, &next)) {
                woken.push(next);
            }
        }
        let mut look_again = None;
        if let Some(caller) = caller {
            caller.watches.store(false, Ordering::Relaxed);
        }
        let waits = caller.filter(|caller| caller.called().is_none());
        if self.delay().is_some() {
            // Each caller watches its own delay, even if its run is complete: others may give up before
            // it begins.
            look_again = waits.and_then(|caller| self.delayed(caller, now));
        } else if self.left() > 0
            && let Some(first) = waiting.line.first(|_| true)
            && !waiting
                .line
                .iter()
                .any(|one| one.watches.load(Ordering::Relaxed))
        {
            // All callers in the queue are held back, and one of them must wake up when that is over.
            match waits {
                Some(caller) => {
                    look_again = waiting.due.until();
                    caller.watches.store(true, Ordering::Relaxed);
                }
                None => woken.push(Arc::clone(first)),
            }
        }
        if waiting.line.is_empty() {
            self.free.fetch_and(!QUEUED, Ordering::Release);
        }
        drop(waiting);
        for waiter in woken {
            waiter.thread.unpark();
        }
        look_again
    }

    /// Takes the caller that runs next out of the queue; none if all are held back.
    fn next(
        &self,
        waiting: &mut Waiting,
        caller: Option<&Arc<Waiter>>,
        now: Stamp,
    ) -> Option<Arc<Waiter>> {
        waiting.due.look(now);
        let mut next = waiting.line.first(|_| true)?;
        if self.held(waiting, next, now).is_some() {
            if self.delay().is_none() && waiting.all_suit(&next.pending) {
                return None;
            }
            // Inferences with other dimensions may have a full batch, or have waited long enough.
            next = waiting
                .line
                .first(|other| self.held(waiting, other, now).is_none())?;
        }
        let mut next = Arc::clone(next);
        if let (Some(caller), Some(policy)) = (caller, &self.policy)
            && waiting.line.iter().any(|one| Arc::ptr_eq(one, caller))
            && waiting.all_suit(&caller.pending)
            && waiting.rows(&caller.pending) <= self.share(waiting, policy)
        {
            // All fit into one run: the calling thread is awake and runs it.
            next = Arc::clone(caller);
        } else if let Some(here) = cores::here() {
            // This core is about to be free, and a thread that slept on it wakes up on it.
            let alike = |other: &Arc<Waiter>| other.pending.open == next.pending.open;
            let near = |other: &Arc<Waiter>| other.core == Some(here);
            next = waiting.line.first_near(alike, near).cloned()?;
        }
        waiting.line.next(|one| Arc::ptr_eq(one, &next))
    }
}

impl Permit<'_> {
    /// Takes inferences out of the queue, in its order, to run them with the holder's own: those that suit
    /// it, with at most `bytes` bytes together. Also returns whether there are more inferences than
    /// permits.
    pub(crate) fn take(
        &mut self,
        own: &PendingRun,
        mut bytes: usize,
    ) -> (SmallVec<[Arc<Waiter>; 16]>, bool) {
        let mut taken = SmallVec::new();
        let permits = self.permits;
        let Some(policy) = &permits.policy else {
            return (taken, false);
        };
        let mut waiting = lock(&permits.waiting);
        let share = permits.share(&waiting, policy);
        let mut room = share.saturating_sub(own.rows());
        while let Some(waiter) = waiting.line.take(|other| {
            let pending = &other.pending;
            pending.suits(own) && pending.rows() <= room && pending.bytes <= bytes
        }) {
            room -= waiter.pending.rows();
            bytes -= waiter.pending.bytes;
            taken.push(waiter);
        }
        let rows = taken
            .iter()
            .map(|waiter: &Arc<Waiter>| waiter.pending.rows());
        self.along = rows.fold(own.rows().saturating_sub(1), u32::saturating_add);
        waiting.along = waiting.along.saturating_add(self.along);
        permits.free.fetch_or(QUEUED, Ordering::Relaxed);
        permits.settle(waiting, None);
        (taken, share > 1)
    }

    /// Records when the run began and ended.
    pub(crate) fn ran(&mut self, started: Stamp, ended: Stamp) {
        self.took = ended.ticks_since(started);
        if self.permits.learning.is_on()
            && let Some(least) = self.permits.learning.took(ended.nanos_since(started))
        {
            self.permits.learned(least);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.permits.release(self.along, self.took);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The state is consistent at each step of every critical section, so a panic does not break it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
