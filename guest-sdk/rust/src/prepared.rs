//! Prepared inferences: names, types and dimensions are given in advance, and a run only passes
//! elements.
//!
//! This is for plugins whose model takes less time than passing its tensors. With one inference per
//! frame on a model that takes milliseconds, there is no gain over [`Graph::infer`].

use crate::{
    backend,
    element::{Element, TensorType},
    error::{Error, ErrorCode},
    graph::{Graph, TensorInfo},
    tensor::Tensor,
};

/// An input that will be passed later: all but its elements.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The name of the graph's input; `None` for the input with this one's index in the list.
    pub name: Option<&'a str>,
    /// The size of each dimension, outermost first. A scalar has none.
    pub dimensions: &'a [u32],
    /// The type of one element.
    pub ty: TensorType,
}

impl<'a> Expected<'a> {
    /// An input of elements `T`, identified by its index in the list.
    pub fn new<T: Element>(dimensions: &'a [u32]) -> Self {
        Self {
            name: None,
            dimensions,
            ty: T::TYPE,
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

/// The elements of one input. The host reads them in place.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    pub(crate) ty: TensorType,
    pub(crate) data: &'a [u8],
}

impl<'a, T: Element> From<&'a [T]> for Elements<'a> {
    fn from(elements: &'a [T]) -> Self {
        Self {
            ty: T::TYPE,
            data: bytemuck::cast_slice(elements),
        }
    }
}

impl<'a, T: Element, const N: usize> From<&'a [T; N]> for Elements<'a> {
    fn from(elements: &'a [T; N]) -> Self {
        Self::from(&elements[..])
    }
}

impl<'a, T: Element> From<&'a Vec<T>> for Elements<'a> {
    fn from(elements: &'a Vec<T>) -> Self {
        Self::from(&elements[..])
    }
}

/// An inference prepared by [`Graph::prepare`], which can run any number of times.
pub struct Prepared {
    inner: backend::Prepared,
    /// The types of the expected inputs, in order.
    types: Vec<TensorType>,
}

impl Graph {
    /// Prepares an inference with these inputs. Do this once, in
    /// [`Plugin::new`](crate::Plugin::new); prepare another one for inputs with other dimensions.
    ///
    /// # Errors
    /// The same inputs are refused as by [`Graph::infer`]; in a twin the first run refuses them.
    pub fn prepare(&self, inputs: &[Expected<'_>]) -> Result<Prepared, Error> {
        Ok(Prepared {
            inner: self.backend().prepare(inputs)?,
            types: inputs.iter().map(|input| input.ty).collect(),
        })
    }
}

impl Prepared {
    /// Runs the inference in one crossing and returns all outputs. The elements of the inputs must
    /// be in the order that was given when it was prepared.
    ///
    /// # Errors
    /// `invalid-argument` if the number of inputs, their types or their numbers of elements are not
    /// as expected; otherwise as for [`Graph::infer`].
    pub fn run(&self, inputs: &[Elements<'_>]) -> Result<Vec<Tensor>, Error> {
        self.check(inputs)?;
        self.inner.run(inputs)
    }

    /// The same for a graph with one input and one output, which is even faster.
    ///
    /// # Errors
    /// As for [`Prepared::run`]; `invalid-argument` if the graph has more than one of either.
    pub fn run_one<'a>(&self, input: impl Into<Elements<'a>>) -> Result<Tensor, Error> {
        let input = input.into();
        self.check(&[input])?;
        self.inner.run_one(input)
    }

    /// The outputs of a run. A dimension that does not follow from the inputs is `None` until the
    /// first run, and then that of the last run. If the model does not tell how many dimensions
    /// there are, the list is one `None` until then. In a twin, dimensions that the model leaves
    /// open stay open.
    ///
    /// # Errors
    /// Only in a twin, if there is no host.
    pub fn outputs(&self) -> Result<Vec<TensorInfo>, Error> {
        self.inner.outputs()
    }

    /// The host only sees bytes, so the elements' type is compared here with the expected one.
    fn check(&self, inputs: &[Elements<'_>]) -> Result<(), Error> {
        let wrong = self.types.iter().zip(inputs).zip(1..);
        for ((expected, came), place) in wrong {
            if *expected != came.ty {
                let message = format!(
                    "input {place} was prepared for {expected}, and {} came: prepare it for that, or \
                     convert the elements",
                    came.ty
                );
                return Err(Error::new(ErrorCode::InvalidArgument, message));
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::{Input, testing};

    #[test]
    fn a_twin_infers_what_was_prepared_and_says_what_was_not() {
        let answer = |_: &str, inputs: &[Input<'_>]| {
            let said: Vec<_> = inputs.iter().map(|input| (input.name, input.ty)).collect();
            assert_eq!(said, [(Some("x"), TensorType::U8)]);
            assert_eq!(inputs[0].dimensions, [1, 3]);
            let sum: f32 = inputs[0].data.iter().map(|&x| f32::from(x)).sum();
            Ok(vec![("y".to_owned(), Tensor::new(&[1], &[sum]))])
        };
        testing::with_graphs(answer, || {
            let graph = Graph::load("sum").unwrap();
            let ready = graph.prepare(&[Expected::new::<u8>(&[1, 3]).named("x")]);
            let ready = ready.unwrap();
            let six = Tensor::new(&[1], &[6f32]);
            assert_eq!(ready.run_one(&[1u8, 2, 3]).unwrap(), six);
            assert_eq!(ready.run(&[(&[1u8, 2, 3]).into()]).unwrap(), [six]);
            let said = |result: Result<Vec<Tensor>, Error>| result.unwrap_err().to_string();
            let type_ = said(ready.run(&[(&[1f32, 2.0]).into()]));
            assert!(type_.contains("u8") && type_.contains("fp32"), "{type_}");
            let count = said(ready.run(&[]));
            assert!(count.contains("1 inputs, 0 came"), "{count}");
        });
    }
}
