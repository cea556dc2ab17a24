//! Where models from bytes are loaded: in this process, or in others.

use std::sync::Arc;

use crate::{Error, Graph, GraphOptions, GraphRegistry, Places, clock::Deadline};

/// Where models from bytes are loaded: in this process, or in others.
pub trait Loading: Send + Sync {
    /// A loader for one instance.
    fn for_instance(&self) -> Box<dyn Loader>;
}

/// Loads an instance's models from bytes.
pub trait Loader: Send {
    /// Loads a model, which only the caller has. Past the deadline it is given up where that can be done.
    ///
    /// # Errors
    ///
    /// As [`GraphRegistry::load_private`]; [`Error::LoadTimeout`], and [`Error::Run`] if it took down the process
    /// that loaded it.
    fn load(
        &self,
        bytes: &[u8],
        options: &GraphOptions,
        deadline: Option<Deadline>,
    ) -> Result<Arc<Graph>, Error>;

    /// Where the instance's tensors are best placed now; none if they need not be placed anywhere.
    fn places(&self) -> Option<Arc<dyn Places>> {
        None
    }
}

/// Loads models in this process, where nothing ends a model that does not come to an end, and one that crashes ONNX
/// Runtime takes the process down.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Loading for InProcess {
    fn for_instance(&self) -> Box<dyn Loader> {
        Box::new(*self)
    }
}

impl Loader for InProcess {
    fn load(
        &self,
        bytes: &[u8],
        options: &GraphOptions,
        _deadline: Option<Deadline>,
    ) -> Result<Arc<Graph>, Error> {
        GraphRegistry::load_private(bytes, options)
    }
}
