//! Graphs: the models that the host has loaded, and inferences on them.
//!
//! A graph is a handle; the model lives in the host and may be shared with other plugins. Every
//! call here is at least one crossing of the sandbox's boundary.

use crate::{
    backend,
    element::TensorType,
    error::Error,
    tensor::{Input, Tensor},
};

/// A model that the host has loaded, by the name it gave it.
pub struct Graph(backend::Graph);

impl Graph {
    /// Looks a graph up. Do it once, in [`Plugin::new`](crate::Plugin::new).
    ///
    /// # Errors
    /// `not-found` where the host has no graph of that name, `security` where the plugin was not
    /// granted it.
    pub fn load(name: &str) -> Result<Self, Error> {
        backend::Graph::load(name).map(Self)
    }

    pub(crate) fn backend(&self) -> &backend::Graph {
        &self.0
    }

    /// Names, types and dimensions of the graph's inputs and outputs, and its device.
    ///
    /// # Errors
    /// In a twin only, where there is no host.
    pub fn describe(&self) -> Result<Metadata, Error> {
        self.0.describe()
    }

    /// Runs one inference in one crossing and returns all outputs, in the order of
    /// [`Metadata::outputs`]. The host reads the inputs where they lie; nothing is copied in.
    ///
    /// # Errors
    /// `invalid-argument` for a wrong rank, dimension, type, byte count or number of inputs,
    /// `not-found` for an unknown name, `too-large` over a limit, `timeout` past the deadline,
    /// `runtime-error` where the model itself failed.
    pub fn infer(&self, inputs: &[Input<'_>]) -> Result<Vec<Tensor>, Error> {
        self.0.infer(inputs)
    }

    /// An execution context of the standard wasi-nn, for a plugin that should also run on a host
    /// without `tollgate:nn`. It takes more crossings and copies than [`Graph::infer`].
    ///
    /// # Errors
    /// What the host answers, such as `too-large` where the plugin holds too many.
    pub fn context(&self) -> Result<Context, Error> {
        self.0.context().map(Context)
    }
}

/// An execution context of the standard wasi-nn.
pub struct Context(backend::Context);

impl Context {
    /// Runs one inference: each input under its name, which counts instead of the one in the
    /// input, and may be the decimal index of the input. Returns all outputs under theirs.
    ///
    /// # Errors
    /// As [`Graph::infer`].
    pub fn compute(&self, inputs: &[(&str, Input<'_>)]) -> Result<Vec<(String, Tensor)>, Error> {
        self.0.compute(inputs)
    }
}

/// What a graph is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The inputs, in the model's order.
    pub inputs: Vec<TensorInfo>,
    /// The outputs, in the model's order.
    pub outputs: Vec<TensorInfo>,
    /// Where the graph really runs: `cpu`, `cuda`, ...
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
