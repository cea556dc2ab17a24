//! Fair permits: how many inferences of one graph may run at once, first come, first served.
//!
//! The lock is held for a few instructions, never during an inference. Every wait has a deadline
//! when its caller has one.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::clock::Deadline;

pub(crate) struct Permits {
    state: Mutex<State>,
}

struct State {
    free: usize,
    waiting: VecDeque<Arc<Waiter>>,
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
            state: Mutex::new(State {
                free: count.max(1),
                waiting: VecDeque::new(),
            }),
        }
    }

    /// A permit; none if the deadline passed first.
    pub(crate) fn acquire(&self, deadline: Option<Deadline>) -> Option<Permit<'_>> {
        let waiter = {
            let mut state = lock(&self.state);
            if state.free > 0 && state.waiting.is_empty() {
                state.free -= 1;
                return Some(Permit(self));
            }
            let waiter = Arc::new(Waiter::default());
            state.waiting.push_back(Arc::clone(&waiter));
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
        let mut state = lock(&self.state);
        let before = state.waiting.len();
        state.waiting.retain(|other| !Arc::ptr_eq(other, waiter));
        state.waiting.len() == before
    }

    fn release(&self) {
        let next = {
            let mut state = lock(&self.state);
            let next = state.waiting.pop_front();
            if next.is_none() {
                state.free += 1;
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
                        let _permit = permits.acquire(None).unwrap();
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
        assert_eq!(permits.state.into_inner().unwrap().free, 2);
    }

    #[test]
    fn a_deadline_ends_the_wait_and_leaves_no_trace() {
        let permits = Permits::new(1);
        let held = permits.acquire(None).unwrap();
        let deadline = Deadline::after(Duration::from_millis(1));
        assert!(permits.acquire(Some(deadline)).is_none());
        drop(held);
        assert!(permits.acquire(Some(deadline)).is_some(), "free again");
    }
}
