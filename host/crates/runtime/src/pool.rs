//! The instances of one plugin on one worker thread: one that is kept, or a new one for each frame.

use std::sync::Arc;

use tollgate_services::{Fault, Frame, Grants, Ledger, Limits, NnHost, Output, Stage};

use crate::{Error, Instance, Plugin};
use tollgate_nn::clock::Deadline;

/// How long an instance lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is used again, until it traps, has had this many calls, or its linear memory has grown by more
    /// than half of what the limit allowed after its first frame. So a leak ends before a frame fails
    /// because of it.
    Warm {
        /// Calls before it is replaced by a new instance.
        max_calls: u64,
    },
    /// It serves one frame.
    Fresh,
}

impl Default for Policy {
    /// Warm, for a million frames: this ends a slow leak in a guest, and a new instance is too rare to cost
    /// anything measurable.
    fn default() -> Self {
        Policy::Warm {
            max_calls: 1_000_000,
        }
    }
}

/// The instances of one plugin, owned by one thread.
pub struct Pool {
    plugin: Arc<Plugin>,
    host: NnHost,
    grants: Grants,
    limits: Limits,
    policy: Policy,
    warm: Option<Warm>,
    recycled: u64,
}

/// An instance that is kept.
struct Warm {
    instance: Instance,
    calls: u64,
    /// The linear memory above which it is replaced, in bytes.
    most_memory: usize,
}

impl Pool {
    /// A pool with no instance yet: the first frame makes one.
    pub fn new(
        plugin: Arc<Plugin>,
        host: NnHost,
        grants: Grants,
        limits: Limits,
        policy: Policy,
    ) -> Self {
        Self {
            plugin,
            host,
            grants,
            limits,
            policy,
            warm: None,
            recycled: 0,
        }
    }

    /// How many usable instances were replaced.
    pub fn recycled(&self) -> u64 {
        self.recycled
    }

    /// Linear memory of the instance that is kept, in bytes; none if none is kept.
    pub fn memory_bytes(&self) -> Option<usize> {
        self.warm.as_ref().map(|warm| warm.instance.memory_bytes())
    }

    /// Lets an instance process a frame.
    ///
    /// # Errors
    ///
    /// As [`Instance::new`] and [`Instance::handle`]. The pool stays usable: an instance that failed is
    /// replaced for the next frame.
    pub fn handle(
        &mut self,
        frame: &Frame,
        ledger: &mut Ledger,
    ) -> Result<Result<Vec<Output>, Fault>, Error> {
        self.handle_by(frame, None, ledger)
    }

    /// As [`Pool::handle`], for a frame with a deadline of its own. If an instance is made for it, that time
    /// counts as well.
    ///
    /// # Errors
    ///
    /// As [`Pool::handle`].
    pub fn handle_by(
        &mut self,
        frame: &Frame,
        deadline: Option<Deadline>,
        ledger: &mut Ledger,
    ) -> Result<Result<Vec<Output>, Fault>, Error> {
        let mut warm = match self.warm.take() {
            Some(warm) => warm,
            None => {
                ledger.switch(Stage::Instantiate);
                let made = Instance::new(&self.plugin, &self.host, &self.grants, &self.limits);
                ledger.switch(Stage::Glue);
                Warm {
                    instance: made?,
                    calls: 0,
                    most_memory: 0,
                }
            }
        };
        let result = warm.instance.handle_by(frame, deadline, ledger);
        warm.calls += 1;
        let memory = warm.instance.memory_bytes();
        if warm.calls == 1 {
            warm.most_memory = memory + self.limits.memory_bytes.saturating_sub(memory) / 2;
        }
        let keep = match self.policy {
            Policy::Warm { max_calls } => {
                let young = warm.calls < max_calls && memory <= warm.most_memory;
                let usable = warm.instance.is_usable();
                self.recycled += u64::from(usable && !young);
                usable && young
            }
            Policy::Fresh => false,
        };
        if keep {
            self.warm = Some(warm);
        } else {
            ledger.switch(Stage::Instantiate);
            drop(warm);
            ledger.switch(Stage::Glue);
        }
        result
    }
}
