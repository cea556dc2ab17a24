//! For a plugin's own unit tests: graphs that a closure answers, with no host and no model.
//!
//! There is nothing here on Wasm; a plugin is unit-tested natively, as its twin.

use std::{cell::RefCell, rc::Rc};

use crate::{
    backend::{Host, enter},
    error::{Error, ErrorCode},
    graph::Metadata,
    tensor::{Input, Tensor},
};

/// What answers for every graph. Any closure from a graph's name and inputs to its named outputs
/// is one.
pub trait Graphs {
    /// One inference on the graph of this name: all outputs, in the model's order.
    ///
    /// # Errors
    /// Whatever the test wants the plugin to meet.
    fn infer(&self, graph: &str, inputs: &[Input<'_>]) -> Result<Vec<(String, Tensor)>, Error>;

    /// Whether there is a graph of this name; there is one of every name unless a test says no.
    ///
    /// # Errors
    /// Whatever the test wants the plugin to meet.
    fn load(&self, graph: &str) -> Result<(), Error> {
        let _ = graph;
        Ok(())
    }

    /// What [`Graph::describe`](crate::Graph::describe) answers.
    ///
    /// # Errors
    /// `unsupported-operation` unless a test says otherwise.
    fn describe(&self, graph: &str) -> Result<Metadata, Error> {
        let message = format!("this test does not say what graph '{graph}' looks like");
        Err(Error::new(ErrorCode::UnsupportedOperation, message))
    }
}

impl<F> Graphs for F
where
    F: Fn(&str, &[Input<'_>]) -> Result<Vec<(String, Tensor)>, Error>,
{
    fn infer(&self, graph: &str, inputs: &[Input<'_>]) -> Result<Vec<(String, Tensor)>, Error> {
        self(graph, inputs)
    }
}

/// Runs `body` with `graphs` answering for every graph that is looked up in it, on this thread.
///
/// ```
/// # use tollgate_guest::{Graph, Input, Tensor, testing};
/// let doubled = testing::with_graphs(
///     |_: &str, inputs: &[Input<'_>]| {
///         let twice: Vec<u8> = inputs[0].data.iter().map(|x| x * 2).collect();
///         Ok(vec![("y".into(), Tensor::new(&[3], &twice))])
///     },
///     || Graph::load("double")?.infer(&[Input::new(&[3], &[1u8, 2, 3])]),
/// );
/// assert_eq!(doubled.unwrap()[0].bytes(), [2, 4, 6]);
/// ```
pub fn with_graphs<R>(graphs: impl Graphs + 'static, body: impl FnOnce() -> R) -> R {
    enter(
        Rc::new(Answering {
            graphs,
            names: RefCell::default(),
        }),
        body,
    )
}

/// A host whose handles are places in the list of names that were looked up.
struct Answering<G> {
    graphs: G,
    names: RefCell<Vec<Rc<str>>>,
}

impl<G> Answering<G> {
    fn name(&self, graph: u64) -> Result<Rc<str>, Error> {
        let names = self.names.borrow();
        let name = usize::try_from(graph)
            .ok()
            .and_then(|place| names.get(place));
        name.cloned()
            .ok_or_else(|| Error::new(ErrorCode::NotFound, "no such graph handle"))
    }
}

impl<G: Graphs> Host for Answering<G> {
    fn load(&self, name: &str) -> Result<u64, Error> {
        self.graphs.load(name)?;
        let mut names = self.names.borrow_mut();
        names.push(name.into());
        Ok(names.len() as u64 - 1)
    }

    fn release(&self, _graph: u64) {}

    fn describe(&self, graph: u64) -> Result<Metadata, Error> {
        self.graphs.describe(&self.name(graph)?)
    }

    fn infer(
        &self,
        graph: u64,
        inputs: &[Input<'_>],
        _named: bool,
    ) -> Result<Vec<(String, Tensor)>, Error> {
        self.graphs.infer(&self.name(graph)?, inputs)
    }
}
