//! Worker threads, which take tasks from the queues and hand them to their line's handler.
//!
//! If a thread panics, its task is still answered and the thread is replaced. The panic is a fault
//! of ours, and other lines must not stop because of it.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, Builder, JoinHandle},
};

use crate::{TaskQueues, handler::Local};

/// The worker threads. Dropping them closes the queues and waits until the waiting tasks are
/// processed.
pub struct Workers(Arc<Shared>);

struct Shared {
    queues: Arc<TaskQueues>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Makes an empty set of workers.
    pub fn new(queues: Arc<TaskQueues>) -> Self {
        Self(Arc::new(Shared {
            queues,
            threads: Mutex::default(),
        }))
    }

    /// Starts `count` workers.
    ///
    /// # Errors
    ///
    /// The system cannot start another thread.
    pub fn start(queues: Arc<TaskQueues>, count: usize) -> io::Result<Self> {
        let workers = Self::new(queues);
        workers.grow(count)?;
        Ok(workers)
    }

    /// Sees to it that those of the numbers below `count` are there, one that could not be replaced included.
    ///
    /// # Errors
    ///
    /// The system cannot start another thread.
    pub fn grow(&self, count: usize) -> io::Result<()> {
        let mut missing = (0..count).filter(|&number| !self.0.queues.has(number));
        missing.try_for_each(|number| start(&self.0, number))
    }

    /// The queues that the workers take from.
    pub fn queues(&self) -> &Arc<TaskQueues> {
        &self.0.queues
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.queues.close();
        loop {
            // One at a time: a thread that panics adds its replacement to this list.
            let mut threads = self
                .0
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let Some(thread) = threads.pop() else { return };
            drop(threads);
            // The panic itself was reported when it happened.
            thread.join().ok();
        }
    }
}

fn start(shared: &Arc<Shared>, number: usize) -> io::Result<()> {
    let own = Arc::clone(shared);
    // Before the thread runs, so that the caller can count on the worker.
    shared.queues.enter(number);
    let thread = Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            let _place = Place {
                shared: own.clone(),
                number,
            };
            work(&own.queues, number);
        });
    match thread {
        Ok(thread) => {
            let mut threads = shared
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            threads.retain(|thread| !thread.is_finished());
            threads.push(thread);
            Ok(())
        }
        Err(error) => {
            shared.queues.leave(number);
            Err(error)
        }
    }
}

/// A worker's number; dropped in a panic, it starts a replacement.
struct Place {
    shared: Arc<Shared>,
    number: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.shared.queues.leave(self.number);
            return;
        }
        tracing::error!(number = self.number, "a worker died and is replaced");
        if let Err(error) = start(&self.shared, self.number) {
            tracing::error!(%error, "it could not be replaced");
        }
    }
}

fn work(queues: &TaskQueues, number: usize) {
    let mut local = Local::default();
    while let Some(turn) = queues.take(number) {
        match turn.work {
            Ok((deadline, busy)) => {
                let (frame, mut ledger, reply) = turn.job.begin();
                ledger.start();
                let handled = turn.handler.handle(&frame, deadline, ledger, &mut local);
                // Free before the answer is told, which may bring the next frame.
                drop(busy);
                reply.answer(handled, number);
                // It may be one that was swapped out, whose end is no part of its last frame.
                drop(turn.handler);
                local.sweep();
            }
            Err(refusal) => turn.job.refuse(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZero, sync::mpsc, time::Duration};

    use tollgate_nn::{
        Priority,
        clock::{Deadline, Stamp},
    };
    use tollgate_services::{Frame, Ledger};

    use super::*;
    use crate::{Admission, Answer, Failure, Handled, Handler, LineId, Queues, Success, Task};

    /// Returns no outputs; panics at each third frame.
    struct Brittle;

    impl Handler for Brittle {
        fn handle(
            &self,
            frame: &Frame,
            _: Option<Deadline>,
            ledger: Ledger,
            _: &mut Local,
        ) -> Handled {
            assert!(frame.sequence % 3 != 2, "a handler that panics, on purpose");
            Handled::done(Success {
                outputs: Vec::new(),
                record: ledger.close(),
                memory_bytes: None,
                twin: None,
            })
        }
    }

    fn frame(sequence: u64) -> Frame {
        Frame {
            sequence,
            source: "frame".into(),
            content_type: "".into(),
            acquired_ns: 0,
            data: Vec::new().into(),
        }
    }

    fn line(queues: &TaskQueues, capacity: usize) -> LineId {
        let admission = Admission {
            capacity: NonZero::new(capacity).unwrap(),
            deadline: None,
            priority: Priority::Normal,
        };
        queues.open(admission, Arc::new(Brittle))
    }

    fn send(queues: &TaskQueues, line: LineId, sequence: u64, to: &mpsc::Sender<Answer>) {
        let (to, now) = (to.clone(), Stamp::now());
        let task = Task::new(frame(sequence), now, move |answer| to.send(answer).unwrap());
        queues.send(line, task).unwrap();
    }

    #[test]
    fn a_worker_that_dies_answers_its_task_and_is_replaced() {
        let queues: Arc<TaskQueues> = Arc::new(Queues::new(2));
        let line = line(&queues, 100);
        let workers = Workers::start(Arc::clone(&queues), 2).unwrap();
        let (to, answers) = mpsc::channel();
        for sequence in 0..60 {
            send(&queues, line, sequence, &to);
        }
        drop(to);
        let mut answers: Vec<Answer> = answers.iter().collect();
        answers.sort_by_key(|answer| answer.sequence);
        assert_eq!(answers.len(), 60);
        for answer in &answers {
            let dropped = matches!(answer.outcome, Err(Failure::Dropped));
            assert_eq!(dropped, answer.sequence % 3 == 2, "{}", answer.sequence);
        }
        assert!(queues.has(0) && queues.has(1));
        assert!(queues.drain(line, Duration::from_secs(60)));
        drop(workers);
        assert!(!queues.has(0) && !queues.has(1));
    }

    #[test]
    fn every_task_is_answered_when_the_workers_end_and_when_it_is_given_up() {
        let queues: Arc<TaskQueues> = Arc::new(Queues::new(1));
        let (worked_on, given_up) = (line(&queues, 10), line(&queues, 10));
        let (to, answers) = mpsc::channel();
        for sequence in [0, 1, 3] {
            send(&queues, worked_on, sequence, &to);
            send(&queues, given_up, sequence, &to);
        }
        drop(queues.clear(given_up));
        let dropped: Vec<Answer> = answers.try_iter().collect();
        assert_eq!(dropped.len(), 3);
        assert!(
            dropped
                .iter()
                .all(|one| matches!(one.outcome, Err(Failure::Dropped)))
        );
        drop(Workers::start(Arc::clone(&queues), 1).unwrap());
        let done: Vec<Answer> = answers.try_iter().collect();
        assert_eq!(done.len(), 3);
        assert!(done.iter().all(|one| one.outcome.is_ok()));
    }
}
