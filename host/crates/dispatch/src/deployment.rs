//! A deployment: an immutable plugin with its settings, and its warm instances.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Builder},
};

use tollgate_nn::{clock::Deadline, cores};
use tollgate_runtime::{Plugin, Policy, Pool};
use tollgate_services::{Frame, Grants, Ledger, Limits, NnHost};

use crate::{
    handler::{Handler, Local},
    stack::Stack,
    task::{Failure, Handled, Success},
};

/// A plugin with its graphs, grants and limits, immutable once it is made. Its idle instances are
/// kept on a stack, so that any worker takes the one that was used last.
pub struct Deployment {
    plugin: Arc<Plugin>,
    nn: NnHost,
    grants: Grants,
    limits: Limits,
    policy: Policy,
    warm: Stack<Pool>,
}

impl Deployment {
    /// Makes a deployment without instances; the first frames make them.
    pub fn new(
        plugin: Arc<Plugin>,
        nn: NnHost,
        grants: Grants,
        limits: Limits,
        policy: Policy,
    ) -> Self {
        Self {
            plugin,
            nn,
            grants,
            limits,
            policy,
            warm: Stack::default(),
        }
    }

    /// The graphs.
    pub fn nn(&self) -> &NnHost {
        &self.nn
    }

    /// Sees to it that there are `instances` of them, each of which has handled the frame `frames` times, on as
    /// many threads as there are cores. Nothing is at work meanwhile, and `stop` ends it early. What is wrong
    /// with the frame is said when it is measured.
    pub fn warm_up(
        &self,
        instances: usize,
        frame: &Frame,
        frames: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) {
        let missing = instances.saturating_sub(self.warm.count());
        let next = AtomicUsize::new(0);
        let work = || {
            while next.fetch_add(1, Ordering::Relaxed) < missing && !stop() {
                self.warm.put(self.warm_pool(frame, frames));
            }
        };
        thread::scope(|scope| {
            for _ in 1..missing.min(cores()) {
                // Where the system gives no thread this one does it.
                Builder::new().spawn_scoped(scope, work).ok();
            }
            work();
        });
    }

    fn warm_pool(&self, frame: &Frame, frames: usize) -> Pool {
        let mut pool = self.pool();
        if matches!(self.policy, Policy::Warm { .. }) {
            for _ in 0..frames {
                let mut ledger = Ledger::open();
                ledger.start();
                pool.handle(frame, &mut ledger).ok();
            }
        }
        pool
    }

    /// The number of idle instances.
    pub fn idle(&self) -> usize {
        self.warm.count()
    }

    /// How many of the first `instances` instances are kept, and their linear memory in bytes
    /// together.
    pub fn memory(&self, instances: usize) -> (u64, u64) {
        let bytes = self.warm.each(Pool::memory_bytes);
        let kept = bytes.into_iter().flatten().take(instances);
        kept.fold((0, 0), |(count, sum), bytes| {
            (count + 1, sum + bytes as u64)
        })
    }

    fn pool(&self) -> Pool {
        Pool::new(
            Arc::clone(&self.plugin),
            self.nn.clone(),
            self.grants.clone(),
            self.limits.clone(),
            self.policy,
        )
    }
}

impl Handler for Deployment {
    fn handle(
        &self,
        frame: &Frame,
        deadline: Option<Deadline>,
        mut ledger: Ledger,
        _: &mut Local,
    ) -> Handled {
        let mut pool = self.warm.take().unwrap_or_else(|| self.pool());
        let result = pool.handle_by(frame, deadline, &mut ledger);
        let memory_bytes = pool.memory_bytes();
        self.warm.put(pool);
        let record = ledger.close();
        let outputs = result
            .map_err(Failure::Instance)
            .and_then(|outputs| outputs.map_err(Failure::Fault));
        Handled {
            missing: record.missing,
            outcome: outputs.map(|outputs| Success {
                outputs,
                record,
                memory_bytes,
                twin: None,
            }),
        }
    }
}
