//! A graph: a loaded model under the name that a deployment has for it.
//!
//! Other deployments may share the model under other names. Errors have the name of the graph that was called.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{
    Argument, Error, GraphOptions, Outcome, Scratch, clock::Deadline, loaded::Loaded,
    session::Source,
};

/// A loaded model and its name.
pub struct Graph {
    name: String,
    loaded: Arc<Loaded>,
}

impl Graph {
    pub(crate) fn load(
        name: &str,
        source: Source<'_>,
        options: &GraphOptions,
        measure: bool,
    ) -> Result<Self, Error> {
        let loaded = Loaded::load(name, source, options, measure)?;
        Ok(Self::named(name, Arc::new(loaded)))
    }

    /// A model that is loaded already, under another name.
    pub(crate) fn named(name: &str, loaded: Arc<Loaded>) -> Self {
        Self {
            name: name.to_owned(),
            loaded,
        }
    }

    /// The name under which it is looked up.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether both are the same loaded model, under any names.
    pub fn shares(&self, other: &Graph) -> bool {
        Arc::ptr_eq(&self.loaded, &other.loaded)
    }

    /// As [`Loaded::input_place`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn input_place(&self, name: &str) -> Result<usize, Error> {
        let place = self.loaded.input_place(name);
        place.map_err(|error| self.in_its_name(error))
    }

    /// As [`Loaded::output_place`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn output_place(&self, name: &str) -> Result<usize, Error> {
        let place = self.loaded.output_place(name);
        place.map_err(|error| self.in_its_name(error))
    }

    /// As [`Loaded::run`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn run(
        &self,
        scratch: &mut Scratch,
        arguments: &[Argument<'_>],
        deadline: Option<Deadline>,
    ) -> Result<Outcome, Error> {
        match self.loaded.run(scratch, arguments, deadline) {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err(self.in_its_name(error)),
        }
    }

    /// An error of the model, with the name of this graph.
    #[cold]
    pub(crate) fn in_its_name(&self, error: Error) -> Error {
        error.of_graph(&self.name)
    }
}

impl Deref for Graph {
    type Target = Loaded;

    fn deref(&self) -> &Loaded {
        &self.loaded
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} on {})", self.name, self.device())
    }
}
