//! From inputs to workers and back: admission, the bounded queue between, and the closed loop.
//!
//! A feeder reads frames ahead into a queue that holds one for each worker; workers take from it;
//! whoever called gets what came of each frame as it is done, which with several workers is not
//! the order of the inputs. The loop is closed: a worker that is done with a frame admits the next
//! one, so nothing waits in line while it is measured, and reading files is not part of any frame.
//!
//! Nothing here grows: both queues are bounded, and every wait ends when a frame's deadline does.
//! It knows no reports and no outputs' destinations.

use std::{
    io,
    num::NonZero,
    sync::{
        Arc, Mutex,
        mpsc::{self, SyncSender},
    },
    thread,
};

use crate::{
    ingress::files::Files,
    worker::{self, Done, Failure, Job, Setup},
};

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

/// Goes through the inputs `passes` times on `workers` threads, and hands over what came of each
/// frame. Ends when all are done, or early when `take` or a worker's set-up fails.
///
/// # Errors
///
/// Threads or workers that cannot be had, and whatever `take` returns.
pub fn closed_loop<E: From<Error>>(
    setup: &Setup,
    files: &Files,
    passes: NonZero<u32>,
    workers: NonZero<usize>,
    mut take: impl FnMut(Done) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (jobs, queue) = mpsc::sync_channel(workers.get());
        let (results, done) = mpsc::sync_channel(workers.get());
        // Workers alone hold the queue, so that a feeder never waits for workers that are gone.
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for number in 0..workers.get() {
            let (queue, results) = (Arc::clone(&queue), results.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn_scoped(scope, move || worker::work(setup, &queue, &results));
            threads.push(thread.map_err(Error::Spawn)?);
        }
        drop(queue);
        let feeder = thread::Builder::new()
            .name("feeder".to_owned())
            .spawn_scoped(scope, move || feed(files, passes, &jobs, &results));
        threads.push(feeder.map_err(Error::Spawn)?);

        // An early end drops `done`; workers and feeder notice when they next send.
        for result in done {
            take(result.map_err(Error::Worker)?)?;
        }
        let died = threads.into_iter().any(|thread| thread.join().is_err());
        if died {
            Err(Error::Died.into())
        } else {
            Ok(())
        }
    })
}

/// Reads all inputs `passes` times; what cannot be read is done already.
fn feed(
    files: &Files,
    passes: NonZero<u32>,
    jobs: &SyncSender<Job>,
    results: &SyncSender<Result<Done, tollgate_runtime::Error>>,
) {
    let mut sequence = 0;
    for pass in 0..passes.get() {
        for (source, frame) in files.pass(sequence) {
            let sent = match frame {
                Ok(frame) => jobs.send(Job { pass, frame }).is_ok(),
                Err(error) => {
                    let outcome = Err(Failure::Input(error));
                    results
                        .send(Ok(Done {
                            pass,
                            source,
                            outcome,
                        }))
                        .is_ok()
                }
            };
            if !sent {
                return;
            }
            sequence += 1;
        }
    }
}
