//! What the guest's handles stand for.

use std::{collections::BTreeMap, sync::Arc};

use smallvec::SmallVec;
use tollgate_nn::{ErrorCode, Graph, Prepared, Shape, Tensor, TensorType};
use tollgate_services::{Limit, Refusal};

use super::NnCtx;

/// A tensor of the guest's.
pub(crate) enum TensorEntry {
    /// It can be used.
    Ready(Tensor),
    /// It was refused when it was made. The constructor cannot return an error, so the first use does.
    Refused {
        ty: TensorType,
        /// Empty if there were too many to be kept.
        dimensions: Shape,
        code: ErrorCode,
        message: String,
        limit: Option<Limit>,
    },
}

/// A graph of the guest's.
pub(crate) struct GraphEntry(pub(crate) Arc<Graph>);

/// An inference that the guest prepared.
pub(crate) struct PreparedEntry {
    /// Taken out during a run.
    pub(crate) inference: Option<Box<Prepared>>,
    /// Bytes of the outputs that it keeps; they count against the guest's limit.
    pub(crate) bytes: usize,
}

/// An execution context of the guest's.
pub(crate) struct ContextEntry {
    pub(crate) graph: Arc<Graph>,
    /// Used by the older versions of the standard; in the newest one a context has no state.
    pub(crate) kept: Kept,
}

impl ContextEntry {
    pub(crate) fn new(graph: Arc<Graph>) -> Self {
        Self {
            graph,
            kept: Kept::default(),
        }
    }
}

/// The tensors of a context whose inputs are set, and outputs are read, one by one. While they are kept they
/// count against the guest's limit.
#[derive(Default)]
pub(crate) struct Kept {
    /// By the input's place. Inputs stay set for the next inference.
    pub(crate) inputs: BTreeMap<usize, Tensor>,
    /// In the graph's order; none before the first inference.
    pub(crate) outputs: SmallVec<[Tensor; 2]>,
}

impl Kept {
    /// Sets an input, and releases an earlier one at the same place.
    pub(crate) fn set(&mut self, nn: &mut NnCtx, place: usize, tensor: Tensor) {
        if let Some(old) = self.inputs.insert(place, tensor) {
            nn.release(old);
        }
    }

    /// Keeps these outputs instead of those of the last inference. They were counted before.
    pub(crate) fn put_out(&mut self, nn: &mut NnCtx, outputs: SmallVec<[Tensor; 2]>) {
        for old in std::mem::replace(&mut self.outputs, outputs) {
            nn.release(old);
        }
    }

    pub(crate) fn release(self, nn: &mut NnCtx) {
        for tensor in self.inputs.into_values().chain(self.outputs) {
            nn.release(tensor);
        }
    }
}

/// The handles of a preview1 module: indices into these lists. The interface has no function to free them.
#[derive(Default)]
pub(crate) struct Ephemeral {
    pub(crate) graphs: Vec<Arc<Graph>>,
    pub(crate) contexts: Vec<ContextEntry>,
    pub(crate) handles: usize,
}

impl Ephemeral {
    pub(crate) fn room_for_a_handle(&self) -> Result<(), Refusal> {
        let held = self.graphs.len() + self.contexts.len();
        if held < self.handles {
            return Ok(());
        }
        let what = "the instance's graphs and contexts";
        Err(Refusal::over(Limit::Handles, what, self.handles, held + 1))
    }
}

/// An error of the guest's.
pub(crate) struct ErrorEntry {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}
