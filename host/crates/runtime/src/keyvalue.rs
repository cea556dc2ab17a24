//! Key-value buckets, as the host hands them in: this crate opens no file, and knows no database.
//!
//! What an implementor promises is what a plugin may rely on: a write that returned is on the disk,
//! a write is seen whole or not at all, whoever else writes at the same time, and nobody waits for a
//! turn beyond the deadline.

use std::{fmt::Debug, time::Duration};

use tollgate_nn::clock::Deadline;

/// What a pair counts for beside its key and its value, in bytes: about what a database adds to it.
pub const ENTRY_BYTES: u64 = 32;

/// Keys on one page at most.
pub const PAGE_KEYS: usize = 1000;

/// Bytes of keys on one page at most; the last key may go beyond.
pub const PAGE_BYTES: usize = 64 << 10;

/// Keys and their values, shared by all instances that were granted it.
pub trait Bucket: Debug + Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// [`BucketError::Failed`].
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError>;

    /// Whether there is such a key.
    ///
    /// # Errors
    ///
    /// [`BucketError::Failed`].
    fn exists(&self, key: &str) -> Result<bool, BucketError>;

    /// Sets these values, all of them or none. Afterwards the bucket holds `room` bytes at most,
    /// counted as [`crate::Limits::bucket_bytes`] says.
    ///
    /// # Errors
    ///
    /// [`BucketError::Full`], [`BucketError::Busy`], [`BucketError::Late`], [`BucketError::Failed`].
    fn set(
        &self,
        pairs: &[(String, Vec<u8>)],
        room: u64,
        until: Deadline,
    ) -> Result<(), BucketError>;

    /// Removes these keys, all of them or none; they need not be there.
    ///
    /// # Errors
    ///
    /// [`BucketError::Busy`], [`BucketError::Late`], [`BucketError::Failed`].
    fn delete(&self, keys: &[String], until: Deadline) -> Result<(), BucketError>;

    /// Adds to the decimal number that a key has, zero where there is none, and gives the sum.
    ///
    /// # Errors
    ///
    /// [`BucketError::NoNumber`], and as [`Bucket::set`].
    fn increment(
        &self,
        key: &str,
        delta: u64,
        room: u64,
        until: Deadline,
    ) -> Result<u64, BucketError>;

    /// One page of keys, [`PAGE_KEYS`] and [`PAGE_BYTES`] at most, in the order in which they were
    /// first set: what is there all the while is on exactly one page, whatever comes or goes.
    ///
    /// # Errors
    ///
    /// [`BucketError::Failed`].
    fn keys(&self, after: Option<u64>) -> Result<Keys, BucketError>;
}

/// One page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<String>,
    /// What to ask for the next page with; none after the last.
    pub cursor: Option<u64>,
}

/// Why a bucket did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// There is no room.
    #[error("the bucket holds at most {limit} bytes, and would hold {came}: delete something")]
    Full {
        /// The most that it holds, in bytes.
        limit: u64,
        /// What it would hold, in bytes.
        came: u64,
    },
    /// Others wrote for too long.
    #[error("others were writing for {waited:?}: try again")]
    Busy {
        /// How long it waited.
        waited: Duration,
    },
    /// There was no time to finish; nothing was changed.
    #[error("the deadline of {after:?} passed, and nothing was changed: ask for less at once")]
    Late {
        /// How long it was given.
        after: Duration,
    },
    /// What is there is no number, or one that nothing can be added to.
    #[error(
        "`{key}` holds {found}, expected a decimal number that leaves room to add: set it anew"
    )]
    NoNumber {
        /// The key.
        key: String,
        /// What is there, in words.
        found: String,
    },
    /// The store itself failed.
    #[error("the bucket failed: {reason}")]
    Failed {
        /// What the database, or the system, said.
        reason: String,
    },
}
