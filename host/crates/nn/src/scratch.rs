//! What one caller keeps between its inferences, which run one at a time: run options that can be cancelled,
//! tensors whose memory is used again, and views over inputs that are read in place.
//!
//! A scratch belongs to one caller (one instance). So it needs no lock, and memory of one guest never gets to
//! another.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{
    Caller, Error, Places, Shape, Tensor, TensorType,
    clock::Stamp,
    room::Room,
    run::{Cancel, Feeds, ViewSlot},
};

/// The most bytes of tensors that a scratch keeps for later: enough for a few of a camera's pictures, and
/// little beside an instance's own memory.
const KEPT_BYTES: usize = 32 << 20;

/// One input of an inference.
#[derive(Clone, Copy)]
pub struct Argument<'a> {
    /// The input's name; without one, the place in the list counts.
    pub name: Option<&'a str>,
    /// The tensor.
    pub data: Data<'a>,
}

/// The declared type and dimensions of an argument, and how many bytes it has.
#[derive(Clone, Copy)]
pub(crate) struct Described<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) ty: TensorType,
    pub(crate) dimensions: &'a [u32],
    pub(crate) bytes: usize,
}

impl<'a> Argument<'a> {
    fn is_unaligned(&self) -> bool {
        match self.data {
            Data::Tensor(_) => false,
            Data::Bytes { ty, bytes, .. } => !ViewSlot::accepts(ty, bytes),
        }
    }

    pub(crate) fn described(&self) -> Described<'a> {
        let (ty, dimensions, bytes) = self.data.parts();
        Described {
            name: self.name,
            ty,
            dimensions,
            bytes: bytes.len(),
        }
    }
}

/// Where the elements of an input are.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// In a tensor.
    Tensor(&'a Tensor),
    /// In the caller's memory, which is read in place if it is aligned.
    Bytes {
        /// The type of the elements.
        ty: TensorType,
        /// The dimensions, outermost first.
        dimensions: &'a [u32],
        /// The elements, row-major.
        bytes: &'a [u8],
    },
}

impl<'a> Data<'a> {
    /// The type, the dimensions and the elements.
    pub fn parts(&self) -> (TensorType, &'a [u32], &'a [u8]) {
        match *self {
            Data::Tensor(tensor) => (tensor.ty(), tensor.shape(), tensor.bytes()),
            Data::Bytes {
                ty,
                dimensions,
                bytes,
            } => (ty, dimensions, bytes),
        }
    }
}

/// The result of an inference.
#[derive(Debug)]
pub struct Outcome {
    /// All outputs, in the graph's order.
    pub outputs: SmallVec<[Tensor; 2]>,
    /// Its times and copies.
    pub ran: Ran,
}

/// Before a run the memory for outputs of known size; after it the outputs.
pub(crate) type Outputs = SmallVec<[Option<Tensor>; 2]>;

/// The times and copies of an inference.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// When the caller began to wait for its turn; none if it did not wait.
    pub asked: Option<Stamp>,
    /// When its turn came and it began to merge other callers' inferences with its own; none if it merged
    /// nothing.
    pub turn: Option<Stamp>,
    /// When ONNX Runtime began.
    pub started: Stamp,
    /// When ONNX Runtime was done.
    pub ended: Stamp,
    /// When the caller was woken, if another caller ran its inference in a batch.
    pub woken: Option<Stamp>,
    /// When the inference began to be handed over to another process and when its outputs were back; none if it
    /// ran in this process.
    pub jail: Option<(Stamp, Stamp)>,
    /// Rows of the whole run: its own, and those that were merged with them. One if the graph has no
    /// dimension for rows.
    pub batch: u32,
    /// How often an input was copied, because of its alignment or into a batch.
    pub copies_in: u64,
    /// How often an output was copied: out of a batch, or because it had no memory before the run.
    pub copies_out: u64,
}

/// What one caller keeps between its inferences.
pub struct Scratch {
    pub(crate) caller: Caller,
    pub(crate) cancel: Cancel,
    pub(crate) views: Views,
    pub(crate) pool: Pool,
    pub(crate) room: Room,
    /// Where tensors to fill are placed; none for memory of this process.
    places: Option<Arc<dyn Places>>,
}

impl Scratch {
    /// A new scratch of the default owner and normal priority.
    ///
    /// # Errors
    ///
    /// As [`Scratch::with`].
    pub fn new() -> Result<Self, Error> {
        Self::with(Caller::default())
    }

    /// A new scratch of this caller.
    ///
    /// # Errors
    ///
    /// [`Error::OnnxRuntime`] if ONNX Runtime has no memory left.
    pub fn with(caller: Caller) -> Result<Self, Error> {
        // If no library is loaded, `ort` looks for one itself, and panics if that fails.
        crate::OnnxRuntime::loaded()?;
        Ok(Self {
            caller,
            cancel: Cancel::new()?,
            views: Views::default(),
            pool: Pool::default(),
            room: Room::of(usize::MAX),
            places: None,
        })
    }

    /// Sets how many bytes the tensors that an inference makes may have: its outputs, and copies of inputs
    /// that cannot be read in place. Without this call there is no limit.
    pub fn allow(&mut self, bytes: usize) {
        self.room = Room::of(bytes);
    }

    /// A tensor to fill: one that this caller used before, if one fits, else a new one of zeros. It may hold
    /// old data of this caller, but of no other.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if the machine has not enough memory.
    pub fn tensor(&mut self, ty: TensorType, dimensions: &[u32]) -> Result<Tensor, Error> {
        if let Some(places) = &self.places
            && !self.pool.has(ty, dimensions)
            && let Some(place) = ty.bytes_for(dimensions).and_then(|b| places.place(b))
        {
            return Tensor::at(place, ty, Shape::from(dimensions));
        }
        self.pool.take(ty, dimensions)
    }

    /// From now on places tensors to fill there, as far as there is room.
    pub fn place_at(&mut self, places: Arc<dyn Places>) {
        if !self
            .places
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, &places))
        {
            // What lies elsewhere would have to be copied there.
            self.pool = Pool::default();
            self.places = Some(places);
        }
    }

    /// Keeps a tensor that is no longer needed, to be used again for one of the same type and dimensions.
    pub fn recycle(&mut self, tensor: Tensor) {
        self.pool.give_back(tensor);
    }
}

/// Tensors that this caller used before, the latest last. They are not cleared: they hold only this caller's
/// own data, and are filled or overwritten before their contents are given out.
#[derive(Default)]
pub(crate) struct Pool {
    tensors: Vec<Tensor>,
    bytes: usize,
}

impl Pool {
    fn has(&self, ty: TensorType, dimensions: &[u32]) -> bool {
        let mut all = self.tensors.iter();
        all.any(|tensor| tensor.ty() == ty && **tensor.shape() == *dimensions)
    }

    pub(crate) fn take(&mut self, ty: TensorType, dimensions: &[u32]) -> Result<Tensor, Error> {
        let found = self
            .tensors
            .iter()
            .rposition(|tensor| tensor.ty() == ty && **tensor.shape() == *dimensions);
        match found {
            Some(index) => {
                let tensor = self.tensors.swap_remove(index);
                self.bytes -= tensor.bytes().len();
                Ok(tensor)
            }
            None => Tensor::zeros(ty, Shape::from(dimensions)),
        }
    }

    pub(crate) fn give_back(&mut self, mut tensor: Tensor) {
        let bytes = tensor.bytes().len();
        // A caller mostly uses few kinds of tensor; a long list would only take longer to search.
        if tensor.is_reusable() && self.bytes + bytes <= KEPT_BYTES && self.tensors.len() < 32 {
            self.bytes += bytes;
            self.tensors.push(tensor);
        }
    }
}

/// The views over inputs in the caller's memory, by the input's place.
#[derive(Default)]
pub(crate) struct Views(Vec<ViewSlot>);

/// Copies of the arguments that cannot be read in place, each with its argument's place.
pub(crate) struct Copies(pub(crate) Vec<(usize, Tensor)>);

impl Copies {
    /// Copies the arguments whose alignment ONNX Runtime's kernels cannot read.
    #[inline]
    pub(crate) fn of(
        graph: &str,
        arguments: &[Argument<'_>],
        pool: &mut Pool,
        room: &mut Room,
    ) -> Result<Self, Error> {
        if arguments.iter().any(Argument::is_unaligned) {
            Self::of_unaligned(graph, arguments, pool, room)
        } else {
            Ok(Self(Vec::new()))
        }
    }

    #[inline(never)]
    fn of_unaligned(
        graph: &str,
        arguments: &[Argument<'_>],
        pool: &mut Pool,
        room: &mut Room,
    ) -> Result<Self, Error> {
        let mut copies = Vec::new();
        let unaligned = arguments.iter().enumerate();
        for (place, argument) in unaligned.filter(|(_, argument)| argument.is_unaligned()) {
            let (ty, dimensions, bytes) = argument.data.parts();
            room.take(graph, format_args!("a copy of an input"), ty, dimensions)?;
            let mut tensor = pool.take(ty, dimensions)?;
            tensor.fill(bytes);
            copies.push((place, tensor));
        }
        Ok(Self(copies))
    }

    fn at(&self, place: usize) -> Option<&Tensor> {
        let (_, copy) = self.0.iter().find(|(of, _)| *of == place)?;
        Some(copy)
    }
}

impl Views {
    /// Feeds the arguments in the order of the inputs; those that were copied are read from their copies. An
    /// input for which `order` has no argument is left out.
    #[inline(always)]
    pub(crate) fn feed<'a>(
        &'a mut self,
        feeds: &mut Feeds<'a>,
        order: &[usize],
        arguments: &[Argument<'a>],
        copies: &'a Copies,
    ) -> Result<(), Error> {
        if self.0.len() < order.len() {
            self.0.resize_with(order.len(), ViewSlot::default);
        }
        for (input, (slot, &place)) in self.0.iter_mut().zip(order).enumerate() {
            let Some(argument) = arguments.get(place) else {
                continue;
            };
            let copy = if copies.0.is_empty() {
                None
            } else {
                copies.at(place)
            };
            match (argument.data, copy) {
                (Data::Tensor(tensor), _) | (_, Some(tensor)) => feeds.push_tensor(input, tensor),
                (
                    Data::Bytes {
                        ty,
                        dimensions,
                        bytes,
                    },
                    None,
                ) => feeds.push_view(input, slot.view(ty, dimensions, bytes)?),
            }
        }
        Ok(())
    }
}
