//! Key-value buckets as a trait, which the host implements: this crate opens no file, and uses no database.
//!
//! An implementation must guarantee what plugins rely on. A write that returned is on the disk. A write is seen
//! as a whole or not at all, even if others write at the same time. No call waits for other writes beyond its
//! deadline.

use std::{fmt::Debug, time::Duration};

use tollgate_nn::clock::Deadline;

/// How many bytes a pair counts beside its key and its value: about what a database adds.
pub const ENTRY_BYTES: u64 = 32;

/// The most keys on one page.
pub const PAGE_KEYS: usize = 1000;

/// The most bytes of keys on one page; only the last key may exceed it.
pub const PAGE_BYTES: usize = 64 << 10;

/// Keys and their values, shared by all instances to which the bucket is granted.
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

    /// Sets these values, all of them or none. Afterwards the bucket holds at most `room` bytes, counted
    /// as for [`crate::Limits::bucket_bytes`].
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

    /// Removes these keys, all of them or none. Keys that do not exist are no error.
    ///
    /// # Errors
    ///
    /// [`BucketError::Busy`], [`BucketError::Late`], [`BucketError::Failed`].
    fn delete(&self, keys: &[String], until: Deadline) -> Result<(), BucketError>;

    /// Adds to a key's decimal number, which is zero if the key does not exist, and returns the sum.
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

    /// One page of keys, at most [`PAGE_KEYS`] and [`PAGE_BYTES`], in the order in which they were first
    /// set. A key that exists all the time is on exactly one page, even if others are added or removed.
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
    /// The cursor of the next page; none after the last.
    pub cursor: Option<u64>,
}

/// Why an operation on a bucket failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The bucket is full.
    #[error("the bucket holds at most {limit} bytes, and would hold {came}: delete something")]
    Full {
        /// The most bytes that it may hold.
        limit: u64,
        /// How many bytes it would hold.
        came: u64,
    },
    /// Other writes took too long.
    #[error("others were writing for {waited:?}: try again")]
    Busy {
        /// How long it waited.
        waited: Duration,
    },
    /// The deadline passed before the end; nothing was changed.
    #[error("the deadline of {after:?} passed, and nothing was changed: ask for less at once")]
    Late {
        /// The time until the deadline.
        after: Duration,
    },
    /// The key's value is no number, or the sum would overflow.
    #[error(
        "`{key}` holds {found}, expected a decimal number that leaves room to add: set it anew"
    )]
    NoNumber {
        /// The key.
        key: String,
        /// What the value is, in words.
        found: String,
    },
    /// The store itself failed.
    #[error("the bucket failed: {reason}")]
    Failed {
        /// What the database, or the system, said.
        reason: String,
    },
}
