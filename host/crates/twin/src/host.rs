//! What a twin calls: its graphs and buckets, and the time that it spent in them.
//!
//! Each function of the host reaches the [`Host`] through the pointer that the twin passes back. The twin runs
//! on one thread and calls one function at a time, and the host touches the `Host` only while the twin is not
//! running, so each access is exclusive.

use std::{ptr::NonNull, sync::Arc};

use tollgate_nn::{
    Error as NnError, Graph, Scratch,
    clock::{Budget, Deadline, Stamp},
};
use tollgate_twin_abi as abi;

use tollgate_services::{Bucket, Grants, Limits, NnHost, Services};

pub(super) struct Host {
    table: abi::Host,
    pub(super) nn: NnHost,
    pub(super) scratch: Scratch,
    pub(super) graphs: Vec<Option<Arc<Graph>>>,
    pub(super) services: Services,
    pub(super) buckets: Vec<Option<Arc<dyn Bucket>>>,
    pub(super) inference: Budget,
    deadline: Option<Budget>,
    /// The deadline of the current frame.
    pub(super) until: Option<Deadline>,
    pub(super) infer_ns: u64,
    pub(super) in_host_ns: u64,
    pub(super) keyvalue_ns: u64,
}

impl Host {
    /// `table` has the host's functions.
    pub(super) fn new(
        table: abi::Host,
        nn: NnHost,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<Self, NnError> {
        Ok(Self {
            table,
            scratch: Scratch::with(nn.caller)?,
            nn,
            graphs: Vec::new(),
            services: Services::new(grants, limits),
            buckets: Vec::new(),
            inference: Budget::new(limits.inference),
            deadline: limits.deadline.map(Budget::new),
            until: None,
            infer_ns: 0,
            in_host_ns: 0,
            keyvalue_ns: 0,
        })
    }

    /// The table of a host, which must not be moved.
    pub(super) fn table(host: NonNull<Host>) -> *const abi::Host {
        // SAFETY: `host` is valid, and there is no other reference yet.
        unsafe {
            (*host.as_ptr()).table.host = host.as_ptr().cast();
            &raw const (*host.as_ptr()).table
        }
    }

    /// A frame begins.
    pub(super) fn begin(&mut self) {
        (self.infer_ns, self.in_host_ns, self.keyvalue_ns) = (0, 0, 0);
        let now = Stamp::now();
        self.until = self.deadline.map(|deadline| deadline.from(now));
        self.services.begin(self.until);
    }

    /// Time in runs, in all of the host's functions, and in buckets, since the frame began.
    pub(super) fn spent(&self) -> (u64, u64, u64) {
        (self.infer_ns, self.in_host_ns, self.keyvalue_ns)
    }
}
