//! Runs inputs through the workers. A reader reads ahead, and as many frames are in progress as
//! there are workers. Each result is handed over as soon as it is done; with several workers that
//! is not the order of the inputs.
//!
//! When a worker is done with a frame, the next frame that was read is admitted. So no frame waits
//! in the queue while it is measured, and reading files does not count as part of a frame.

use std::{
    collections::VecDeque,
    io,
    num::NonZero,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

use tollgate_dispatch::{
    Admission, Answer, Handler, Interrupt, LineId, Priority, Queues, Task, TaskQueues, Workers,
};
use tollgate_nn::clock::Stamp;
use tollgate_services::Frame;

use crate::inputs::{self, Files};

/// Why a run ended early. A frame that fails is no reason.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system cannot start another thread.
    #[error("cannot start a worker thread")]
    Spawn(#[source] io::Error),
    /// The thread that reads inputs panicked, or the last worker did and could not be replaced.
    #[error("a thread died, which is a fault of tollgate's own: report what it said above")]
    Died,
}

/// The result of an input.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are answers")]
pub enum Done {
    /// It was read as a frame, and answered.
    Answer(Answer),
    /// It could not be read.
    Unread {
        /// Its number, counted over all passes from zero.
        sequence: u64,
        /// Its name.
        source: Arc<str>,
        /// Why it could not be read.
        error: inputs::Error,
    },
}

/// How often a signal is checked for.
const POLL: Duration = Duration::from_millis(50);

/// Runs the inputs `passes` times on `workers` threads and calls `take` with each result. Ends when
/// all are done, or early when `take` fails. After a signal it ends with the frames that are being
/// processed.
///
/// # Errors
///
/// Threads cannot be started, or `take` fails.
pub fn run<E: From<Error>>(
    handler: Arc<dyn Handler>,
    files: &Files,
    passes: NonZero<u32>,
    workers: NonZero<usize>,
    interrupt: &Interrupt,
    mut take: impl FnMut(Done) -> Result<(), E>,
) -> Result<(), E> {
    let queues: Arc<TaskQueues> = Arc::new(Queues::new(workers.get()));
    let threads = Workers::start(Arc::clone(&queues), workers.get()).map_err(Error::Spawn)?;
    let admission = Admission {
        capacity: workers,
        deadline: None,
        priority: Priority::Normal,
    };
    let line = queues.open(admission, handler);
    let (results, done) = mpsc::sync_channel(workers.get());
    let died = Arc::new(AtomicBool::new(false));
    let ahead = Arc::new(ReadAhead {
        died: Arc::clone(&died),
        queues,
        line,
        capacity: workers.get(),
        results,
        state: Mutex::new(State {
            read: VecDeque::new(),
            free: workers.get(),
            ended: false,
        }),
        room: Condvar::new(),
    });
    let ended = thread::scope(|scope| {
        let end = EndOfReading(Arc::downgrade(&ahead));
        let reader = thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || read(files, passes, &ahead, interrupt))
            .map_err(Error::Spawn)?;
        // When the reader and the last task are gone, all senders are dropped and the loop ends.
        let ended = loop {
            match done.recv_timeout(POLL) {
                Ok(done) => {
                    if let Err(error) = take(done) {
                        break Err(error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            }
            if interrupt.is_raised() {
                end.tell();
            }
        };
        end.tell();
        // Workers that still have results see that the receiver is gone.
        drop(done);
        let died = reader.join().is_err() || died.load(Ordering::Relaxed);
        ended.and(if died {
            Err(Error::Died.into())
        } else {
            Ok(())
        })
    });
    drop(threads);
    ended
}

/// Stops the reader if it is still reading.
struct EndOfReading(std::sync::Weak<ReadAhead>);

impl EndOfReading {
    fn tell(&self) {
        if let Some(ahead) = self.0.upgrade() {
            ahead.lock().ended = true;
            ahead.room.notify_all();
        }
    }
}

/// Reads all inputs `passes` times. One that cannot be read is reported as done at once.
fn read(files: &Files, passes: NonZero<u32>, ahead: &Arc<ReadAhead>, interrupt: &Interrupt) {
    let mut sequence = 0;
    for _ in 0..passes.get() {
        for (source, frame) in files.pass(sequence) {
            let sent = match frame {
                Ok(frame) => ReadAhead::push(ahead, frame),
                // Standard input whose reading a signal ended is not a failed frame.
                Err(_) if interrupt.is_raised() => return,
                Err(error) => {
                    let unread = Done::Unread {
                        sequence,
                        source,
                        error,
                    };
                    ahead.results.send(unread).is_ok()
                }
            };
            if !sent || interrupt.is_raised() {
                return;
            }
            sequence += 1;
        }
    }
}

/// Frames that were read and are not admitted yet.
struct ReadAhead {
    /// Set where the workers are gone.
    died: Arc<AtomicBool>,
    queues: Arc<TaskQueues>,
    line: LineId,
    capacity: usize,
    results: SyncSender<Done>,
    state: Mutex<State>,
    /// Notified when a frame is taken out, and at the end.
    room: Condvar,
}

struct State {
    read: VecDeque<Frame>,
    /// How many more frames may be in progress.
    free: usize,
    ended: bool,
}

impl ReadAhead {
    /// Admits a frame, or keeps it until one in progress is done. Waits while enough are kept.
    /// Returns whether more frames are wanted.
    fn push(this: &Arc<Self>, frame: Frame) -> bool {
        let state = this.lock();
        let full = |state: &mut State| {
            !state.ended && state.free == 0 && state.read.len() >= this.capacity
        };
        let waited = this.room.wait_while(state, full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return false;
        }
        if state.free == 0 {
            state.read.push_back(frame);
            return true;
        }
        state.free -= 1;
        drop(state);
        Self::admit(this, frame);
        true
    }

    fn admit(this: &Arc<Self>, frame: Frame) {
        let own = Arc::clone(this);
        let task = Task::new(frame, Stamp::now(), move |answer| {
            if own.results.send(Done::Answer(answer)).is_err() {
                own.lock().ended = true;
                own.room.notify_all();
            }
            Self::next(&own);
        });
        if let Err((_, task)) = this.queues.send(this.line, task) {
            // There are no workers any more, so the run is over.
            task.withdraw();
            this.died.store(true, Ordering::Relaxed);
            this.lock().ended = true;
            this.room.notify_all();
        }
    }

    /// Called when a frame is done: admits the next one that was read.
    fn next(this: &Arc<Self>) {
        let mut state = this.lock();
        let next = if state.ended {
            None
        } else {
            state.read.pop_front()
        };
        if next.is_none() {
            state.free += 1;
        }
        drop(state);
        if let Some(frame) = next {
            this.room.notify_one();
            Self::admit(this, frame);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Safe after a panic: each critical section leaves the state consistent at each step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
