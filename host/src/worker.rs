//! One thread that owns its instances, and its twin where there is one.
//!
//! A frame goes through the plugin, and with a twin through the twin on the same thread right
//! before or after, the two taking turns at going first, so that neither has the warmer caches. A frame's
//! own deadline ends the plugin's run of it; the twin's, which nothing can end, runs on.
//! The ledger is opened when the frame is admitted and closed when its outputs are there; the
//! twin's run is outside of it. A frame that fails leaves the worker in use.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::SyncSender},
};

use tollgate_runtime::{
    Error, Fault, Frame, Grants, GuestFault, Ledger, Limits, Missing, NnHost, Output, Plugin,
    Policy, Pool, Record, Twin, TwinRecord,
    clock::{Deadline, Stamp},
};

use crate::{
    dispatch::{Queues, Refusal, Turn},
    ingress::files,
    interrupt::Interrupt,
};

/// What every worker of a run is made from.
#[derive(Clone)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Setup {
    pub plugin: Arc<Plugin>,
    pub nn: NnHost,
    pub grants: Grants,
    pub limits: Limits,
    pub policy: Policy,
    /// The twin's library.
    pub twin: Option<PathBuf>,
}

/// A frame on its way to a worker.
#[derive(Debug)]
pub struct Job {
    /// Which pass over the inputs it belongs to, from zero.
    pub pass: u32,
    /// The frame.
    pub frame: Frame,
}

/// What came of a frame.
#[derive(Debug)]
pub struct Done {
    /// The frame's number, counted over all passes from zero.
    pub sequence: u64,
    /// Which pass over the inputs it belongs to, from zero.
    pub pass: u32,
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
    /// It could not be read.
    #[error(transparent)]
    Input(files::Error),
    /// It was too late before anything was done for it.
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
}

impl Failure {
    /// What failed, in the word that reports have for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Refused(_) => "refused",
            Self::Fault(fault) => match fault {
                Fault::InvalidFrame(_) => "invalid-frame",
                Fault::Inference(_) => "inference",
                Fault::Internal(_) => "internal",
            },
            Self::Instance(Error::Guest(GuestFault::Deadline { .. })) => "deadline",
            Self::Instance(Error::Guest(GuestFault::Limit { .. })) => "limit",
            Self::Instance(Error::Guest(_)) => "trap",
            Self::Instance(_) => "host",
            Self::Twin(_) | Self::TwinFault(_) => "twin",
        }
    }
}

/// Takes frames from the queues until they are at their end, a signal asks for the end, or nobody
/// wants results any more.
pub fn work(
    setup: &Setup,
    queues: &Queues<Job>,
    results: &SyncSender<Result<Done, Error>>,
    interrupt: &Interrupt,
) {
    let _leave = Leave(queues);
    let mut worker = match Worker::new(setup) {
        Ok(worker) => worker,
        Err(error) => {
            // Nobody there to tell means that the run is over already.
            results.send(Err(error)).ok();
            return;
        }
    };
    while let Some(turn) = queues.take() {
        worker.missing = Missing::default();
        let (job, outcome) = match turn {
            Turn::Work(plugin, job, deadline) => {
                let begin = Stamp::now();
                let outcome = worker.handle(&job.frame, deadline);
                queues.done(plugin, Stamp::now().nanos_since(begin));
                (job, outcome)
            }
            Turn::Refused(_, job, refusal) => (job, Err(Failure::Refused(refusal))),
        };
        let done = Done {
            sequence: job.frame.sequence,
            pass: job.pass,
            source: job.frame.source,
            outcome,
            missing: worker.missing,
        };
        if results.send(Ok(done)).is_err() || interrupt.is_raised() {
            return;
        }
    }
}

/// Takes a worker off the queues' list however it ends.
struct Leave<'a>(&'a Queues<Job>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// What one thread owns.
struct Worker {
    pool: Pool,
    twin: Option<Twin>,
    twin_first: bool,
    /// Of the frame that is being handled.
    missing: Missing,
}

impl Worker {
    fn new(setup: &Setup) -> Result<Self, Error> {
        let twin = setup
            .twin
            .as_deref()
            .map(|path| Twin::load(path, setup.nn.clone(), &setup.grants, &setup.limits));
        let pool = Pool::new(
            Arc::clone(&setup.plugin),
            setup.nn.clone(),
            setup.grants.clone(),
            setup.limits.clone(),
            setup.policy,
        );
        Ok(Self {
            pool,
            twin: twin.transpose()?,
            twin_first: false,
            missing: Missing::default(),
        })
    }

    fn handle(&mut self, frame: &Frame, deadline: Option<Deadline>) -> Result<Success, Failure> {
        let Some(twin) = &mut self.twin else {
            let (outputs, record) = plugin(&mut self.pool, frame, deadline, &mut self.missing)?;
            return Ok(Success {
                outputs,
                record,
                memory_bytes: self.pool.memory_bytes(),
                twin: None,
            });
        };
        self.twin_first = !self.twin_first;
        let missing = &mut self.missing;
        let (ours, theirs) = if self.twin_first {
            let theirs = twin.handle(frame);
            (plugin(&mut self.pool, frame, deadline, missing), theirs)
        } else {
            let ours = plugin(&mut self.pool, frame, deadline, missing);
            (ours, twin.handle(frame))
        };
        let (outputs, record) = ours?;
        let (theirs, twin_record) = theirs;
        let theirs = theirs.map_err(Failure::Twin)?.map_err(Failure::TwinFault)?;
        let twin = TwinRun {
            record: twin_record,
            differs: theirs != outputs,
        };
        Ok(Success {
            outputs,
            record,
            memory_bytes: self.pool.memory_bytes(),
            twin: Some(twin),
        })
    }
}

/// One frame through the plugin, its ledger opened and closed.
fn plugin(
    pool: &mut Pool,
    frame: &Frame,
    deadline: Option<Deadline>,
    missing: &mut Missing,
) -> Result<(Vec<Output>, Record), Failure> {
    let mut ledger = Ledger::open();
    ledger.start();
    let outcome = pool.handle_by(frame, deadline, &mut ledger);
    let record = ledger.close();
    *missing = record.missing;
    let outputs = outcome
        .map_err(Failure::Instance)?
        .map_err(Failure::Fault)?;
    Ok((outputs, record))
}
