//! Tensors: the inputs of an inference, which are borrowed, and its outputs, which are owned.
//!
//! Elements are dense, row-major and little-endian. This module does not check whether a tensor
//! fits a graph; the host does, and its error names the tensor.

use std::borrow::Cow;

use crate::{
    element::{Element, TensorType},
    error::{Error, ErrorCode},
};

/// An input tensor with its Rust type.
#[derive(Clone, Copy, Debug)]
pub struct TensorRef<'a, T: Element> {
    /// The name of the graph's input; `None` for the input with this one's index in the list.
    pub name: Option<&'a str>,
    /// The size of each dimension, outermost first. A scalar has none.
    pub dimensions: &'a [u32],
    /// The elements, as many as the dimensions give.
    pub data: &'a [T],
}

/// An input tensor of any type. The host reads `data` in place.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The name of the graph's input; `None` for the input with this one's index in the list.
    pub name: Option<&'a str>,
    /// The size of each dimension, outermost first. A scalar has none.
    pub dimensions: &'a [u32],
    /// The type of one element.
    pub ty: TensorType,
    /// The elements' bytes.
    pub data: &'a [u8],
}

impl<'a> Input<'a> {
    /// An input that is identified by its index in the list.
    pub fn new<T: Element>(dimensions: &'a [u32], data: &'a [T]) -> Self {
        Self {
            name: None,
            dimensions,
            ty: T::TYPE,
            data: bytemuck::cast_slice(data),
        }
    }

    /// The same, for the graph's input with this name.
    pub fn named(self, name: &'a str) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }
}

impl<'a, T: Element> From<TensorRef<'a, T>> for Input<'a> {
    fn from(tensor: TensorRef<'a, T>) -> Self {
        Self {
            name: tensor.name,
            ..Self::new(tensor.dimensions, tensor.data)
        }
    }
}

/// An output tensor of an inference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub(crate) dimensions: Vec<u32>,
    pub(crate) ty: TensorType,
    pub(crate) data: Vec<u8>,
}

impl Tensor {
    /// Makes a tensor from these elements, for a test's answer to an inference.
    pub fn new<T: Element>(dimensions: &[u32], data: &[T]) -> Self {
        Self {
            dimensions: dimensions.to_vec(),
            ty: T::TYPE,
            data: bytemuck::cast_slice(data).to_vec(),
        }
    }

    /// The size of each dimension, outermost first. A scalar has none.
    pub fn dimensions(&self) -> &[u32] {
        &self.dimensions
    }

    /// The type of one element.
    pub fn ty(&self) -> TensorType {
        self.ty
    }

    /// The elements' bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The elements: borrowed if they are aligned, which they nearly always are, or else copied.
    ///
    /// # Errors
    /// `invalid-argument` if `T` is not the tensor's type.
    pub fn as_slice<T: Element>(&self) -> Result<Cow<'_, [T]>, Error> {
        if T::TYPE != self.ty {
            let message = format!(
                "the tensor holds {}, not {}: read it as what it is, or export the model with \
                 the other type",
                self.ty,
                T::TYPE
            );
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        Ok(match bytemuck::try_cast_slice(&self.data) {
            Ok(elements) => Cow::Borrowed(elements),
            Err(_) => Cow::Owned(
                self.data
                    .chunks_exact(size_of::<T>())
                    .map(bytemuck::pod_read_unaligned)
                    .collect(),
            ),
        })
    }
}
