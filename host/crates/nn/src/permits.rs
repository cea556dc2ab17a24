//! Fair permits: how many inferences of one graph may run at once, and who goes next.
//!
//! While there are enough, taking and giving one back is an atomic operation each. Only who has to
//! wait takes the lock, which is held for a few instructions and never during an inference. Every
//! wait has a deadline when its caller has one. A permit is handed to the next in the [`Line`], never
//! put back for others to snatch; who gets one may take others along, and answers them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use smallvec::SmallVec;

use crate::{Caller, clock::Deadline, line::Line, seat::Seat};

/// Set in `free` while somebody waits; then permits change hands under the lock alone.
const QUEUED: usize = 1 << (usize::BITS - 1);

/// As many permits as there can be: nobody ever waits.
pub(crate) const UNLIMITED: usize = QUEUED - 1;

/// How often who is about to run lets others run first. Each time brings those who were waiting for
/// the processor on their way back from the last batch; more than a few bring nobody new.
const LINGER: u32 = 8;

pub(crate) struct Permits {
    /// Permits that nobody holds, and the flag.
    free: AtomicUsize,
    count: usize,
    waiting: Mutex<Waiting>,
    /// Whether who gets a permit first waits for others to come.
    gathers: bool,
}

#[derive(Default)]
struct Waiting {
    line: Line<Arc<Waiter>>,
    /// Who has a permit and waits for others to come; meanwhile no permit is handed out, since
    /// everybody who comes may go along.
    gatherer: Option<Gatherer>,
}

struct Gatherer {
    thread: Thread,
    /// It need not wait any longer once so many rows are in the line.
    room: u32,
}

/// One caller in the line.
pub(crate) struct Waiter {
    thread: Thread,
    state: AtomicU8,
    caller: Caller,
    pub(crate) seat: Seat,
}

/// In the line, or taken along and not answered yet.
const WAITS: u8 = 0;
/// A permit was handed to it.
const HAS_TURN: u8 = 1;
/// Who took it along has put the answer in its seat.
const ANSWERED: u8 = 2;

/// How a wait ends.
pub(crate) enum Waited<T> {
    /// With the right to run.
    Turn(T),
    /// Somebody else ran it: the answer is in the seat.
    Answered,
    /// The deadline passed.
    Late,
}

/// The right to run, until dropped.
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
    /// Whether this one is the gatherer.
    gathers: bool,
    /// Whether there is one less while it lasts.
    counted: bool,
}

impl Waiting {
    /// The rows in the line that fit.
    fn rows(&self, fits: impl Fn(&Seat) -> bool) -> u32 {
        let fitting = self.line.iter().filter(|waiter| fits(&waiter.seat));
        let rows = fitting.map(|waiter| waiter.seat.rows());
        rows.fold(0, u32::saturating_add)
    }
}

impl Waiter {
    /// The calling thread, with what it brings.
    pub(crate) fn new(caller: Caller, seat: Seat) -> Self {
        Self {
            thread: thread::current(),
            state: AtomicU8::new(WAITS),
            caller,
            seat,
        }
    }

    /// The answer is in the seat: lets the caller go on.
    pub(crate) fn answered(&self) {
        self.call(ANSWERED);
    }

    fn call(&self, state: u8) {
        self.state.store(state, Ordering::Release);
        self.thread.unpark();
    }

    /// Waits to be called; what for, or none if the deadline passed first.
    fn wait(&self, deadline: Option<Deadline>) -> Option<u8> {
        loop {
            match self.state.load(Ordering::Acquire) {
                WAITS => match deadline {
                    None => thread::park(),
                    Some(deadline) => match deadline.left() {
                        Duration::ZERO => return None,
                        left => thread::park_timeout(left),
                    },
                },
                called => return Some(called),
            }
        }
    }
}

impl Permits {
    /// So many; `gathers` if who gets one is going to [`Permit::gather`].
    pub(crate) fn new(count: usize, gathers: bool) -> Self {
        let count = count.clamp(1, UNLIMITED);
        Self {
            free: AtomicUsize::new(count),
            count,
            waiting: Mutex::default(),
            gathers,
        }
    }

    /// How many there are, taken or not.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A permit that is there at once; none where some are queued or all are taken, or where a
    /// permit comes with a wait for others.
    pub(crate) fn try_acquire(&self) -> Option<Permit<'_>> {
        if self.count == UNLIMITED && !self.gathers {
            return Some(Permit {
                permits: self,
                gathers: false,
                counted: false,
            });
        }
        let mut free = self.free.load(Ordering::Relaxed);
        while free != 0 && free & QUEUED == 0 && !self.gathers {
            match self.free.compare_exchange_weak(
                free,
                free - 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(self.permit(false)),
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
        {
            let mut waiting = lock(&self.waiting);
            // From here on nobody takes or gives a permit without the lock.
            self.free.fetch_or(QUEUED, Ordering::Acquire);
            let rows = waiter.seat.rows();
            let (ticket, caller) = (Arc::clone(waiter), waiter.caller);
            waiting.line.push(ticket, caller, rows);
            if let Some(gatherer) = &waiting.gatherer
                && waiting.rows(|_| true) >= gatherer.room
            {
                gatherer.thread.unpark();
            }
            // This very caller is among those who are called where a permit is free.
            self.settle(waiting);
        }
        match waiter.wait(deadline).or_else(|| self.give_up(waiter)) {
            Some(HAS_TURN) => Waited::Turn(self.permit(self.gathers)),
            Some(_) => Waited::Answered,
            None => Waited::Late,
        }
    }

    fn permit(&self, gathers: bool) -> Permit<'_> {
        Permit {
            permits: self,
            gathers,
            counted: true,
        }
    }

    /// Leaves the line; what it was called for, if that was at the last moment. Who was taken along
    /// and has no answer yet leaves as well.
    fn give_up(&self, waiter: &Arc<Waiter>) -> Option<u8> {
        let mut waiting = lock(&self.waiting);
        waiting.line.leave(|other| Arc::ptr_eq(other, waiter));
        self.settle(waiting);
        let called = waiter.state.load(Ordering::Acquire);
        (called != WAITS).then_some(called)
    }

    fn rows(&self, fits: impl Fn(&Seat) -> bool) -> u32 {
        lock(&self.waiting).rows(fits)
    }

    fn release(&self, gathers: bool) {
        if !gathers {
            let mut free = self.free.load(Ordering::Relaxed);
            while free & QUEUED == 0 {
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
        }
        let mut waiting = lock(&self.waiting);
        self.free.fetch_add(1, Ordering::AcqRel);
        if gathers {
            waiting.gatherer = None;
        }
        self.settle(waiting);
    }

    /// Hands free permits to those who are next, and drops the flag where nobody is left. To be
    /// called at the end of whatever is done under the lock, with the flag set.
    fn settle(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let mut called: SmallVec<[Arc<Waiter>; 2]> = SmallVec::new();
        while waiting.gatherer.is_none()
            && self.free.load(Ordering::Relaxed) & !QUEUED != 0
            && let Some(next) = waiting.line.next()
        {
            self.free.fetch_sub(1, Ordering::Relaxed);
            if self.gathers {
                waiting.gatherer = Some(Gatherer {
                    thread: next.thread.clone(),
                    room: u32::MAX,
                });
            }
            called.push(next);
        }
        if waiting.line.is_empty() && waiting.gatherer.is_none() {
            self.free.fetch_and(!QUEUED, Ordering::Release);
        }
        drop(waiting);
        for waiter in called {
            waiter.call(HAS_TURN);
        }
    }
}

impl Permit<'_> {
    /// Lets those run who are on their way, for as long as they come and there is room. It takes
    /// next to no time where nobody else wants the processor.
    pub(crate) fn linger(&mut self, room: u32, fits: impl Fn(&Seat) -> bool) {
        let mut before = 0;
        for turn in 0..LINGER {
            let rows = self.permits.rows(&fits);
            if rows >= room || turn > 0 && rows == before {
                return;
            }
            before = rows;
            thread::yield_now();
        }
    }

    /// Takes others along: those of the line that fit, in the line's order. `fits` is asked about
    /// the one who would be next, and may count what it has agreed to.
    pub(crate) fn take(&mut self, fits: impl Fn(&Seat) -> bool) -> Option<Arc<Waiter>> {
        let permits = self.permits;
        if permits.free.load(Ordering::Relaxed) & QUEUED == 0 {
            return None;
        }
        let mut waiting = lock(&permits.waiting);
        let taken = waiting.line.take(|waiter| fits(&waiter.seat));
        if waiting.line.is_empty() && waiting.gatherer.is_none() {
            permits.free.fetch_and(!QUEUED, Ordering::Release);
        }
        taken
    }

    /// Waits until a moment, or until so many rows that fit are in the line. Meanwhile nobody else
    /// gets a turn, until [`Permit::gathered`].
    pub(crate) fn gather(&mut self, room: u32, until: Deadline, fits: impl Fn(&Seat) -> bool) {
        if !self.gathers {
            return;
        }
        loop {
            let mut waiting = lock(&self.permits.waiting);
            let enough = waiting.rows(&fits) >= room;
            let left = until.left();
            if enough || left.is_zero() {
                return;
            }
            if let Some(gatherer) = &mut waiting.gatherer {
                gatherer.room = room;
            }
            drop(waiting);
            thread::park_timeout(left);
        }
    }

    /// Others may get their turn: whoever was to go along has been taken.
    pub(crate) fn gathered(&mut self) {
        if std::mem::take(&mut self.gathers) {
            let mut waiting = lock(&self.permits.waiting);
            waiting.gatherer = None;
            self.permits.settle(waiting);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.permits.release(self.gathers);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves the state whole at each step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{atomic::AtomicUsize, mpsc};

    use super::*;
    use crate::Priority;

    fn waiter(rows: u32) -> Arc<Waiter> {
        Arc::new(Waiter::new(Caller::default(), Seat::of_rows(rows)))
    }

    fn acquire(permits: &Permits, deadline: Option<Deadline>) -> Option<Permit<'_>> {
        match permits.wait(&waiter(1), deadline) {
            Waited::Turn(permit) => Some(permit),
            Waited::Answered | Waited::Late => None,
        }
    }

    fn free(permits: &Permits) -> usize {
        permits.free.load(Ordering::SeqCst)
    }

    #[test]
    fn never_more_at_once_than_permits_and_nobody_is_lost() {
        let permits = Permits::new(2, false);
        let (inside, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let permit = permits.try_acquire();
                        let _permit = permit.or_else(|| acquire(&permits, None)).unwrap();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 1600);
        assert!(most.into_inner() <= 2);
        assert_eq!(free(&permits), 2);
    }

    #[test]
    fn a_deadline_ends_the_wait_and_leaves_no_trace() {
        let permits = Permits::new(1, false);
        let held = acquire(&permits, None).unwrap();
        let deadline = Deadline::after(Duration::from_millis(1));
        assert!(acquire(&permits, Some(deadline)).is_none());
        drop(held);
        assert!(permits.try_acquire().is_some(), "free again");
    }

    /// Threads that wait, and what they were told when they go on.
    fn in_line<'scope>(
        scope: &'scope thread::Scope<'scope, '_>,
        permits: &'scope Permits,
        count: usize,
    ) -> mpsc::Receiver<bool> {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..count {
            let sender = sender.clone();
            scope.spawn(move || {
                let answered = matches!(permits.wait(&waiter(1), None), Waited::Answered);
                sender.send(answered).unwrap();
            });
        }
        while lock(&permits.waiting).line.iter().count() < count {
            thread::yield_now();
        }
        receiver
    }

    #[test]
    fn who_has_a_turn_takes_others_along_and_answers_them() {
        let permits = Permits::new(1, false);
        thread::scope(|scope| {
            let mut permit = acquire(&permits, None).unwrap();
            let told = in_line(scope, &permits, 5);
            let along: Vec<_> = (0..3).filter_map(|_| permit.take(|_| true)).collect();
            assert_eq!(along.len(), 3);
            drop(permit);
            along.iter().for_each(|waiter| waiter.answered());
            let answered = (0..5).filter(|_| told.recv().unwrap()).count();
            assert_eq!(answered, 3, "the other two had turns of their own");
        });
        assert_eq!(free(&permits), 1);
    }

    #[test]
    fn the_more_urgent_goes_along_first() {
        let permits = Permits::new(1, false);
        let mut permit = acquire(&permits, None).unwrap();
        thread::scope(|scope| {
            let permits = &permits;
            for (count, (rows, priority)) in [(1, Priority::Low), (2, Priority::High)]
                .into_iter()
                .enumerate()
            {
                let caller = Caller {
                    priority,
                    ..Caller::default()
                };
                scope.spawn(move || {
                    let waiter = Waiter::new(caller, Seat::of_rows(rows));
                    drop(permits.wait(&Arc::new(waiter), None));
                });
                while lock(&permits.waiting).line.iter().count() <= count {
                    thread::yield_now();
                }
            }
            let first = permit.take(|_| true).unwrap();
            assert_eq!(first.seat.rows(), 2, "the urgent one, who came later");
            first.answered();
            drop(permit);
        });
    }

    #[test]
    fn who_was_taken_along_still_leaves_at_its_deadline() {
        let permits = Permits::new(1, false);
        let mut permit = acquire(&permits, None).unwrap();
        thread::scope(|scope| {
            let late = scope.spawn(|| {
                let deadline = Deadline::after(Duration::from_millis(20));
                matches!(permits.wait(&waiter(1), Some(deadline)), Waited::Late)
            });
            while permit.take(|_| true).is_none() && !late.is_finished() {
                thread::yield_now();
            }
            assert!(late.join().unwrap());
        });
        drop(permit);
        assert_eq!(free(&permits), 1);
    }

    #[test]
    fn a_gatherer_waits_for_rows_and_then_lets_the_others_go() {
        let permits = Permits::new(2, true);
        assert!(
            permits.try_acquire().is_none(),
            "a permit comes with a wait"
        );
        let hour = || Deadline::after(Duration::from_secs(3600));
        thread::scope(|scope| {
            let mut permit = acquire(&permits, None).unwrap();
            let told = in_line(scope, &permits, 3);
            permit.gather(3, hour(), |_| true);
            let along: Vec<_> = (0..2).filter_map(|_| permit.take(|_| true)).collect();
            assert!(told.try_recv().is_err(), "nobody goes meanwhile");
            permit.gathered();
            assert!(!told.recv().unwrap(), "the third has the second permit");
            along.iter().for_each(|waiter| waiter.answered());
            assert!(told.recv().unwrap() && told.recv().unwrap());
        });
        assert_eq!(free(&permits), 2);
        let mut permit = acquire(&permits, None).unwrap();
        permit.gather(9, Deadline::after(Duration::from_millis(1)), |_| true);
        drop(permit);
        assert_eq!(free(&permits), 2);
    }
}
