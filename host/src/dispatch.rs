//! From inputs to workers and back: admission, the bounded queues between, and the closed loop.
//!
//! [`Queues`] is what stands between whoever has frames and the workers: for frames that come when
//! they come, it refuses what cannot be served in time. In the closed loop frames come when workers
//! are ready: a feeder reads ahead into a queue that holds one for each worker; workers take from
//! it; whoever called gets what came of each frame as it is done, which with several workers is not
//! the order of the inputs. A worker that is done with a frame admits the next one, so nothing waits
//! in line while it is measured, and reading files is not part of any frame.
//!
//! Nothing here grows: all queues are bounded, and every wait ends when a frame's deadline does.
//! It knows no reports and no outputs' destinations.

mod queue;
mod service;
mod warm;

use std::{
    io,
    num::NonZero,
    sync::mpsc::{self, RecvTimeoutError, SyncSender},
    thread,
    time::Duration,
};

use tollgate_runtime::Missing;

use crate::{
    ingress::files::Files,
    interrupt::Interrupt,
    worker::{self, Done, Failure, Job, Setup},
};

pub use queue::{AGEING, Admission, Counts, Queues, Refusal, Turn};
pub use tollgate_nn::Priority;
pub use warm::Warm;

/// Why a run ended early. A frame that fails is no reason.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system gives no more threads.
    #[error("cannot start a worker thread, ask for fewer `--workers`")]
    Spawn(#[source] io::Error),
    /// A worker could not be set up: its twin is none, or does not start.
    #[error(transparent)]
    Worker(tollgate_runtime::Error),
    /// A thread of ours panicked.
    #[error("a worker thread died, which is a fault of tollgate's own: report what it said above")]
    Died,
}

/// How often a signal is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Goes through the inputs `passes` times on `workers` threads, and hands over what came of each
/// frame. Ends when all are done, or early when `take` or a worker's set-up fails; where a signal asks
/// for the end, with the frames that are being worked on.
///
/// # Errors
///
/// Threads or workers that cannot be had, and whatever `take` returns.
pub fn closed_loop<E: From<Error>>(
    setup: &Setup,
    files: &Files,
    passes: NonZero<u32>,
    workers: NonZero<usize>,
    interrupt: &Interrupt,
    mut take: impl FnMut(Done) -> Result<(), E>,
) -> Result<(), E> {
    let admission = Admission {
        capacity: workers,
        deadline: None,
        priority: Priority::Normal,
    };
    let queues = Queues::new([admission], workers.get());
    thread::scope(|scope| {
        // Whatever ends this early, the threads notice.
        let _close = CloseAtTheEnd(&queues);
        let (results, done) = mpsc::sync_channel(workers.get());
        let mut threads = Vec::new();
        for number in 0..workers.get() {
            let (queues, results) = (&queues, results.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn_scoped(scope, move || {
                    worker::work(setup, queues, &results, interrupt)
                });
            threads.push(thread.map_err(Error::Spawn)?);
        }
        let feeder = thread::Builder::new()
            .name("feeder".to_owned())
            .spawn_scoped(scope, || feed(files, passes, &queues, results, interrupt));
        threads.push(feeder.map_err(Error::Spawn)?);

        // An early end drops `done`; workers and feeder notice when they next send.
        loop {
            match done.recv_timeout(POLL) {
                Ok(result) => take(result.map_err(Error::Worker)?)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if interrupt.is_raised() {
                queues.close();
            }
        }
        let died = threads.into_iter().any(|thread| thread.join().is_err());
        if died {
            Err(Error::Died.into())
        } else {
            Ok(())
        }
    })
}

/// Closes the queues when it is dropped.
struct CloseAtTheEnd<'a>(&'a Queues<Job>);

impl Drop for CloseAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Reads all inputs `passes` times; what cannot be read is done already. Closes the queues.
fn feed(
    files: &Files,
    passes: NonZero<u32>,
    queues: &Queues<Job>,
    results: SyncSender<Result<Done, tollgate_runtime::Error>>,
    interrupt: &Interrupt,
) {
    let _close = CloseAtTheEnd(queues);
    let mut sequence = 0;
    for pass in 0..passes.get() {
        for (source, frame) in files.pass(sequence) {
            let sent = match frame {
                Ok(frame) => queues.feed(0, Job { pass, frame }),
                // Input that a signal ended the wait for is no frame that failed.
                Err(_) if interrupt.is_raised() => return,
                Err(error) => {
                    let outcome = Err(Failure::Input(error));
                    let done = Done {
                        sequence,
                        pass,
                        source,
                        outcome,
                        missing: Missing::default(),
                    };
                    results.send(Ok(done)).is_ok()
                }
            };
            if !sent || interrupt.is_raised() {
                return;
            }
            sequence += 1;
        }
    }
}
