//! Graphs by name: the plugins of a deployment get them with `load-by-name`.
//!
//! Each deployment has its own registry. The models are in a [`GraphStore`] that deployments share. No lock is
//! held while a model is loaded, so a large model does not delay the look-up of others.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{Error, Graph, GraphOptions, GraphStore, Source};

/// The graphs of a deployment, by name.
#[derive(Default)]
pub struct GraphRegistry {
    store: Arc<GraphStore>,
    graphs: RwLock<BTreeMap<String, Arc<Graph>>>,
}

impl GraphRegistry {
    /// An empty registry that shares its models with no other.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty registry whose models are in this store.
    pub fn over(store: Arc<GraphStore>) -> Self {
        Self {
            store,
            graphs: RwLock::default(),
        }
    }

    /// Adds the model of a file under a name. It is loaded only if it is not in the store.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Encoding`], [`Error::Unsupported`], [`Error::NoDevice`],
    /// [`Error::Device`]; [`Error::DuplicateGraph`] if the name is taken.
    pub fn load_file(
        &self,
        name: &str,
        path: &Path,
        options: &GraphOptions,
    ) -> Result<Arc<Graph>, Error> {
        self.check(name)?;
        self.insert(name, Arc::new(self.store.load_file(name, path, options)?))
    }

    /// Loads a model from its bytes under a name; it is shared with no other.
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
        self.insert(name, Arc::new(graph))
    }

    /// Loads a model from its bytes without a registry: only the caller has it.
    ///
    /// # Errors
    ///
    /// As [`GraphRegistry::load_bytes`], without [`Error::DuplicateGraph`].
    pub fn load_private(bytes: &[u8], options: &GraphOptions) -> Result<Arc<Graph>, Error> {
        // A single caller never has two inferences to merge, and never waits for a permit.
        let graph = Graph::load("(loaded from bytes)", Source::Bytes(bytes), options, false);
        graph.map(Arc::new)
    }

    /// Adds a graph that is loaded already.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateGraph`] if the name is taken.
    pub fn add(&self, name: &str, graph: Arc<Graph>) -> Result<Arc<Graph>, Error> {
        self.insert(name, graph)
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

    fn insert(&self, name: &str, graph: Arc<Graph>) -> Result<Arc<Graph>, Error> {
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
