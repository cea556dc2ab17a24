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
use tollgate_runtime::{Frame, clock::Stamp};

use super::pending::Pending;

/// How often a signal is checked for.
const POLL: Duration = Duration::from_millis(50);

/// The frames that the clients send, and how long they send.
pub(super) struct Clients {
    pub(super) count: usize,
    /// The frames, sent in order and over again.
    pub(super) frames: Arc<[Frame]>,
    /// The number of the next frame.
    pub(super) next: Arc<AtomicUsize>,
    pub(super) until: Stamp,
    pub(super) interrupt: Interrupt,
}

/// What one client did: how many answers it got, and when it got the last one.
pub(super) type Did = (u64, Stamp);

/// Runs the clients, and calls `take` with each answer and the client's number. Returns when each
/// client has the answer to its last frame, with what each of them did.
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
    let own = Arc::new(Loop {
        line: queues.open(admission, handler),
        queues: Arc::clone(queues),
        did: (0..clients.count).map(|_| Mutex::new((0, begin))).collect(),
        pending: Pending::of(clients.count),
        clients,
        take,
    });
    for client in 0..own.clients.count {
        Loop::send(&own, client);
    }
    while own.pending.wait(POLL).is_none() {}
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
        (this.take)(client, answer);
        let now = Stamp::now();
        if let Some(did) = this.did.get(client) {
            let mut did = lock(did);
            *did = (did.0 + 1, now);
        }
        if now < this.clients.until && !this.clients.interrupt.is_raised() {
            Self::send(this, client);
        } else {
            this.pending.one_done();
        }
    }
}

fn lock(did: &Mutex<Did>) -> std::sync::MutexGuard<'_, Did> {
    // Safe after a panic: the value is written in one step.
    did.lock().unwrap_or_else(PoisonError::into_inner)
}
