//! An inference that waits: what another caller needs to run it in a batch, and the place for the answer.

use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use crate::{
    Tensor, TensorType,
    clock::{Deadline, Stamp},
    run::LentInputs,
    scheduling::rows::concatenate,
};

/// How much memory a graph keeps for its batches, in bytes: enough for dozens of a camera's pictures.
const KEPT_BYTES: usize = 64 << 20;

/// An inference that waits and may be merged with others.
pub(crate) struct PendingRun {
    rows: u32,
    /// Bytes of all inputs, and of the outputs whose size is known.
    pub(crate) bytes: usize,
    /// The sizes of all dimensions that the graph leaves open, other than the rows: only inferences with
    /// equal ones are merged. None if this inference must not be merged.
    pub(crate) open: Option<SmallVec<[u32; 4]>>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) lent: LentInputs,
    answer: Mutex<Option<Answer>>,
}

/// What came of an inference that another caller took into its batch.
pub(crate) enum Answer {
    /// It ran.
    Ran(Part),
    /// The batch failed, because of any of its inferences: this one should run by itself.
    Alone,
    /// The batch was terminated: the deadlines of all its inferences had passed.
    Late,
}

/// One caller's part of a merged run.
pub(crate) struct Part {
    pub(crate) outputs: Arc<Merged>,
    /// Its rows: the first of them, and how many.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    /// All rows of the run.
    pub(crate) of: u32,
    pub(crate) started: Stamp,
    pub(crate) ended: Stamp,
}

impl PendingRun {
    /// An inference with this number of rows; one that is not merged counts as one row.
    pub(crate) fn new(
        rows: u32,
        bytes: usize,
        open: Option<SmallVec<[u32; 4]>>,
        deadline: Option<Deadline>,
    ) -> Self {
        Self {
            rows,
            bytes,
            open,
            deadline,
            lent: LentInputs::default(),
            answer: Mutex::new(None),
        }
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether both may be in the same run.
    pub(crate) fn suits(&self, other: &PendingRun) -> bool {
        self.open.is_some() && self.open == other.open
    }

    pub(crate) fn put(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    pub(crate) fn take_answer(&self) -> Option<Answer> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.take()
    }

    #[cfg(test)]
    pub(crate) fn of_rows(rows: u32) -> Self {
        Self::new(rows, 0, Some(SmallVec::new()), None)
    }
}

/// The outputs of a merged run, from which each caller copies its rows. Once the last caller has done so,
/// their memory goes back to the graph: a guest never gets it.
pub(crate) struct Merged {
    pub(crate) tensors: SmallVec<[Tensor; 2]>,
    spare: Arc<Spare>,
}

impl Merged {
    pub(crate) fn new(tensors: SmallVec<[Tensor; 2]>, spare: &Arc<Spare>) -> Self {
        Self {
            tensors,
            spare: Arc::clone(spare),
        }
    }
}

impl Drop for Merged {
    fn drop(&mut self) {
        self.spare.give_back(self.tensors.drain(..));
    }
}

/// Memory for batches. It belongs to the graph and is used again by batches of other callers, so it is
/// given out only filled or cleared.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<Tensor>>);

impl Spare {
    /// A tensor filled with the pieces, one after the other. None if they do not fill it: the rest would
    /// hold data of an earlier batch.
    pub(crate) fn filled<'a>(
        &self,
        ty: TensorType,
        dimensions: &[u32],
        pieces: impl Iterator<Item = Option<&'a [u8]>>,
    ) -> Result<Option<Tensor>, crate::Error> {
        let mut tensor = self.take(ty, dimensions)?;
        let filled = concatenate(tensor.bytes_mut().unwrap_or_default(), pieces);
        Ok(filled.then_some(tensor))
    }

    /// A tensor of zeros. What the memory held belongs to other callers, and not every kernel
    /// writes all of its output.
    pub(crate) fn cleared(
        &self,
        ty: TensorType,
        dimensions: &[u32],
    ) -> Result<Tensor, crate::Error> {
        let mut tensor = self.take(ty, dimensions)?;
        if let Some(elements) = tensor.bytes_mut() {
            elements.fill(0);
        }
        Ok(tensor)
    }

    fn take(&self, ty: TensorType, dimensions: &[u32]) -> Result<Tensor, crate::Error> {
        let kept = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = ty.bytes_for(dimensions).unwrap_or(usize::MAX);
            // The smallest that is large enough: large ones are kept for large batches.
            let fitting = kept.iter().enumerate();
            let fitting = fitting.filter(|(_, tensor)| tensor.capacity() >= bytes);
            let index = fitting.min_by_key(|(_, tensor)| tensor.capacity());
            index
                .map(|(index, _)| index)
                .map(|index| kept.swap_remove(index))
        };
        if let Some(mut tensor) = kept
            && tensor.refit(ty, dimensions)?
        {
            return Ok(tensor);
        }
        Tensor::zeros(ty, dimensions.into())
    }

    /// Keeps tensors for later.
    pub(crate) fn give_back(&self, tensors: impl Iterator<Item = Tensor>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mut tensor in tensors {
            let held: usize = kept.iter().map(Tensor::capacity).sum();
            // Few at a time are in use, and a long list would only be searched.
            if tensor.is_reusable() && held + tensor.capacity() <= KEPT_BYTES && kept.len() < 32 {
                kept.push(tensor);
            }
        }
    }
}
