//! Runs a plugin and its twin on the same frames, on the same thread and right after each other.
//!
//! They go first in alternation, so that neither has the warmer caches. A frame's deadline ends the
//! plugin's run; the twin's cannot be ended and runs on. A twin stays on the thread that loaded it,
//! so each worker has its own.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tollgate_nn::clock::Deadline;
use tollgate_services::{Frame, Grants, Ledger, Limits, NnHost};
use tollgate_twin::{Error, Twin};

use crate::{
    Deployment,
    handler::{Handler, Kept, Local},
    task::{Failure, Handled, TwinRun},
};

/// The twins of one library, of which each worker's thread keeps its own.
pub struct Twins {
    library: PathBuf,
    nn: NnHost,
    grants: Grants,
    limits: Limits,
    kept: Kept,
}

impl Twins {
    /// Loads the library once, to check that it is a twin.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`].
    pub fn new(
        library: PathBuf,
        nn: NnHost,
        grants: Grants,
        limits: Limits,
    ) -> Result<Self, Error> {
        Twin::load(&library, nn.clone(), &grants, &limits)?;
        Ok(Self {
            library,
            nn,
            grants,
            limits,
            kept: Kept::default(),
        })
    }

    /// Calls `work` with this thread's twin, which is loaded at its first frame.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] if it cannot be loaded.
    pub fn with<T>(
        &self,
        local: &mut Local,
        work: impl FnOnce(&mut Twin) -> T,
    ) -> Result<T, Error> {
        let mut twin = match local.take::<Twin>(&self.kept) {
            Some(twin) => twin,
            None => Box::new(Twin::load(
                &self.library,
                self.nn.clone(),
                &self.grants,
                &self.limits,
            )?),
        };
        let done = work(&mut twin);
        local.put(&self.kept, twin);
        Ok(done)
    }
}

/// A deployment with its twin.
pub struct WithTwin {
    deployment: Arc<Deployment>,
    twins: Twins,
    twin_first: AtomicBool,
}

impl WithTwin {
    /// Combines the two.
    pub fn new(deployment: Arc<Deployment>, twins: Twins) -> Self {
        Self {
            deployment,
            twins,
            twin_first: AtomicBool::new(false),
        }
    }
}

impl Handler for WithTwin {
    fn handle(
        &self,
        frame: &Frame,
        deadline: Option<Deadline>,
        mut ledger: Ledger,
        local: &mut Local,
    ) -> Handled {
        let first = !self.twin_first.fetch_xor(true, Ordering::Relaxed);
        let early = first.then(|| self.twins.with(local, |twin| twin.handle(frame)));
        // The time of a twin that ran first must not count as the plugin's waiting time.
        if first {
            ledger.leave_out();
        }
        let mut ours = self.deployment.handle(frame, deadline, ledger, local);
        let theirs = early.unwrap_or_else(|| self.twins.with(local, |twin| twin.handle(frame)));
        let Ok(success) = &mut ours.outcome else {
            return ours;
        };
        let run = theirs.and_then(|(outputs, record)| Ok((outputs?, record)));
        match run {
            Err(error) => ours.outcome = Err(Failure::Twin(error)),
            Ok((Err(fault), _)) => ours.outcome = Err(Failure::TwinFault(fault)),
            Ok((Ok(outputs), record)) => {
                success.twin = Some(TwinRun {
                    record,
                    differs: outputs != success.outputs,
                });
            }
        }
        ours
    }
}
