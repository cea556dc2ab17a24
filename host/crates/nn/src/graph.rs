//! A graph: a loaded model under the name that a deployment has for it.
//!
//! Other deployments may share the model under other names. Errors have the name of the graph that was called.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{
    Argument, Description, Error, GraphOptions, Outcome, Remote, Scratch, Source, clock::Deadline,
    loaded::Loaded,
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

    /// A graph whose inferences run elsewhere.
    ///
    /// # Errors
    ///
    /// The description is not one of a graph that can be used.
    pub fn elsewhere(
        name: &str,
        description: Description,
        remote: Arc<dyn Remote>,
    ) -> Result<Self, Error> {
        let loaded = Loaded::elsewhere(name, description, remote)?;
        Ok(Self::named(name, Arc::new(loaded)))
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
        self.in_its_name(self.loaded.input_place(name))
    }

    /// As [`Loaded::output_place`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn output_place(&self, name: &str) -> Result<usize, Error> {
        self.in_its_name(self.loaded.output_place(name))
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
        self.in_its_name(self.loaded.run(scratch, arguments, deadline))
    }

    /// A result of the model; its error gets the name of this graph.
    #[inline(always)]
    pub(crate) fn in_its_name<T>(&self, mut result: Result<T, Error>) -> Result<T, Error> {
        // In place: a result is many words, and moving it takes longer than most checks of a run.
        if let Err(error) = &mut result {
            error.rename_graph(&self.name);
        }
        result
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
