//! Fair permits: how many inferences of one graph may run at once, who goes next, and when.
//!
//! While there are enough, taking and giving one back is an atomic operation each. Only who has to
//! wait takes the lock, which is held for a few instructions and never during an inference. Every
//! wait has a deadline when its caller has one. A permit is handed to the next in the [`FairQueue`], never
//! put back for others to snatch; who gets one may take others along, and answers them.
//!
//! Where others may go along, a permit can be held back for policy: for as long as was asked for,
//! or for the moment in which those who were answered together come back together. Nobody spins or
//! gives way meanwhile: all sleep, and the last who comes is awake anyway and runs for all.
//!
//! A system's scheduler wakes a thread where it slept, behind whatever runs there, and may leave the
//! core idle that has just become free. So of the first two in the line the one is preferred that
//! slept on this core.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use smallvec::SmallVec;

use crate::{
    Batching, Caller,
    clock::{Budget, Deadline, Stamp},
    scheduling::cores,
    scheduling::fair_queue::FairQueue,
    scheduling::learning::{Learning, Lesson},
    scheduling::pending::PendingRun,
    scheduling::returning::Returning,
};

/// Set in `free` while somebody waits; then permits change hands under the lock alone.
const QUEUED: usize = 1 << (usize::BITS - 1);

/// As many permits as there can be: nobody ever waits.
pub(crate) const UNLIMITED: usize = QUEUED - 1;

pub(crate) struct Permits {
    /// Permits that nobody holds, and the flag.
    free: AtomicUsize,
    count: usize,
    waiting: Mutex<Waiting>,
    policy: Option<MergePolicy>,
    /// Whether nobody ever waits: runs are so short that turns would cost more.
    unlimited: AtomicBool,
    learning: Learning,
    /// What becomes of the permits once it is known how long runs take.
    lesson: Lesson,
}

/// That who gets a permit may take others along, and how far.
#[derive(Debug)]
pub(crate) struct MergePolicy {
    /// How many rows to run of so many that could, for 1, 2, 3 and so on; more are the last's.
    sizes: Vec<u32>,
    /// None where nobody waits longer than those take who are on their way.
    delay: Option<Budget>,
}

#[derive(Default)]
struct Waiting {
    line: FairQueue<Arc<Waiter>>,
    /// Rows that run beside the first of each permit.
    along: u32,
    due: Returning,
}

/// One caller in the line.
pub(crate) struct Waiter {
    thread: Thread,
    state: AtomicU8,
    /// Whether it wakes up by itself when the line has been held back for long enough.
    watches: AtomicBool,
    caller: Caller,
    asked: Stamp,
    /// Where it fell asleep, if that is known.
    core: Option<usize>,
    pub(crate) pending: PendingRun,
}

/// In the line, or taken along and not answered yet.
const WAITS: u8 = 0;
/// A permit was handed to it.
const HAS_TURN: u8 = 1;
/// Who took it along has put the answer in its pending.
const ANSWERED: u8 = 2;

/// How a wait ends.
pub(crate) enum Waited<T> {
    /// With the right to run.
    Turn(T),
    /// Somebody else ran it: the answer is in the pending.
    Answered,
    /// The deadline passed.
    Late,
}

/// The right to run, until dropped.
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
    /// Whether there is one less while it lasts.
    counted: bool,
    /// Rows that run with it beside the first.
    along: u32,
    /// What the run took, in nanoseconds; zero where that is not known.
    took: u64,
}

impl MergePolicy {
    /// As many rows in one run as pay; with a delay, the first of them waits so long for the others.
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
    /// Rows in the line that may run with a pending's, its own included.
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

impl Waiter {
    /// The calling thread, with what it brings.
    pub(crate) fn new(caller: Caller, pending: PendingRun) -> Self {
        Self {
            thread: thread::current(),
            state: AtomicU8::new(WAITS),
            watches: AtomicBool::new(false),
            caller,
            asked: Stamp::now(),
            core: cores::here(),
            pending,
        }
    }

    /// The answer is in the pending: lets the caller go on.
    pub(crate) fn answered(&self) {
        self.state.store(ANSWERED, Ordering::Release);
        self.thread.unpark();
    }

    fn called(&self) -> Option<u8> {
        let state = self.state.load(Ordering::Acquire);
        (state != WAITS).then_some(state)
    }

    /// Sleeps until it is called or woken, or until a moment; what it was called for.
    fn sleep(&self, until: Option<Deadline>) -> Option<u8> {
        if self.called().is_none() {
            match until.map(|until| until.left()) {
                None => thread::park(),
                Some(Duration::ZERO) => {}
                Some(left) => thread::park_timeout(left),
            }
        }
        self.called()
    }
}

impl Permits {
    /// So many; with policy, who gets one may take others along.
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

    /// Looks at how long the first runs take, for a graph that was not measured.
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

    /// A permit that is there at once; none where some are queued or all are taken, or where a
    /// permit comes with a wait for others.
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

    /// Waits in the line.
    pub(crate) fn wait(
        &self,
        waiter: &Arc<Waiter>,
        deadline: Option<Deadline>,
    ) -> Waited<Permit<'_>> {
        let mut held = {
            let mut waiting = lock(&self.waiting);
            // From here on nobody takes or gives a permit without the lock.
            self.free.fetch_or(QUEUED, Ordering::Acquire);
            let rows = waiter.pending.rows();
            waiting.due.came(rows, Stamp::now());
            let (ticket, caller) = (Arc::clone(waiter), waiter.caller);
            waiting.line.push(ticket, caller, rows);
            // This very caller is among those who are called where a permit is free.
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
                // MergePolicy was waited for long enough, or somebody has to see to that it is not.
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

    /// Leaves the line; what it was called for, if that was at the last moment. Who was taken along
    /// and has no answer yet leaves as well.
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
                .expect(along.saturating_add(1), took, Stamp::now());
        }
        self.settle(waiting, None);
    }

    /// Permits that nobody has.
    fn left(&self) -> usize {
        self.free.load(Ordering::Relaxed) & !QUEUED
    }

    /// How many rows one run should have: with a delay as many as may be, else what pays best of one
    /// permit's part of all that wait, run or are about to come back.
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

    /// Until when one in the line is held back for the sake of policy; none if it may go.
    fn held(&self, waiting: &Waiting, waiter: &Waiter) -> Option<Deadline> {
        let policy = self.policy.as_ref()?;
        waiter.pending.open.as_ref()?;
        let until = match policy.delay {
            Some(_) => self.delayed(waiter)?,
            None => waiting.due.until()?,
        };
        let complete = waiting.rows(&waiter.pending) >= self.share(waiting, policy);
        (!complete && !until.left().is_zero()).then_some(until)
    }

    /// Until when one waits for others at the most, where there is a delay that is not over and it can run
    /// with others.
    fn delayed(&self, waiter: &Waiter) -> Option<Deadline> {
        waiter.pending.open.as_ref()?;
        let until = self.delay()?.from(waiter.asked);
        (!until.left().is_zero()).then_some(until)
    }

    /// Hands free permits to those who are next, and drops the flag where nobody is left. To be
    /// called at the end of whatever is done under the lock, with the flag set. Gives the moment at
    /// which the caller, who is awake, has to look again.
    fn settle(
        &self,
        mut waiting: MutexGuard<'_, Waiting>,
        caller: Option<&Arc<Waiter>>,
    ) -> Option<Deadline> {
        let mut woken: SmallVec<[Arc<Waiter>; 2]> = SmallVec::new();
        while self.left() > 0
            && let Some(next) = self.next(&mut waiting, caller)
        {
            self.free.fetch_sub(1, Ordering::Relaxed);
            // Under the lock: who gives up at this moment sees it.
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
            // Each for itself, and also where its run is complete: others may leave before it begins.
            look_again = waits.and_then(|caller| self.delayed(caller));
        } else if self.left() > 0
            && let Some(first) = waiting.line.first(|_| true)
            && !waiting
                .line
                .iter()
                .any(|one| one.watches.load(Ordering::Relaxed))
        {
            // All that are left are held back, and one of them must see when that is over.
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

    /// Takes who is to run next out of the line; none where all are held back.
    fn next(&self, waiting: &mut Waiting, caller: Option<&Arc<Waiter>>) -> Option<Arc<Waiter>> {
        waiting.due.look(Stamp::now());
        let mut next = waiting.line.first(|_| true)?;
        if self.held(waiting, next).is_some() {
            if self.delay().is_none() && waiting.all_suit(&next.pending) {
                return None;
            }
            // Others may be complete, or have waited long enough.
            next = waiting
                .line
                .first(|other| self.held(waiting, other).is_none())?;
        }
        let mut next = Arc::clone(next);
        if let (Some(caller), Some(policy)) = (caller, &self.policy)
            && waiting.line.iter().any(|one| Arc::ptr_eq(one, caller))
            && waiting.all_suit(&caller.pending)
            && waiting.rows(&caller.pending) <= self.share(waiting, policy)
        {
            // Where all go along, who is awake runs for all.
            next = Arc::clone(caller);
        } else if let Some(here) = cores::here() {
            // This core is about to be free: who slept on it wakes up on it.
            let alike = |other: &Arc<Waiter>| other.pending.open == next.pending.open;
            let near = |other: &Arc<Waiter>| other.core == Some(here);
            next = waiting.line.first_near(alike, near).cloned()?;
        }
        waiting.line.next(|one| Arc::ptr_eq(one, &next))
    }
}

impl Permit<'_> {
    /// Takes others along: those of the line that suit the holder's pending, in the line's order, with
    /// at most so many bytes. Also says whether there is more to do than one inference a permit.
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

    /// What the run took, in nanoseconds.
    pub(crate) fn took(&mut self, ns: u64) {
        self.took = ns;
        if let Some(least) = self.permits.learning.took(ns) {
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
    // Every critical section leaves the state whole at each step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
