//! Graphs by name: what plugins ask for with `load-by-name`.
//!
//! Loading happens outside the lock, so that a large model does not keep others from being looked
//! up.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{Error, Graph, GraphOptions, session::Source};

/// The graphs of a process, by name.
#[derive(Default)]
pub struct GraphRegistry {
    graphs: RwLock<BTreeMap<String, Arc<Graph>>>,
}

impl GraphRegistry {
    /// A registry with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads the model in a file under a name.
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
        // Looked at before it is opened, since a pipe's opening waits for a writer; and opened, so
        // that a file that may not be read is told from a broken one.
        let reason = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let opened = std::fs::File::open(path);
                opened.err().map(|error| error.to_string())
            }
            Ok(metadata) if metadata.is_dir() => {
                Some("it is a folder; expected the model's file in it".to_owned())
            }
            Ok(_) => Some("it is not a file".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = reason {
            return Err(Error::File {
                graph: name.to_owned(),
                path: path.display().to_string(),
                reason,
            });
        }
        self.insert(name, Source::File(path), options)
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
        self.insert(name, Source::Bytes(bytes), options)
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

    fn insert(
        &self,
        name: &str,
        source: Source<'_>,
        options: &GraphOptions,
    ) -> Result<Arc<Graph>, Error> {
        let duplicate = || Error::DuplicateGraph {
            graph: name.to_owned(),
        };
        if self.read().contains_key(name) {
            return Err(duplicate());
        }
        let graph = Arc::new(Graph::load(name, source, options, true)?);
        let mut graphs = self.graphs.write().unwrap_or_else(PoisonError::into_inner);
        if graphs.contains_key(name) {
            return Err(duplicate());
        }
        graphs.insert(name.to_owned(), Arc::clone(&graph));
        Ok(graph)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Graph>>> {
        self.graphs.read().unwrap_or_else(PoisonError::into_inner)
    }
}
