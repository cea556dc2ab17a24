//! The sessions of one graph: made from a model and options, lent out for runs.
//!
//! On the CPU one session is shared by concurrent runs. On other devices there is a pool of sessions, each
//! of which runs one inference at a time. The permits bound how many run at once; no lock is held during a
//! run.

use std::sync::{Arc, Mutex, PoisonError};

use tollgate_ort::{Session, Source};

use crate::{
    Device, Error, GraphOptions,
    clock::Deadline,
    cores,
    scheduling::learning::Lesson,
    scheduling::permits::{MergePolicy, Permit, Permits, Waited, Waiter},
};

pub(crate) struct Sessions {
    sessions: Vec<Session>,
    /// The sessions that run nothing now; none on the CPU, where the one session is shared.
    idle: Option<Mutex<Vec<usize>>>,
    permits: Permits,
}

/// A session, lent for one run.
pub(crate) struct Loan<'a> {
    sessions: &'a Sessions,
    index: usize,
    permit: Permit<'a>,
}

impl Sessions {
    pub(crate) fn load(
        graph: &str,
        source: Source<'_>,
        options: &GraphOptions,
    ) -> Result<Self, Error> {
        let cores = cores();
        let shared = options.device == Device::Cpu;
        let count = if shared { 1 } else { options.sessions.get() };
        let sessions: Vec<Session> = (0..count)
            .map(|_| Session::load(graph, source, &options.session(cores)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            permits: Permits::new(count, None),
            idle: (!shared).then(|| Mutex::new((0..count).collect())),
            sessions,
        })
    }

    /// No session: the graph runs elsewhere.
    pub(crate) fn none() -> Self {
        Self {
            sessions: Vec::new(),
            idle: None,
            permits: Permits::new(0, None),
        }
    }

    /// The session that describes the graph.
    pub(crate) fn first(&self) -> Option<&Session> {
        self.sessions.first()
    }

    /// A session that is free now.
    #[inline(always)]
    pub(crate) fn try_lend(&self) -> Option<Loan<'_>> {
        self.loan(self.permits.try_acquire()?)
    }

    /// Waits for a session, until the caller gets a permit, another caller has run its inference, or its
    /// deadline passes.
    pub(crate) fn wait(
        &self,
        waiter: &Arc<Waiter>,
        deadline: Option<Deadline>,
    ) -> Waited<Loan<'_>> {
        match self.permits.wait(waiter, deadline) {
            Waited::Turn(permit) => self.loan(permit).map_or(Waited::Late, Waited::Turn),
            Waited::Answered => Waited::Answered,
            Waited::Late => Waited::Late,
        }
    }

    /// Sets how many runs of the one shared session may go on at once. On other devices than the CPU it is
    /// always one for each session. With a policy, the caller with a permit may run other inferences too.
    pub(crate) fn limit(&mut self, runs: usize, policy: Option<MergePolicy>) {
        let runs = if self.idle.is_none() {
            runs
        } else {
            self.sessions.len()
        };
        self.permits = Permits::new(runs, policy);
    }

    /// Measures how long the first runs take, and allows more at once if they are short.
    pub(crate) fn learn(&mut self, lesson: Lesson) {
        self.permits.learn(lesson);
    }

    #[inline(always)]
    fn loan<'a>(&'a self, permit: Permit<'a>) -> Option<Loan<'a>> {
        let index = match &self.idle {
            None => 0,
            // There are as many permits as sessions, so one is idle.
            Some(idle) => lock(idle).pop()?,
        };
        Some(Loan {
            sessions: self,
            index,
            permit,
        })
    }
}

impl<'a> Loan<'a> {
    pub(crate) fn permit(&mut self) -> &mut Permit<'a> {
        &mut self.permit
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.sessions.sessions.get(self.index)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        // The session is put back before the permit, which is dropped after this body.
        if let Some(idle) = &self.sessions.idle {
            lock(idle).push(self.index);
        }
    }
}

fn lock(idle: &Mutex<Vec<usize>>) -> std::sync::MutexGuard<'_, Vec<usize>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
