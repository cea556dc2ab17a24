//! Graphs by name: what the plugins of a deployment ask for with `load-by-name`.
//!
//! Each deployment has its own; the models under the names lie in a [`GraphStore`] that deployments
//! share. Loading happens outside the locks, so that a large model does not keep others from being looked up.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{Error, Graph, GraphOptions, GraphStore, session::Source};

/// The graphs of a deployment, by name.
#[derive(Default)]
pub struct GraphRegistry {
    store: Arc<GraphStore>,
    graphs: RwLock<BTreeMap<String, Arc<Graph>>>,
}

impl GraphRegistry {
    /// A registry with nothing in it, whose models are shared with no other.
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry with nothing in it, over a store.
    pub fn over(store: Arc<GraphStore>) -> Self {
        Self {
            store,
            graphs: RwLock::default(),
        }
    }

    /// Puts the model in a file under a name, loaded where it is not in the store.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Encoding`], [`Error::Unsupported`], [`Error::NoDevice`],
    /// [`Error::Device`]; [`Error::DuplicateGraph`] where the name is taken.
    pub fn load_file(
        &self,
        name: &str,
        path: &Path,
        options: &GraphOptions,
    ) -> Result<Arc<Graph>, Error> {
        self.check(name)?;
        self.insert(name, self.store.load_file(name, path, options)?)
    }

    /// Loads a model from its bytes under a name.
    ///
    /// # Errors
    ///
    /// As [`GraphRegistry::load_file`], without [`Error::File`].
    pub fn load_bytes(
        &self,
        name: &str,
        bytes: &[u8],
        options: &GraphOptions,
    ) -> Result<Arc<Graph>, Error> {
        self.check(name)?;
        let graph = Graph::load(name, Source::Bytes(bytes), options, true)?;
        self.insert(name, graph)
    }

    /// Loads a model from its bytes without a name in any registry: the caller alone has it.
    ///
    /// # Errors
    ///
    /// As [`GraphRegistry::load_bytes`], without [`Error::DuplicateGraph`].
    pub fn load_private(bytes: &[u8], options: &GraphOptions) -> Result<Arc<Graph>, Error> {
        // One caller never has two inferences to merge, nor waits for a turn.
        let graph = Graph::load("(loaded from bytes)", Source::Bytes(bytes), options, false);
        graph.map(Arc::new)
    }

    /// The graph of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Graph>> {
        self.read().get(name).cloned()
    }

    /// All names, in order.
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// Whether a name is free.
    fn check(&self, name: &str) -> Result<(), Error> {
        if self.read().contains_key(name) {
            return Err(duplicate(name));
        }
        Ok(())
    }

    fn insert(&self, name: &str, graph: Graph) -> Result<Arc<Graph>, Error> {
        let graph = Arc::new(graph);
        let mut graphs = self.graphs.write().unwrap_or_else(PoisonError::into_inner);
        if graphs.contains_key(name) {
            return Err(duplicate(name));
        }
        graphs.insert(name.to_owned(), Arc::clone(&graph));
        Ok(graph)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Graph>>> {
        self.graphs.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn duplicate(name: &str) -> Error {
    Error::DuplicateGraph {
        graph: name.to_owned(),
    }
}
