//! The graphs of an instance, and who it is that runs them.

use std::sync::Arc;

use tollgate_nn::{Caller, GraphOptions, GraphRegistry};

/// The graphs that instances may use, and the options for models from bytes.
#[derive(Clone)]
pub struct NnHost {
    /// Graphs by name.
    pub registry: Arc<GraphRegistry>,
    /// The options of graphs that guests load from bytes.
    pub options: GraphOptions,
    /// The owner and the priority of its instances' inferences.
    pub caller: Caller,
}

impl NnHost {
    /// These graphs, with the default owner and normal priority.
    pub fn new(registry: Arc<GraphRegistry>, options: GraphOptions) -> Self {
        Self {
            registry,
            options,
            caller: Caller::default(),
        }
    }
}
