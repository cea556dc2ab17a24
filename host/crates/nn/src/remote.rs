//! Graphs whose inferences run in another process.
//!
//! This crate checks arguments, counts bytes and keeps outputs for them as for all others; how an inference gets
//! there and back is the [`Remote`]'s. What comes back is not trusted: [`Call::output`] checks it.

use tollgate_ort::Outlet;

use crate::{
    Batching, Data, Device, Error, Ran, Tensor, TensorType,
    clock::Deadline,
    model::Model,
    room::Room,
    scratch::{Outputs, Pool},
};

/// Where inferences of one graph run. Any number of threads may run one at once.
pub trait Remote: Send + Sync {
    /// Runs one inference on the calling thread's behalf, and hands all its outputs to the call.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Graph::run`] that come of the run.
    fn run(&self, call: &mut Call<'_>) -> Result<Ran, Error>;
}

/// What a graph is that runs elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The device that it runs on.
    pub device: Device,
    /// The inputs that every inference must have.
    pub inputs: Vec<Outlet>,
    /// The inputs that have a default value in the model.
    pub optional: Vec<Outlet>,
    /// The outputs.
    pub outputs: Vec<Outlet>,
    /// What was decided there about merging inferences.
    pub batching: Batching,
}

/// One inference whose arguments were checked.
pub struct Call<'a> {
    pub(crate) model: &'a Model,
    /// By the inputs' places.
    pub(crate) inputs: &'a [(usize, Data<'a>)],
    pub(crate) outputs: &'a mut Outputs,
    pub(crate) pool: &'a mut Pool,
    pub(crate) room: Room,
    pub(crate) deadline: Option<Deadline>,
}

impl<'a> Call<'a> {
    /// The name of the graph.
    pub fn graph(&self) -> &'a str {
        &self.model.name
    }

    /// The inputs: the place of each among the graph's inputs, followed by those that may be left out, and its elements.
    pub fn inputs(&self) -> &'a [(usize, Data<'a>)] {
        self.inputs
    }

    /// When it must be done.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// How many bytes all its outputs may have.
    pub fn room(&self) -> usize {
        let memory = self.outputs.iter().flatten();
        let taken: usize = memory.map(|output| output.bytes().len()).sum();
        self.room.left().saturating_add(taken)
    }

    /// How many outputs it must be given.
    pub fn outputs(&self) -> usize {
        self.model.outputs.len()
    }

    /// The memory of an output with these dimensions, to be filled.
    ///
    /// # Errors
    ///
    /// There is no such output, it cannot have these dimensions, or it is over the limit.
    pub fn output(&mut self, place: usize, dimensions: &[u32]) -> Result<&mut [u8], Error> {
        let model = self.model;
        let name = &model.name;
        let (Some(info), Some(slot)) = (model.outputs.get(place), self.outputs.get_mut(place))
        else {
            return Err(Error::Run {
                graph: name.clone(),
                reason: format!("there is no output {place}"),
            });
        };
        if slot
            .as_ref()
            .is_none_or(|memory| **memory.shape() != *dimensions)
        {
            if let Some(memory) = slot.take() {
                self.room.give_back(memory.bytes().len());
            }
            let what = format_args!("output `{}`", info.name);
            self.room.take(name, what, info.ty, dimensions)?;
            *slot = Some(self.pool.take(info.ty, dimensions)?);
        }
        match slot.as_mut().and_then(Tensor::bytes_mut) {
            Some(bytes) => Ok(bytes),
            None => Err(Error::Run {
                graph: name.clone(),
                reason: format!("the memory of output `{}` is in use", info.name),
            }),
        }
    }

    /// The type of an output.
    pub fn output_type(&self, place: usize) -> Option<TensorType> {
        self.model.outputs.get(place).map(|info| info.ty)
    }

    /// The error of an inference that failed elsewhere for this reason.
    pub fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Run {
            graph: self.model.name.clone(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_ort::OutletKind;

    use super::*;

    fn tensor(name: &str, ty: TensorType, dimensions: &[Option<u32>]) -> Outlet {
        Outlet {
            name: name.to_owned(),
            kind: OutletKind::Tensor {
                ty,
                dimensions: dimensions.to_vec(),
                symbols: Vec::new(),
            },
        }
    }

    fn model() -> Model {
        let inputs = vec![tensor("x", TensorType::Fp32, &[Some(2)])];
        let outputs = vec![tensor("y", TensorType::Fp32, &[None])];
        Model::with("g", inputs, Vec::new(), outputs).unwrap()
    }

    #[test]
    fn an_output_beyond_the_room_or_the_outputs_is_an_error() {
        let model = model();
        let (mut outputs, mut pool) = (Outputs::from_iter([None]), Pool::default());
        let mut call = Call {
            model: &model,
            inputs: &[],
            outputs: &mut outputs,
            pool: &mut pool,
            room: Room::of(16),
            deadline: None,
        };
        assert_eq!((call.room(), call.outputs()), (16, 1));
        let error = call.output(1, &[1]).map(drop).unwrap_err().to_string();
        assert!(
            error.contains("`g`") && error.contains("no output 1"),
            "{error}"
        );
        let error = call.output(0, &[5]).map(drop).unwrap_err().to_string();
        assert!(error.contains("at most 16 bytes, 20 came"), "{error}");
    }
}
