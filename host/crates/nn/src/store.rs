//! The loaded models of a process, by their bytes and options. Equal models with equal options are loaded
//! once, and their inferences are batched together, even if deployments have different names for them.
//!
//! A model stays loaded until its last graph is dropped. A model with weights in other files is not shared:
//! its bytes do not identify it.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sha2::{Digest, Sha256};

use crate::{Error, Graph, GraphOptions, Source, loaded::Loaded};

/// Loaded models that can be shared.
#[derive(Default)]
pub struct GraphStore(Mutex<Vec<Entry>>);

struct Entry {
    key: Key,
    loaded: Weak<Loaded>,
}

#[derive(Clone, PartialEq, Eq)]
struct Key {
    digest: [u8; 32],
    options: GraphOptions,
}

impl GraphStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The model of a file under a name. It is loaded only if no equal model with equal options is loaded.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Encoding`], [`Error::Unsupported`], [`Error::NoDevice`],
    /// [`Error::Device`].
    pub fn load_file(
        &self,
        name: &str,
        path: &Path,
        options: &GraphOptions,
    ) -> Result<Graph, Error> {
        check_file(name, path)?;
        let source = Source::File(path);
        let key = key(source, options);
        let known = key.as_ref().and_then(|key| find(&mut self.lock(), key));
        if let Some(loaded) = known {
            return Ok(Graph::named(name, loaded));
        }
        let loaded = Arc::new(Loaded::load(name, source, options, true)?);
        // ONNX Runtime has read the file once more: where it was replaced meanwhile, nothing says which of
        // the two it has, and it is not shared.
        let same = |key: &Key| self::key(source, options).as_ref() == Some(key);
        let Some(key) = key.filter(same) else {
            return Ok(Graph::named(name, loaded));
        };
        // Another thread may have loaded it meanwhile; then both take that one.
        let other = {
            let mut entries = self.lock();
            let other = find(&mut entries, &key);
            if other.is_none() {
                entries.push(Entry {
                    key,
                    loaded: Arc::downgrade(&loaded),
                });
            }
            other
        };
        Ok(Graph::named(name, other.unwrap_or(loaded)))
    }

    /// How many models are loaded and can be shared.
    pub fn len(&self) -> usize {
        let entries = self.lock();
        let there = entries
            .iter()
            .filter(|entry| entry.loaded.strong_count() > 0);
        there.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // The list is consistent at each step of every critical section, so a panic does not break it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The model of a key; those that are gone are forgotten.
fn find(entries: &mut Vec<Entry>, key: &Key) -> Option<Arc<Loaded>> {
    entries.retain(|entry| entry.loaded.strong_count() > 0);
    let entry = entries.iter().find(|entry| entry.key == *key)?;
    entry.loaded.upgrade()
}

/// What tells the model from others; none where its bytes do not.
fn key(source: Source<'_>, options: &GraphOptions) -> Option<Key> {
    let bytes = source.read().ok()?;
    let whole = tollgate_onnx::references(&bytes).is_ok_and(|reference| reference.is_none());
    whole.then(|| Key {
        digest: Sha256::digest(&bytes).into(),
        options: options.clone(),
    })
}

/// The bytes of a model's file.
///
/// # Errors
///
/// [`Error::File`] if it is no file, is larger than a model can be, or cannot be read.
pub fn read_model(name: &str, path: &Path) -> Result<Vec<u8>, Error> {
    check_file(name, path)?;
    let read = Source::File(path).read();
    let bytes = read.map_err(|reason| Error::File {
        graph: name.to_owned(),
        path: path.display().to_string(),
        reason,
    })?;
    Ok(bytes.into_owned())
}

/// Whether there is a file that can be read.
fn check_file(name: &str, path: &Path) -> Result<(), Error> {
    // Its type is checked first, since opening a pipe would wait for a writer. Then it is opened, to tell a
    // file that may not be read from a broken one.
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
    match reason {
        None => Ok(()),
        Some(reason) => Err(Error::File {
            graph: name.to_owned(),
            path: path.display().to_string(),
            reason,
        }),
    }
}
