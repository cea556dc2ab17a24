//! Graphs: the models that the host has loaded, and inferences on them.
//!
//! A graph is a handle; the model is in the host and may be shared with other plugins. Each call
//! here crosses the sandbox's boundary at least once.

use crate::{
    backend,
    element::TensorType,
    error::Error,
    tensor::{Input, Tensor},
};

/// A model that the host has loaded.
pub struct Graph(backend::Graph);

impl Graph {
    /// Looks up a graph by its name on the host. Do this once, in
    /// [`Plugin::new`](crate::Plugin::new).
    ///
    /// # Errors
    /// `not-found` if the host has no graph of that name, `security` if the plugin was not granted
    /// it.
    pub fn load(name: &str) -> Result<Self, Error> {
        backend::Graph::load(name).map(Self)
    }

    pub(crate) fn backend(&self) -> &backend::Graph {
        &self.0
    }

    /// Names, types and dimensions of the graph's inputs and outputs, and its device.
    ///
    /// # Errors
    /// Only in a twin, if there is no host.
    pub fn describe(&self) -> Result<Metadata, Error> {
        self.0.describe()
    }

    /// Runs one inference in one crossing and returns all outputs, in the order of
    /// [`Metadata::outputs`]. The host reads the inputs in place; they are not copied.
    ///
    /// # Errors
    /// `invalid-argument` for a wrong rank, dimension, type, byte count or number of inputs,
    /// `not-found` for an unknown name, `too-large` over a limit, `timeout` after the deadline,
    /// `runtime-error` if the model itself failed.
    pub fn infer(&self, inputs: &[Input<'_>]) -> Result<Vec<Tensor>, Error> {
        self.0.infer(inputs)
    }

    /// Makes an execution context of the standard wasi-nn, for a plugin that should also run on
    /// hosts without `tollgate:nn`. It needs more crossings and copies than [`Graph::infer`].
    ///
    /// # Errors
    /// The host's error, such as `too-large` if the plugin holds too many contexts.
    pub fn context(&self) -> Result<Context, Error> {
        self.0.context().map(Context)
    }
}

/// An execution context of the standard wasi-nn.
pub struct Context(backend::Context);

impl Context {
    /// Runs one inference. Each input is named by its string, which replaces the name in the input
    /// itself and may be the input's decimal index. Returns all outputs with their names.
    ///
    /// # Errors
    /// As for [`Graph::infer`].
    pub fn compute(&self, inputs: &[(&str, Input<'_>)]) -> Result<Vec<(String, Tensor)>, Error> {
        self.0.compute(inputs)
    }
}

/// The description of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The inputs, in the model's order.
    pub inputs: Vec<TensorInfo>,
    /// The outputs, in the model's order.
    pub outputs: Vec<TensorInfo>,
    /// The device that the graph really runs on: `cpu`, `cuda`, ...
    pub device: String,
}

/// One input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name in the model.
    pub name: String,
    /// The type of one element.
    pub ty: TensorType,
    /// Outermost first; `None` for a dimension that may differ from call to call.
    pub dimensions: Vec<Option<u32>>,
}
