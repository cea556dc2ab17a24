//! A model whose inferences run in another process, and what another process is told of a model here.

use std::sync::{Arc, atomic::AtomicBool};

use smallvec::SmallVec;

use super::{Checked, Loaded};
use crate::{
    Error,
    clock::Deadline,
    model::Model,
    remote::{Call, Description, Remote},
    scratch::{Outputs, Ran, Scratch},
    sessions::Sessions,
};

impl Loaded {
    /// A model whose inferences run elsewhere.
    pub(crate) fn elsewhere(
        name: &str,
        description: Description,
        remote: Arc<dyn Remote>,
    ) -> Result<Self, Error> {
        let Description {
            device,
            inputs,
            optional,
            outputs,
            batching,
        } = description;
        let model = Model::with(name, inputs, optional, outputs)?;
        Ok(Self {
            has_rows: model.rows().is_ok(),
            model,
            device,
            sessions: Sessions::none(),
            batching,
            batcher: None,
            foreseen: AtomicBool::new(true),
            elsewhere: Some(remote),
        })
    }

    /// What another process needs to know of it; none if it runs elsewhere itself.
    pub fn describe(&self) -> Option<Description> {
        let session = self.sessions.first()?;
        Some(Description {
            device: self.device,
            inputs: session.inputs(),
            optional: session.optional_inputs(),
            outputs: session.outputs(),
            batching: self.batching.clone(),
        })
    }

    /// Has another process run the inference.
    #[inline(never)]
    pub(super) fn run_elsewhere(
        &self,
        remote: &dyn Remote,
        scratch: &mut Scratch,
        checked: Checked<'_>,
        outputs: &mut Outputs,
        deadline: Option<Deadline>,
    ) -> Result<Ran, Error> {
        let mut inputs = SmallVec::<[_; 4]>::new();
        for (input, &place) in checked.order.iter().enumerate() {
            if let Some(argument) = checked.arguments.get(place) {
                inputs.push((input, argument.data));
            }
        }
        let mut call = Call {
            model: &self.model,
            inputs: &inputs,
            outputs,
            pool: &mut scratch.pool,
            room: checked.room,
            deadline,
        };
        let ran = remote.run(&mut call)?;
        if outputs.iter().any(Option::is_none) {
            return Err(self.too_few(outputs));
        }
        Ok(ran)
    }

    #[cold]
    pub(super) fn too_few(&self, outputs: &Outputs) -> Error {
        let came = outputs.iter().flatten().count();
        Error::Run {
            graph: self.model.name.clone(),
            reason: format!("it gave {came} of its {} outputs", outputs.len()),
        }
    }
}
