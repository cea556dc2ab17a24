//! What bounds an instance's memories and tables while they grow.

use wasmtime::ResourceLimiter;

use tollgate_services::{Limit, Limits};

/// Bounds memories and tables. It remembers what it denied, to explain the trap that mostly follows.
pub(crate) struct Limiter {
    memory: Bound,
    table: Bound,
    pub(crate) denied: Option<(Limit, String)>,
}

/// The size of all memories, or of all tables, of an instance together, with its limit.
struct Bound {
    which: Limit,
    unit: &'static str,
    limit: usize,
    used: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        let bound = |which, unit, limit| Bound {
            which,
            unit,
            limit,
            used: 0,
        };
        Self {
            memory: bound(Limit::MemoryBytes, "bytes of memory", limits.memory_bytes),
            table: bound(Limit::TableElements, "table entries", limits.table_elements),
            denied: None,
        }
    }

    /// Bytes of linear memory in use.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.used
    }
}

impl Bound {
    /// Counts a growth.
    ///
    /// # Errors
    ///
    /// The limit and a message, if it does not fit.
    fn grow(&mut self, current: usize, desired: usize) -> Result<(), (Limit, String)> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            let text = format!("at most {} {}, {used} asked for", self.limit, self.unit);
            return Err((self.which, text));
        }
        self.used = used;
        Ok(())
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let denied = self.memory.grow(current, desired).err();
        let fits = denied.is_none();
        self.denied = denied.or(self.denied.take());
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let denied = self.table.grow(current, desired).err();
        let fits = denied.is_none();
        self.denied = denied.or(self.denied.take());
        Ok(fits)
    }
}
