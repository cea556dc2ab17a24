//! A plugin and its twin on the same frames, on the same thread right after each other.
//!
//! The two take turns at going first, so that neither has the warmer caches. A frame's own deadline ends
//! the plugin's run of it; the twin's, which nothing can end, runs on. A twin stays on the thread that loaded
//! it, so each worker has one of its own.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tollgate_runtime::{Error, Frame, Grants, Ledger, Limits, NnHost, Twin, clock::Deadline};

use crate::{
    Deployment,
    handler::{Handler, Local},
    task::{Failure, Handled, TwinRun},
};

/// Where twins of one library are kept on workers' threads.
pub struct Twins {
    library: PathBuf,
    nn: NnHost,
    grants: Grants,
    limits: Limits,
    number: u64,
}

impl Twins {
    /// Loads the library once, to see that it is a twin.
    ///
    /// # Errors
    ///
    /// [`Error::Twin`].
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
            number: Local::number(),
        })
    }

    /// Lends this thread's twin, loaded with its first frame.
    ///
    /// # Errors
    ///
    /// [`Error::Twin`] where it cannot be loaded.
    pub fn with<T>(
        &self,
        local: &mut Local,
        work: impl FnOnce(&mut Twin) -> T,
    ) -> Result<T, Error> {
        let mut twin = match local.take::<Twin>(self.number) {
            Some(twin) => twin,
            None => Box::new(Twin::load(
                &self.library,
                self.nn.clone(),
                &self.grants,
                &self.limits,
            )?),
        };
        let done = work(&mut twin);
        local.put(self.number, twin);
        Ok(done)
    }
}

/// A deployment with its twin beside it.
pub struct WithTwin {
    deployment: Arc<Deployment>,
    twins: Twins,
    twin_first: AtomicBool,
}

impl WithTwin {
    /// The two together.
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
        // What the twin took before is not the plugin's wait.
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
