//! What one caller brings to its inferences, one at a time: options that can be cancelled, memory
//! that is used again, and the views over inputs that stay where they are.
//!
//! A scratch belongs to one caller (one instance), so nothing in it is locked and no memory of one
//! guest is ever handed to another.

use smallvec::SmallVec;

use crate::{
    Caller, Error, Shape, Tensor, TensorType,
    clock::Stamp,
    room::Room,
    run::{Cancel, Feeds, Names, ViewSlot},
};

/// How many bytes of tensors a scratch keeps for later, at most: some frames' worth for a camera's
/// pictures, little beside an instance's own memory.
const KEPT_BYTES: usize = 32 << 20;

/// One input of an inference.
#[derive(Clone, Copy)]
pub struct Argument<'a> {
    /// The input's name; without one, the place in the list counts.
    pub name: Option<&'a str>,
    /// The tensor.
    pub data: Data<'a>,
}

/// What an input is said to be, and how many bytes it has.
#[derive(Clone, Copy)]
pub(crate) struct Described<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) ty: TensorType,
    pub(crate) dimensions: &'a [u32],
    pub(crate) bytes: usize,
}

impl<'a> Argument<'a> {
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
    /// In somebody else's memory, which is read where it lies if its alignment allows.
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
    pub(crate) fn parts(&self) -> (TensorType, &'a [u32], &'a [u8]) {
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

/// What an inference gave, and what it took.
#[derive(Debug)]
pub struct Outcome {
    /// All outputs, in the graph's order.
    pub outputs: SmallVec<[Tensor; 2]>,
    /// What it took.
    pub ran: Ran,
}

/// What an inference took.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// When the caller began to wait for its turn; none where its turn was at once.
    pub asked: Option<Stamp>,
    /// When its turn came and it began to merge others' inferences with its own; none where it
    /// merged nothing.
    pub turn: Option<Stamp>,
    /// When ONNX Runtime began.
    pub started: Stamp,
    /// When ONNX Runtime was done.
    pub ended: Stamp,
    /// When the caller went on, where another one ran its inference together with others.
    pub woken: Option<Stamp>,
    /// Rows of the run that it was part of: its own and those of others that were merged with
    /// them. One where the graph has no dimension for rows.
    pub batch: u32,
    /// How often an input was copied, for its alignment or into a batch.
    pub copies_in: u64,
    /// How often an output was copied: out of a batch, or where it could have no memory before the run.
    pub copies_out: u64,
}

/// What one caller brings to its inferences.
pub struct Scratch {
    pub(crate) caller: Caller,
    pub(crate) cancel: Cancel,
    pub(crate) views: Views,
    pub(crate) pool: Pool,
    pub(crate) room: Room,
}

impl Scratch {
    /// A new scratch of nobody in particular, with nothing kept yet.
    ///
    /// # Errors
    ///
    /// As [`Scratch::with`].
    pub fn new() -> Result<Self, Error> {
        Self::with(Caller::default())
    }

    /// A new scratch, with nothing kept yet.
    ///
    /// # Errors
    ///
    /// [`Error::OnnxRuntime`] where ONNX Runtime has no memory left.
    pub fn with(caller: Caller) -> Result<Self, Error> {
        // `ort` looks the library up by itself where none is loaded, and panics if it fails.
        crate::OnnxRuntime::loaded()?;
        Ok(Self {
            caller,
            cancel: Cancel::new()?,
            views: Views::default(),
            pool: Pool::default(),
            room: Room::of(usize::MAX),
        })
    }

    /// Sets how many bytes the tensors that an inference makes may have: its outputs, and copies of
    /// inputs that cannot be read where they lie. No limit without it.
    pub fn allow(&mut self, bytes: usize) {
        self.room = Room::of(bytes);
    }

    /// A tensor to fill: memory used before where some fits, zeros otherwise. What it holds is
    /// this caller's own.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] where the machine has no such memory.
    pub fn tensor(&mut self, ty: TensorType, dimensions: &[u32]) -> Result<Tensor, Error> {
        self.pool.take(ty, dimensions)
    }

    /// Keeps a tensor that is not needed any more for a later one like it.
    pub fn recycle(&mut self, tensor: Tensor) {
        self.pool.give_back(tensor);
    }
}

/// Tensors that this caller used before, youngest last. They are not cleared: what they hold is the
/// caller's own, and is filled or written over before it is handed out.
#[derive(Default)]
pub(crate) struct Pool {
    tensors: Vec<Tensor>,
    bytes: usize,
}

impl Pool {
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
        // Few kinds of tensor come back again and again; a long list would only be searched.
        if tensor.is_reusable() && self.bytes + bytes <= KEPT_BYTES && self.tensors.len() < 32 {
            self.bytes += bytes;
            self.tensors.push(tensor);
        }
    }
}

/// The views over inputs that lie in somebody else's memory, by the input's place.
#[derive(Default)]
pub(crate) struct Views(Vec<ViewSlot>);

/// Copies of the arguments that cannot be read where they lie, each with its argument's place.
pub(crate) struct Copies(pub(crate) Vec<(usize, Tensor)>);

impl Copies {
    /// Copies what ONNX Runtime's kernels could not read for its alignment.
    pub(crate) fn of(
        graph: &str,
        arguments: &[Argument<'_>],
        pool: &mut Pool,
        room: &mut Room,
    ) -> Result<Self, Error> {
        let mut copies = Vec::new();
        for (place, argument) in arguments.iter().enumerate() {
            if let Data::Bytes {
                ty,
                dimensions,
                bytes,
            } = argument.data
                && !ViewSlot::accepts(ty, bytes)
            {
                room.take(graph, format_args!("a copy of an input"), ty, dimensions)?;
                let mut tensor = pool.take(ty, dimensions)?;
                tensor.fill(bytes);
                copies.push((place, tensor));
            }
        }
        Ok(Self(copies))
    }

    fn at(&self, place: usize) -> Option<&Tensor> {
        let (_, copy) = self.0.iter().find(|(of, _)| *of == place)?;
        Some(copy)
    }
}

impl Views {
    /// The arguments in the order of the inputs, those that had to be copied from their copies. An
    /// input for which `order` has no argument is left out.
    pub(crate) fn feed<'a>(
        &'a mut self,
        names: &'a Names,
        order: &[usize],
        arguments: &[Argument<'a>],
        copies: &'a Copies,
    ) -> Result<Feeds<'a>, Error> {
        if self.0.len() < order.len() {
            self.0.resize_with(order.len(), ViewSlot::default);
        }
        let mut feeds = Feeds::of(names);
        for (input, (slot, &place)) in self.0.iter_mut().zip(order).enumerate() {
            let Some(argument) = arguments.get(place) else {
                continue;
            };
            match (argument.data, copies.at(place)) {
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
        Ok(feeds)
    }
}
