//! Key-value buckets: what must last beyond the instance.

use std::fmt;

use crate::backend;

/// Keys and their values, kept by the host: what was set is there after a crash, and other instances
/// and plugins with the same grant see it. Every call is a crossing, and one that writes waits for
/// the disk.
pub struct Bucket(backend::Bucket);

impl Bucket {
    /// Opens a bucket by the name that the host gave it; do it once, when the plugin is made.
    ///
    /// # Errors
    /// [`StoreError::AccessDenied`] where it was not granted, [`StoreError::NoSuchStore`] where there
    /// is none of that name.
    pub fn open(name: &str) -> Result<Self, StoreError> {
        backend::Bucket::open(name).map(Self)
    }

    /// The value of a key; none where there is no such key.
    ///
    /// # Errors
    /// [`StoreError::Other`], as of all that follow.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`StoreError::Other`]: the key, the value or the bucket would be over its limit, or others
    /// wrote for too long.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value)
    }

    /// Removes a key, which need not be there.
    ///
    /// # Errors
    /// As [`Bucket::set`].
    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key)
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    /// [`StoreError::Other`].
    pub fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.0.exists(key)
    }

    /// Adds to the decimal number that a key has, zero where there is none, and returns the sum.
    /// Nothing that others do can come between.
    ///
    /// # Errors
    /// As [`Bucket::set`], and where the value is no number or the sum would be too large for one.
    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        self.0.increment(key, delta)
    }

    /// One page of keys, in no particular order: the first without a cursor, the next with the cursor
    /// of the one before.
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
    /// What to ask for the next page with; none after the last.
    pub cursor: Option<u64>,
}

/// Why a bucket could not be had, or did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// There is no bucket of that name.
    NoSuchStore,
    /// The bucket was not granted.
    AccessDenied,
    /// Anything else, in one sentence for a person.
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
