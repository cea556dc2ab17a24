//! The executor of an asynchronous guest, on the thread that calls the guest.
//!
//! It waits for the guest's timers and files on that thread, at most until the deadline of the call if there
//! is one. It counts how long it waited, for the frame's ledger. Its few threads for blocking reads start when
//! a granted file or stream is read, and end by themselves.

use std::{
    future,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::{
    runtime::{Builder, Runtime},
    time::{Sleep, sleep},
};
use tollgate_nn::clock::{Deadline, Stamp};
use tollgate_services::Waited;
use wasmtime::Trap;

use crate::Error;

/// How many threads of an executor may block on granted files at once. One plugin reads few.
const BLOCKING_THREADS: usize = 4;

/// How many executors are kept for later instances. If each frame has a new instance, they are used again:
/// making one takes several system calls.
const KEPT: usize = 64;

/// The executors that no instance uses now.
#[derive(Clone, Default)]
pub(crate) struct Executors(Arc<Mutex<Vec<Arc<Runtime>>>>);

impl Executors {
    /// An executor, which the instance must keep for its whole life: what it waits for is bound to the
    /// executor.
    pub(crate) fn take(&self) -> Result<Executor, Error> {
        let idle = self.lock().pop();
        let runtime = match idle {
            Some(runtime) => runtime,
            None => Arc::new(runtime()?),
        };
        Ok(Executor {
            runtime,
            waited: Arc::default(),
            home: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Runtime>>> {
        // All executors in the list are equal, so it has no invariant that a panic could break.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Error::Engine {
            reason: format!("no executor for an asynchronous guest: {error}"),
        })
}

/// Runs one call at a time. It outlives its store, and is then kept for the next one.
pub(crate) struct Executor {
    runtime: Arc<Runtime>,
    waited: Arc<Waited>,
    home: Executors,
}

impl Drop for Executor {
    fn drop(&mut self) {
        let mut idle = self.home.lock();
        if idle.len() < KEPT {
            idle.push(Arc::clone(&self.runtime));
        }
    }
}

impl Executor {
    /// The counter of how long it waited.
    pub(crate) fn waited(&self) -> &Arc<Waited> {
        &self.waited
    }

    /// Runs a guest's call to its end. If the guest waits when the deadline passes, the call ends there. If
    /// it computes then, the epoch stops it with the same trap.
    pub(crate) fn run<R>(
        &self,
        deadline: Option<Deadline>,
        call: impl Future<Output = wasmtime::Result<R>>,
    ) -> wasmtime::Result<R> {
        let mut call = pin!(call);
        {
            // Most calls never wait, and so need no waker.
            let _entered = self.runtime.enter();
            let mut nobody = Context::from_waker(Waker::noop());
            if let Poll::Ready(result) = call.as_mut().poll(&mut nobody) {
                return result;
            }
        }
        let waited = &*self.waited;
        self.runtime.block_on(async {
            let mut timer: Option<Pin<Box<Sleep>>> = None;
            let mut since = None;
            future::poll_fn(|context| {
                if let Some(since) = since.take() {
                    waited.add(Stamp::now().ticks_since(since));
                }
                // The first time, this registers the real waker.
                if let Poll::Ready(result) = call.as_mut().poll(context) {
                    return Poll::Ready(result);
                }
                if let Some(deadline) = deadline {
                    let timer = timer.get_or_insert_with(|| Box::pin(sleep(deadline.left())));
                    if timer.as_mut().poll(context).is_ready() {
                        return Poll::Ready(Err(Trap::Interrupt.into()));
                    }
                }
                since = Some(Stamp::now());
                Poll::Pending
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_waits_for_ever_ends_at_its_deadline() {
        let executor = Executors::default().take().unwrap();
        let deadline = Deadline::after(Duration::from_millis(20));
        let ended: wasmtime::Result<()> = executor.run(Some(deadline), future::pending());
        let trap = ended.unwrap_err();
        assert_eq!(trap.downcast_ref(), Some(&Trap::Interrupt));
        assert!(deadline.left().is_zero());
        assert!(executor.waited().take() > 0);
        assert_eq!(executor.waited().take(), 0);
    }

    #[test]
    fn what_does_not_wait_is_not_said_to_have_waited() {
        let executors = Executors::default();
        for _ in 0..3 {
            let executor = executors.take().unwrap();
            let ended = executor.run(None, async { wasmtime::Result::Ok(7) });
            assert_eq!(ended.unwrap(), 7);
            assert_eq!(executor.waited().take(), 0);
        }
        assert_eq!(executors.lock().len(), 1, "used again");
    }
}
