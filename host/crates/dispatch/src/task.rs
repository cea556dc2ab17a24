//! A task: one frame on its way, when it is due, and where its answer goes.
//!
//! Its ledger opens when the frame is due and closes when the answer is handed over. A task is
//! always answered, even if it is dropped because its worker died or its line was removed.

use std::sync::Arc;

use tollgate_nn::clock::Stamp;
use tollgate_runtime::{Error, GuestFault};
use tollgate_services::{Fault, Frame, Ledger, Missing, Output, Record, TwinRecord};

use crate::{LineId, Queues, Refusal};

/// One frame on its way through a deployment.
pub struct Task(Box<Way>);

/// The contents of a task, boxed since tasks are moved through queues.
struct Way {
    frame: Frame,
    due: Stamp,
    ledger: Ledger,
    reply: Reply,
}

impl Task {
    /// A frame that is due at a moment, and what is told its answer: on the worker's thread, or on the one that
    /// gives the task up.
    pub fn new(frame: Frame, due: Stamp, reply: impl FnOnce(Answer) + Send + 'static) -> Self {
        let to = Addressee {
            sequence: frame.sequence,
            source: Arc::clone(&frame.source),
        };
        Self(Box::new(Way {
            frame,
            due,
            ledger: Ledger::open_at(due),
            reply: Reply(Some((to, Box::new(reply)))),
        }))
    }

    /// Cancels the task without an answer, after a refusal that came at once.
    pub fn withdraw(mut self) -> Frame {
        self.0.reply.0 = None;
        self.0.frame
    }

    /// Splits the task into the frame with its ledger, and where its answer goes.
    pub(crate) fn begin(self) -> (Frame, Ledger, Reply) {
        let Way {
            frame,
            ledger,
            reply,
            ..
        } = *self.0;
        (frame, ledger, reply)
    }

    /// Answers that the frame was refused.
    pub(crate) fn refuse(self, refusal: Refusal) {
        let mut reply = self.0.reply;
        reply.tell(Handled::failed(Failure::Refused(refusal)), None);
    }
}

impl<H: Clone> Queues<Task, H> {
    /// Sends a task to a line, or refuses it at once.
    ///
    /// # Errors
    ///
    /// The refusal, and the task back. If that is dropped, it is answered as [`Failure::Dropped`].
    pub fn send(&self, line: LineId, task: Task) -> Result<(), (Refusal, Task)> {
        let due = task.0.due;
        self.admit(line, task, due)
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("source", &self.0.frame.source)
            .field("sequence", &self.0.frame.sequence)
            .finish_non_exhaustive()
    }
}

type Told = Box<dyn FnOnce(Answer) + Send>;

/// The frame that an answer belongs to.
struct Addressee {
    sequence: u64,
    source: Arc<str>,
}

/// Where an answer goes. It is answered exactly once, at the latest when it is dropped.
pub(crate) struct Reply(Option<(Addressee, Told)>);

impl Reply {
    /// Tells what a worker made of the frame.
    pub(crate) fn answer(mut self, handled: Handled, worker: usize) {
        self.tell(handled, Some(worker));
    }

    fn tell(&mut self, Handled { outcome, missing }: Handled, worker: Option<usize>) {
        if let Some((to, told)) = self.0.take() {
            told(Answer {
                sequence: to.sequence,
                source: to.source,
                outcome,
                missing,
                worker,
            });
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.tell(Handled::failed(Failure::Dropped), None);
    }
}

/// The result of a frame, without the frame's number and name.
pub struct Handled {
    /// Its outputs and times, or why there are none.
    pub outcome: Result<Success, Failure>,
    /// What the plugin asked for and was not granted.
    pub missing: Missing,
}

impl Handled {
    /// The result of a frame that was done, where nothing was missing.
    pub fn done(success: Success) -> Self {
        Self {
            outcome: Ok(success),
            missing: Missing::default(),
        }
    }

    /// The result of a frame that failed, where nothing was missing.
    pub fn failed(failure: Failure) -> Self {
        Self {
            outcome: Err(failure),
            missing: Missing::default(),
        }
    }
}

/// The result of a frame.
#[derive(Debug)]
pub struct Answer {
    /// The frame's number.
    pub sequence: u64,
    /// The frame's name.
    pub source: Arc<str>,
    /// Its outputs and times, or why there are none.
    pub outcome: Result<Success, Failure>,
    /// What the plugin asked for and was not granted.
    pub missing: Missing,
    /// The number of the worker that handled it; none where none did.
    pub worker: Option<usize>,
}

/// The result of a frame that was done.
#[derive(Debug)]
pub struct Success {
    /// The plugin's outputs.
    pub outputs: Vec<Output>,
    /// The times and counts of its stages.
    pub record: Record,
    /// The instance's linear memory after the frame, in bytes; `None` if the instance was not kept.
    pub memory_bytes: Option<usize>,
    /// The twin's run of the same frame, where there is a twin.
    pub twin: Option<TwinRun>,
}

/// A twin's run of a frame.
#[derive(Debug)]
pub struct TwinRun {
    /// The times of its stages.
    pub record: TwinRecord,
    /// Whether its outputs differ from the plugin's.
    pub differs: bool,
}

/// Why a frame failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was refused.
    #[error(transparent)]
    Refused(Refusal),
    /// The plugin reported an error.
    #[error("{0}")]
    Fault(Fault),
    /// The instance failed: a trap, a limit, a deadline.
    #[error(transparent)]
    Instance(Error),
    /// The plugin was done, and its twin failed.
    #[error("the twin failed where the plugin did not")]
    Twin(#[source] tollgate_twin::Error),
    /// The plugin was done, and its twin reported an error.
    #[error("the twin refused what the plugin did not: {0}")]
    TwinFault(Fault),
    /// Its worker's thread panicked, or its line was removed before a worker took it.
    #[error(
        "nothing worked on it to its end: where a worker thread died that is a fault of tollgate's own, report what it said"
    )]
    Dropped,
}

impl Failure {
    /// The kind of failure, with the name that reports use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Fault(fault) => match fault {
                Fault::InvalidFrame(_) => "invalid-frame",
                Fault::Inference(_) => "inference",
                Fault::Internal(_) => "internal",
            },
            Self::Instance(Error::Guest(GuestFault::Deadline { .. })) => "deadline",
            Self::Instance(Error::Guest(GuestFault::Limit { .. })) => "limit",
            Self::Instance(Error::Guest(_)) => "trap",
            Self::Instance(_) | Self::Dropped => "host",
            Self::Twin(_) | Self::TwinFault(_) => "twin",
        }
    }

    /// Whether the frame's deadline or a limit on its time ended it.
    pub fn is_late(&self) -> bool {
        match self {
            Self::Refused(refusal) => !matches!(refusal, Refusal::Full(_) | Refusal::Closed),
            Self::Instance(Error::Guest(GuestFault::Deadline { .. })) => true,
            Self::Instance(Error::Nn(error)) => error.code() == tollgate_nn::ErrorCode::Timeout,
            _ => false,
        }
    }
}
