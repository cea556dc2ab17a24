//! Clients in a closed loop: each sends its next frame as soon as it has the answer to its last
//! one.
//!
//! A client has no thread of its own: the worker that answers a client also admits the client's
//! next frame. So even with many clients no thread has to wait for a core in the middle of a frame.

use std::{
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tollgate_dispatch::{
    Admission, Answer, Handler, Interrupt, LineId, Priority, Task, TaskQueues,
};
use tollgate_nn::clock::Stamp;
use tollgate_services::Frame;

use super::pending::Pending;

/// How often a signal is checked for.
const POLL: Duration = Duration::from_millis(50);

/// The frames that the clients send, and how long they send.
pub(super) struct Clients {
    pub(super) count: usize,
    /// Workers that take from the queues.
    pub(super) workers: usize,
    /// The frames, sent over and over.
    pub(super) frames: Arc<[Frame]>,
    /// The number of the next frame.
    pub(super) next: Arc<AtomicUsize>,
    pub(super) until: Stamp,
    pub(super) interrupt: Interrupt,
}

/// What one worker did: the frames that it answered, and when it answered the last one.
pub(super) type Did = (u64, Stamp);

/// Lets the clients send, and `take` each answer by the number of the worker that it comes from. Ends with the
/// frames that are being worked on; what still waits then is given up. Gives what each worker did.
pub(super) fn run(
    queues: &Arc<TaskQueues>,
    handler: Arc<dyn Handler>,
    clients: Clients,
    take: impl Fn(usize, &Answer) + Send + Sync + 'static,
) -> Vec<Did> {
    let admission = Admission {
        capacity: NonZero::new(clients.count).unwrap_or(NonZero::<usize>::MIN),
        deadline: None,
        priority: Priority::Normal,
    };
    let begin = Stamp::now();
    let workers = (0..clients.workers).map(|_| Mutex::new((0, begin)));
    let own = Arc::new(Loop {
        line: queues.open(admission, handler),
        queues: Arc::clone(queues),
        did: workers.collect(),
        pending: Pending::of(clients.count),
        clients,
        take,
    });
    for client in 0..own.clients.count {
        Loop::send(&own, client);
    }
    loop {
        let left = own.clients.until.nanos_since(Stamp::now());
        let wait = Duration::from_nanos(left).clamp(Duration::from_millis(1), POLL);
        if own.pending.wait(wait).is_some() {
            break;
        }
        if own.is_over(Stamp::now()) {
            for task in own.queues.clear(own.line) {
                task.withdraw();
                own.pending.one_done();
            }
        }
    }
    queues.drain(own.line, Duration::MAX);
    own.did.iter().map(|did| *lock(did)).collect()
}

struct Loop<F> {
    queues: Arc<TaskQueues>,
    line: LineId,
    clients: Clients,
    take: F,
    did: Vec<Mutex<Did>>,
    /// Counts the clients that still send.
    pending: Pending,
}

impl<F: Fn(usize, &Answer) + Send + Sync + 'static> Loop<F> {
    fn is_over(&self, now: Stamp) -> bool {
        now >= self.clients.until || self.clients.interrupt.is_raised()
    }

    fn send(this: &Arc<Self>, client: usize) {
        let Clients { frames, next, .. } = &this.clients;
        let number = next.fetch_add(1, Ordering::Relaxed) % frames.len().max(1);
        let Some(frame) = frames.get(number) else {
            return this.pending.one_done();
        };
        let own = Arc::clone(this);
        let task = Task::new(frame.clone(), Stamp::now(), move |answer| {
            Loop::answered(&own, client, &answer);
        });
        if let Err((_, task)) = this.queues.send(this.line, task) {
            // The queues are closed: there are no workers any more.
            task.withdraw();
            this.pending.one_done();
        }
    }

    fn answered(this: &Arc<Self>, client: usize, answer: &Answer) {
        let worker = answer.worker.unwrap_or_default();
        (this.take)(worker, answer);
        let now = Stamp::now();
        if let Some(did) = this.did.get(worker) {
            let mut did = lock(did);
            *did = (did.0 + 1, now);
        }
        if this.is_over(now) {
            this.pending.one_done();
        } else {
            Self::send(this, client);
        }
    }
}

fn lock(did: &Mutex<Did>) -> std::sync::MutexGuard<'_, Did> {
    // Safe after a panic: the value is written in one step.
    did.lock().unwrap_or_else(PoisonError::into_inner)
}
