//! Fair permits: how many inferences of one graph may run at once, first come, first served.
//!
//! While there are enough, taking and giving one back is an atomic operation each. Only who has to
//! wait takes the lock, which is held for a few instructions and never during an inference. Every
//! wait has a deadline when its caller has one.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::clock::Deadline;

/// Set in `free` while somebody waits; then permits change hands under the lock alone.
const QUEUED: usize = 1 << (usize::BITS - 1);

pub(crate) struct Permits {
    /// Permits that nobody holds, and the flag.
    free: AtomicUsize,
    waiting: Mutex<VecDeque<Arc<Waiter>>>,
}

/// One caller in the queue: the permit is handed to it, never put back for others to snatch.
#[derive(Default)]
struct Waiter {
    handed: Mutex<bool>,
    bell: Condvar,
}

/// The right to run, until dropped.
pub(crate) struct Permit<'a>(&'a Permits);

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            free: AtomicUsize::new(count.clamp(1, QUEUED - 1)),
            waiting: Mutex::new(VecDeque::new()),
        }
    }

    /// A permit that is there at once; none where some are queued or all are taken.
    pub(crate) fn try_acquire(&self) -> Option<Permit<'_>> {
        let mut free = self.free.load(Ordering::Relaxed);
        while free != 0 && free & QUEUED == 0 {
            match self.free.compare_exchange_weak(
                free,
                free - 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Permit(self)),
                Err(seen) => free = seen,
            }
        }
        None
    }

    /// A permit; none if the deadline passed first.
    pub(crate) fn acquire(&self, deadline: Option<Deadline>) -> Option<Permit<'_>> {
        let waiter = {
            let mut waiting = lock(&self.waiting);
            // From here on nobody takes or gives a permit without the lock.
            let before = self.free.fetch_or(QUEUED, Ordering::Acquire) & !QUEUED;
            if before > 0 && waiting.is_empty() {
                self.free.store(before - 1, Ordering::Relaxed);
                return Some(Permit(self));
            }
            let waiter = Arc::new(Waiter::default());
            waiting.push_back(Arc::clone(&waiter));
            waiter
        };
        self.wait(&waiter, deadline).then_some(Permit(self))
    }

    fn wait(&self, waiter: &Arc<Waiter>, deadline: Option<Deadline>) -> bool {
        let mut handed = lock(&waiter.handed);
        while !*handed {
            handed = match deadline {
                None => waiter
                    .bell
                    .wait(handed)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.left();
                    if left.is_zero() {
                        drop(handed);
                        return self.give_up(waiter);
                    }
                    waiter
                        .bell
                        .wait_timeout(handed, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
        true
    }

    /// Leaves the queue; true if the permit was handed over at the last moment.
    fn give_up(&self, waiter: &Arc<Waiter>) -> bool {
        let mut waiting = lock(&self.waiting);
        let before = waiting.len();
        waiting.retain(|other| !Arc::ptr_eq(other, waiter));
        let handed = waiting.len() == before;
        if waiting.is_empty() {
            self.free.fetch_and(!QUEUED, Ordering::Release);
        }
        handed
    }

    fn release(&self) {
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
        let next = {
            let mut waiting = lock(&self.waiting);
            let next = waiting.pop_front();
            match &next {
                // The last one gave up in between.
                None => {
                    self.free.fetch_add(1, Ordering::Release);
                }
                Some(_) if waiting.is_empty() => {
                    self.free.fetch_and(!QUEUED, Ordering::Release);
                }
                Some(_) => {}
            }
            next
        };
        if let Some(waiter) = next {
            *lock(&waiter.handed) = true;
            waiter.bell.notify_one();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves the state whole at each step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn never_more_at_once_than_permits_and_nobody_is_lost() {
        let permits = Permits::new(2);
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
                        let _permit = permit.or_else(|| permits.acquire(None)).unwrap();
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
        assert_eq!(permits.free.into_inner(), 2);
    }

    #[test]
    fn a_deadline_ends_the_wait_and_leaves_no_trace() {
        let permits = Permits::new(1);
        let held = permits.acquire(None).unwrap();
        let deadline = Deadline::after(Duration::from_millis(1));
        assert!(permits.acquire(Some(deadline)).is_none());
        drop(held);
        assert!(permits.try_acquire().is_some(), "free again");
    }
}
