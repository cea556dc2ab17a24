//! A prepared inference: names, types and dimensions are checked against the graph once, so a run needs only
//! bytes.
//!
//! It belongs to one caller, like a [`Scratch`]. It remembers the addresses of its inputs, and keeps the
//! memory of outputs of known size.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{
    Argument, Data, Elements, Error, Graph, Ran, Scratch, Shape, Tensor, TensorInfo, TensorType,
    clock::Deadline,
    loaded::Checked,
    model::Order,
    scratch::{Described, Outputs, Views},
    show_dimensions,
};

/// An input without its elements.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The input's name; without one, the place in the list counts.
    pub name: Option<&'a str>,
    /// The type of the elements.
    pub ty: TensorType,
    /// The dimensions, outermost first.
    pub dimensions: &'a [u32],
}

/// A prepared inference, to be run any number of times.
pub struct Prepared {
    graph: Arc<Graph>,
    /// In the caller's order.
    inputs: SmallVec<[Input; 2]>,
    order: Order,
    /// The dimensions of each output whose memory is kept; they follow from the inputs' dimensions.
    foreseen: SmallVec<[Option<Shape>; 2]>,
    /// The dimensions of each output, as far as they are known by now.
    known: SmallVec<[Option<Shape>; 2]>,
    /// The outputs of the last run that are kept.
    outputs: Outputs,
    views: Views,
}

struct Input {
    ty: TensorType,
    dimensions: SmallVec<[u32; 8]>,
    bytes: usize,
}

impl Prepared {
    /// Prepares an inference. Each run then takes the elements in the order of `inputs`.
    ///
    /// # Errors
    ///
    /// Those of [`Graph::run`] for arguments of these names, types and dimensions.
    pub fn new(graph: &Arc<Graph>, inputs: &[Expected<'_>]) -> Result<Self, Error> {
        graph.in_its_name(Self::of(graph, inputs))
    }

    fn of(graph: &Arc<Graph>, inputs: &[Expected<'_>]) -> Result<Self, Error> {
        let model = graph.model();
        let described = inputs.iter().map(|input| Described {
            name: input.name,
            ty: input.ty,
            dimensions: input.dimensions,
            // An input larger than an address space is refused because of its dimensions, not its bytes.
            bytes: input.ty.bytes_for(input.dimensions).unwrap_or(usize::MAX),
        });
        let mut bindings = model.bindings();
        let order = model.check(described, &mut bindings)?;
        let known = model.outputs.iter().map(|info| {
            let dimensions = info.resolve(&bindings)?;
            Some(Shape::from(&dimensions[..]))
        });
        let known: SmallVec<[Option<Shape>; 2]> = known.collect();
        let foreseen = model.outputs.iter().zip(&known).map(|(info, known)| {
            let known = known.clone();
            known.filter(|_| !info.shares)
        });
        let foreseen: SmallVec<[Option<Shape>; 2]> = foreseen.collect();
        let inputs = inputs.iter().map(|input| Input {
            ty: input.ty,
            dimensions: input.dimensions.into(),
            bytes: input.ty.bytes_for(input.dimensions).unwrap_or(usize::MAX),
        });
        Ok(Self {
            graph: Arc::clone(graph),
            inputs: inputs.collect(),
            order,
            known,
            outputs: foreseen.iter().map(|_| None).collect(),
            foreseen,
            views: Views::default(),
        })
    }

    /// The graph that it runs.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The outputs, in the graph's order, with their dimensions. If those do not follow from the inputs'
    /// dimensions, or the model does not even say how many there are, they are none before the first run,
    /// and then those of the last run.
    pub fn outputs(&self) -> impl Iterator<Item = (&TensorInfo, Option<&Shape>)> {
        let known = self.known.iter().map(Option::as_ref);
        self.graph.outputs().iter().zip(known)
    }

    /// Bytes of the outputs that it keeps from one run to the next.
    pub fn kept_bytes(&self) -> usize {
        let outputs = self.graph.outputs().iter().zip(&self.foreseen);
        let bytes = outputs.filter_map(|(info, shape)| {
            let bytes = info.ty.bytes_for(shape.as_ref()?);
            Some(bytes.unwrap_or(usize::MAX))
        });
        bytes.fold(0, usize::saturating_add)
    }

    /// Runs it on the calling thread, as [`Graph::run`] does. Then [`Prepared::take_outputs`] returns the
    /// outputs.
    ///
    /// # Errors
    ///
    /// [`Error::InputCount`] and [`Error::Bytes`] if the inputs have another number, or another length, than
    /// was prepared; [`Error::Timeout`] and [`Error::Run`] as [`Graph::run`].
    pub fn run(
        &mut self,
        scratch: &mut Scratch,
        inputs: &[&[u8]],
        deadline: Option<Deadline>,
    ) -> Result<Ran, Error> {
        let ran = self.run_once(scratch, inputs, deadline);
        self.graph.in_its_name(ran)
    }

    #[inline(always)]
    fn run_once(
        &mut self,
        scratch: &mut Scratch,
        inputs: &[&[u8]],
        deadline: Option<Deadline>,
    ) -> Result<Ran, Error> {
        let model = self.graph.model();
        if inputs.len() != self.inputs.len() {
            return Err(model.wrong_count(inputs.len()));
        }
        let mut arguments: SmallVec<[Argument<'_>; 2]> = SmallVec::new();
        for (place, (input, &bytes)) in self.inputs.iter().zip(inputs).enumerate() {
            if bytes.len() != input.bytes {
                return Err(self.wrong_bytes(place, input, bytes.len()));
            }
            arguments.push(Argument {
                name: None,
                data: Data::Bytes {
                    ty: input.ty,
                    dimensions: &input.dimensions,
                    bytes,
                },
            });
        }
        let foresees = self.graph.foresees();
        let infos = model.outputs.iter().zip(&self.foreseen);
        for (slot, (info, shape)) in self.outputs.iter_mut().zip(infos) {
            let Some(shape) = shape.as_ref().filter(|_| foresees) else {
                *slot = None;
                continue;
            };
            let kept = slot.as_mut().filter(|kept| kept.shape() == shape);
            if !kept.is_some_and(Tensor::is_reusable) {
                *slot = Some(Tensor::zeros(info.ty, Shape::clone(shape))?);
            }
        }
        let checked = Checked {
            arguments: &arguments,
            order: &self.order,
            room: scratch.room,
        };
        let ran = self.graph.run_checked(
            scratch,
            &mut self.views,
            checked,
            &mut self.outputs,
            deadline,
        );
        if ran.is_err() {
            // The run may fail after some outputs were made, such as when another one is too large.
            self.outputs.fill_with(|| None);
            return ran;
        }
        for (known, output) in self.known.iter_mut().zip(self.outputs.iter().flatten()) {
            if known.as_ref() != Some(output.shape()) {
                *known = Some(Shape::clone(output.shape()));
            }
        }
        ran
    }

    /// The outputs of the last run, in the graph's order. Each can be taken once.
    pub fn take_outputs(&mut self) -> impl Iterator<Item = Elements> {
        let outputs = self.outputs.iter_mut().zip(&self.foreseen);
        outputs.filter_map(|(slot, foreseen)| {
            let output = slot.as_ref()?;
            let elements = output.share();
            if foreseen.as_ref() != Some(output.shape()) {
                // The next run's output may have another size, and this memory is not counted as kept.
                *slot = None;
            }
            Some(elements)
        })
    }

    fn wrong_bytes(&self, place: usize, input: &Input, came: usize) -> Error {
        let info = self
            .order
            .iter()
            .position(|&brought| brought == place)
            .and_then(|place| self.graph.model().input(place));
        Error::Bytes {
            tensor: format!("input `{}`", info.map_or("", |info| &*info.name)),
            dimensions: show_dimensions(input.dimensions.iter().copied().map(Some)),
            ty: input.ty,
            expected: input.bytes,
            came,
        }
    }
}
