//! The graphs of an instance, and who it is that runs them.

use std::sync::Arc;

use tollgate_nn::{Caller, GraphOptions, GraphRegistry, InProcess, Loading};

/// The graphs that instances may use, and the options for models from bytes.
#[derive(Clone)]
pub struct NnHost {
    /// Graphs by name.
    pub registry: Arc<GraphRegistry>,
    /// The options of graphs that guests load from bytes.
    pub options: GraphOptions,
    /// Where those are loaded.
    pub models: Arc<dyn Loading>,
    /// The owner and the priority of its instances' inferences.
    pub caller: Caller,
}

impl NnHost {
    /// These graphs, with the default owner and normal priority. Models from bytes are loaded in this process.
    pub fn new(registry: Arc<GraphRegistry>, options: GraphOptions) -> Self {
        Self {
            registry,
            options,
            models: Arc::new(InProcess),
            caller: Caller::default(),
        }
    }

    /// The same, with models from bytes loaded there.
    #[must_use]
    pub fn with_models(self, models: Arc<dyn Loading>) -> Self {
        Self { models, ..self }
    }
}
