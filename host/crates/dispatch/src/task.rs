//! A task: one frame on its way, when it is due, and where its answer goes.
//!
//! Its ledger opens when the frame is due and closes when the answer is handed over. A task that is dropped
//! without an answer, since its worker died or its line went, is answered all the same.

use std::sync::Arc;

use tollgate_runtime::{
    Error, Fault, Frame, GuestFault, Ledger, Missing, Output, Record, TwinRecord, clock::Stamp,
};

use crate::{LineId, Queues, Refusal};

/// One frame on its way through a deployment.
pub struct Task(Box<Way>);

/// What a task has with it: boxed, since it goes through queues.
struct Way {
    frame: Frame,
    due: Stamp,
    ledger: Ledger,
    reply: Reply,
}

impl Task {
    /// A frame that is due at a moment, and what is told its answer, on the worker's thread.
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

    /// Gives it up without an answer, for a refusal that came at once.
    pub fn withdraw(mut self) -> Frame {
        self.0.reply.0 = None;
        self.0.frame
    }

    /// Taken apart: the frame with its ledger, and where its answer goes.
    pub(crate) fn begin(self) -> (Frame, Ledger, Reply) {
        let Way {
            frame,
            ledger,
            reply,
            ..
        } = *self.0;
        (frame, ledger, reply)
    }

    /// Answers that it was not worked on.
    pub(crate) fn refuse(self, refusal: Refusal) {
        let refused = Handled::failed(Failure::Refused(refusal));
        self.0.reply.answer(refused);
    }
}

impl<H: Clone> Queues<Task, H> {
    /// Sends a task to a line, or says at once why not.
    ///
    /// # Errors
    ///
    /// The refusal, and the task back: dropped, it is answered as [`Failure::Dropped`].
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

/// Which frame an answer is of.
struct Addressee {
    sequence: u64,
    source: Arc<str>,
}

/// Where an answer goes. It is told once, when it is dropped at the latest.
pub(crate) struct Reply(Option<(Addressee, Told)>);

impl Reply {
    pub(crate) fn answer(mut self, handled: Handled) {
        self.tell(handled);
    }

    fn tell(&mut self, Handled { outcome, missing }: Handled) {
        if let Some((to, told)) = self.0.take() {
            told(Answer {
                sequence: to.sequence,
                source: to.source,
                outcome,
                missing,
            });
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.tell(Handled::failed(Failure::Dropped));
    }
}

/// What came of a frame, before it is said of which.
pub struct Handled {
    /// Its outputs and times, or why there are none.
    pub outcome: Result<Success, Failure>,
    /// What the plugin asked for and did not get.
    pub missing: Missing,
}

impl Handled {
    /// A frame that went through a handler that misses nothing.
    pub fn done(success: Success) -> Self {
        Self {
            outcome: Ok(success),
            missing: Missing::default(),
        }
    }

    /// A frame that failed, of a handler that misses nothing.
    pub fn failed(failure: Failure) -> Self {
        Self {
            outcome: Err(failure),
            missing: Missing::default(),
        }
    }
}

/// What came of a frame.
#[derive(Debug)]
pub struct Answer {
    /// The frame's number.
    pub sequence: u64,
    /// The frame's name.
    pub source: Arc<str>,
    /// Its outputs and times, or why there are none.
    pub outcome: Result<Success, Failure>,
    /// What the plugin asked for and did not get.
    pub missing: Missing,
}

/// A frame that went through.
#[derive(Debug)]
pub struct Success {
    /// What the plugin made of it.
    pub outputs: Vec<Output>,
    /// Where its time went.
    pub record: Record,
    /// Linear memory of the instance after it, in bytes; none where the instance was not kept.
    pub memory_bytes: Option<usize>,
    /// What the twin did with it.
    pub twin: Option<TwinRun>,
}

/// What a twin did with a frame.
#[derive(Debug)]
pub struct TwinRun {
    /// Where its time went.
    pub record: TwinRecord,
    /// Whether its outputs are other bytes than the plugin's.
    pub differs: bool,
}

/// Why a frame failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was not worked on.
    #[error(transparent)]
    Refused(Refusal),
    /// The plugin could make nothing of it.
    #[error("{0}")]
    Fault(Fault),
    /// The instance failed: a trap, a limit, a deadline.
    #[error(transparent)]
    Instance(Error),
    /// The plugin did, and its twin did not.
    #[error("the twin failed where the plugin did not")]
    Twin(#[source] Error),
    /// The plugin made something of it, and its twin did not.
    #[error("the twin refused what the plugin did not: {0}")]
    TwinFault(Fault),
    /// Its worker's thread panicked, or its line went before its turn came.
    #[error(
        "nothing worked on it to its end: where a worker thread died that is a fault of tollgate's own, report what it said"
    )]
    Dropped,
}

impl Failure {
    /// What failed, in the word that reports have for it.
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

    /// Whether the frame's deadline, or a limit on its time, ended it.
    pub fn is_late(&self) -> bool {
        match self {
            Self::Refused(refusal) => !matches!(refusal, Refusal::Full(_) | Refusal::Closed),
            Self::Instance(Error::Guest(GuestFault::Deadline { .. })) => true,
            Self::Instance(Error::Nn(error)) => error.code() == tollgate_nn::ErrorCode::Timeout,
            _ => false,
        }
    }
}
