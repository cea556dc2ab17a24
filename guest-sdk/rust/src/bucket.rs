//! Key-value buckets, for data that must outlive the instance.

use std::fmt;

use crate::backend;

/// Keys and values that the host stores. A value that was set survives a crash, and is visible to
/// other instances and plugins with the same grant. Each call is a crossing; a call that writes
/// waits for the disk.
pub struct Bucket(backend::Bucket);

impl Bucket {
    /// Opens a bucket by its name on the host. Do this once, when the plugin is made.
    ///
    /// # Errors
    /// [`StoreError::AccessDenied`] if it was not granted, [`StoreError::NoSuchStore`] if there is
    /// no bucket of that name.
    pub fn open(name: &str) -> Result<Self, StoreError> {
        backend::Bucket::open(name).map(Self)
    }

    /// The value of a key; `None` if there is no such key.
    ///
    /// # Errors
    /// [`StoreError::Other`], as for all functions below.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`StoreError::Other`] if the key, the value or the bucket would exceed its limit, or if
    /// others wrote for too long.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value)
    }

    /// Removes a key, if it exists.
    ///
    /// # Errors
    /// As for [`Bucket::set`].
    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key)
    }

    /// Whether a key exists.
    ///
    /// # Errors
    /// [`StoreError::Other`].
    pub fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.0.exists(key)
    }

    /// Adds to the decimal number in a key, where a missing key counts as zero, and returns the
    /// sum. The operation is atomic.
    ///
    /// # Errors
    /// As for [`Bucket::set`], and if the value is not a number or the sum would be too large.
    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        self.0.increment(key, delta)
    }

    /// One page of keys, in no particular order. The first page needs no cursor; each next one
    /// needs the cursor of the page before.
    ///
    /// # Errors
    /// [`StoreError::Other`].
    pub fn keys(&self, cursor: Option<u64>) -> Result<Keys, StoreError> {
        self.0.keys(cursor)
    }
}

/// One page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<String>,
    /// The cursor for the next page; `None` after the last.
    pub cursor: Option<u64>,
}

/// Why a bucket could not be opened, or an operation on it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// There is no bucket of that name.
    NoSuchStore,
    /// The bucket was not granted.
    AccessDenied,
    /// Anything else, as one sentence for people.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchStore => "there is no bucket of that name: check it, or have it granted",
            Self::AccessDenied => "the bucket was not granted: have it granted",
            Self::Other(sentence) => sentence,
        })
    }
}

impl std::error::Error for StoreError {}
