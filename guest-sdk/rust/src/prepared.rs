//! Inferences that are made ready once: names, types and dimensions are said beforehand, and a run
//! is nothing but elements in and elements out.
//!
//! It is for plugins whose model takes less time than handing its tensors over does. Whoever has one
//! inference a frame on a model of milliseconds gains nothing by it over [`Graph::infer`].

use crate::{
    backend,
    element::{Element, TensorType},
    error::{Error, ErrorCode},
    graph::{Graph, TensorInfo},
    tensor::Tensor,
};

/// An input as it will come: all but its elements.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The graph's input of this name; without one, the input at this one's place in the list.
    pub name: Option<&'a str>,
    /// The size of each dimension, outermost first. A scalar has none.
    pub dimensions: &'a [u32],
    /// The type of one element.
    pub ty: TensorType,
}

impl<'a> Expected<'a> {
    /// An input of elements `T` that counts by its place in the list.
    pub fn new<T: Element>(dimensions: &'a [u32]) -> Self {
        Self {
            name: None,
            dimensions,
            ty: T::TYPE,
        }
    }

    /// The same for the graph's input of this name.
    pub fn named(self, name: &'a str) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }
}

/// The elements of one input. The host reads them where they lie.
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

/// An inference made ready by [`Graph::prepare`], to be run any number of times.
pub struct Prepared {
    inner: backend::Prepared,
    /// In the order in which they were expected.
    types: Vec<TensorType>,
}

impl Graph {
    /// Makes an inference ready whose inputs will be these. Do it once, in
    /// [`Plugin::new`](crate::Plugin::new); for inputs of other dimensions, make another one.
    ///
    /// # Errors
    /// What [`Graph::infer`] would refuse of such inputs is refused here; in a twin, by the first run.
    pub fn prepare(&self, inputs: &[Expected<'_>]) -> Result<Prepared, Error> {
        Ok(Prepared {
            inner: self.backend().prepare(inputs)?,
            types: inputs.iter().map(|input| input.ty).collect(),
        })
    }
}

impl Prepared {
    /// Runs it in one crossing, each input's elements in the order in which they were expected, and
    /// returns all outputs.
    ///
    /// # Errors
    /// `invalid-argument` where there are not as many inputs or elements as expected, or others than
    /// expected; for the rest as [`Graph::infer`].
    pub fn run(&self, inputs: &[Elements<'_>]) -> Result<Vec<Tensor>, Error> {
        self.check(inputs)?;
        self.inner.run(inputs)
    }

    /// The same for a graph of one input and one output, which is faster still.
    ///
    /// # Errors
    /// As [`Prepared::run`]; `invalid-argument` where the graph has more than one of either.
    pub fn run_one<'a>(&self, input: impl Into<Elements<'a>>) -> Result<Tensor, Error> {
        let input = input.into();
        self.check(&[input])?;
        self.inner.run_one(input)
    }

    /// What a run gives. A dimension that does not follow from the inputs' is `None` until a run has
    /// shown it; from then on it is the last run's. Where the model does not say how many dimensions there
    /// are, there is one `None` until then. A twin leaves open what the model leaves open.
    ///
    /// # Errors
    /// In a twin only, where there is no host.
    pub fn outputs(&self) -> Result<Vec<TensorInfo>, Error> {
        self.inner.outputs()
    }

    /// The host sees bytes alone, so their type is held against what was said here.
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
