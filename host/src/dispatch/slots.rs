//! Slots: how many frames are worked on at once, whatever the number of workers.
//!
//! More instances than cores at work only take the cores from each other in the middle of a frame, and
//! each comes back to caches that another one has filled. A worker takes a slot for a frame and hands
//! it on to whoever has waited longest; handing on is a switch of threads on a core that is busy
//! anyway, which costs a few microseconds. The wait is bounded by the deadlines of the frames ahead.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
};

/// The slots of a host.
#[derive(Debug)]
pub struct Slots {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<Arc<Waiter>>,
}

/// A worker that waits: the slot is handed to it, never put back for others to snatch.
#[derive(Debug)]
struct Waiter {
    handed: AtomicBool,
    thread: Thread,
}

/// The right to work on a frame, until dropped.
#[derive(Debug)]
pub struct Slot<'a>(&'a Slots);

impl Slots {
    /// So many.
    pub fn new(count: NonZero<usize>) -> Self {
        Self {
            state: Mutex::new(State {
                free: count.get(),
                waiting: VecDeque::new(),
            }),
        }
    }

    /// As many as there are cores.
    pub fn of_this_machine() -> Self {
        Self::new(thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN))
    }

    /// Waits for a slot, first come, first served.
    pub fn take(&self) -> Slot<'_> {
        let waiter = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Slot(self);
            }
            let waiter = Arc::new(Waiter {
                handed: AtomicBool::new(false),
                thread: thread::current(),
            });
            state.waiting.push_back(Arc::clone(&waiter));
            waiter
        };
        while !waiter.handed.load(Ordering::Acquire) {
            thread::park();
        }
        Slot(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole at each step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = state.waiting.pop_front();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some(waiter) = next {
            waiter.handed.store(true, Ordering::Release);
            waiter.thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn never_more_at_once_than_slots_and_nobody_is_lost() {
        let slots = Slots::new(NonZero::new(2).unwrap());
        let (inside, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _slot = slots.take();
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
        assert_eq!(slots.lock().free, 2);
    }
}
