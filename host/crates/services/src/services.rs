//! The services of an instance beside graphs and WASI: configuration values, the host's log, buckets.
//!
//! The sandbox's imports and the twin's table both use them, so the same limits and messages hold for both.
//! Of a frame it keeps only how much the frame has logged so far.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tollgate_nn::clock::Deadline;

use crate::{
    Bucket, BucketError, Grants, KeyValueGrant, Keys, Limit, Limits,
    limits::MESSAGE_BYTES,
    log::{Log, Quoted},
    text::{NAME_BYTES, shorten},
};

/// The longest time that a write waits for other writes: far longer than a disk needs for one.
const WAIT: Duration = Duration::from_secs(10);

/// The granted services, and how much of their limits was used.
#[derive(Clone, Debug)]
pub struct Services {
    config: Arc<BTreeMap<String, String>>,
    log: Arc<Log>,
    keyvalue: KeyValueGrant,
    limits: ServiceLimits,
    deadline: Option<Deadline>,
}

#[derive(Clone, Copy, Debug)]
struct ServiceLimits {
    key_bytes: usize,
    value_bytes: usize,
    bucket_bytes: u64,
    answer_bytes: usize,
}

/// Pairs in the order of the requested keys; none for a key that does not exist.
pub type Found = Vec<Option<(String, Vec<u8>)>>;

/// Why a bucket could not be opened, or an operation on it failed.
#[derive(Debug)]
pub enum Denial {
    /// There is no bucket of that name.
    NoSuchStore,
    /// It was not granted.
    AccessDenied,
    /// A message, and the limit that was exceeded, if one was.
    Other(String, Option<Limit>),
}

impl Denial {
    /// A denial with this message, which is cut if it is too long.
    pub fn other(sentence: impl Into<String>) -> Self {
        Denial::Other(shorten(sentence.into(), MESSAGE_BYTES), None)
    }

    fn over(limit: Limit, sentence: String) -> Self {
        Denial::Other(sentence, Some(limit))
    }
}

impl From<BucketError> for Denial {
    fn from(error: BucketError) -> Self {
        let limit = matches!(error, BucketError::Full { .. }).then_some(Limit::BucketBytes);
        Denial::Other(shorten(error.to_string(), MESSAGE_BYTES), limit)
    }
}

impl Services {
    /// The services that are granted.
    pub fn new(grants: &Grants, limits: &Limits) -> Self {
        Self {
            config: Arc::clone(&grants.config),
            log: Arc::new(Log::new(grants, limits)),
            keyvalue: grants.keyvalue.clone(),
            limits: ServiceLimits {
                key_bytes: limits.key_bytes,
                value_bytes: limits.value_bytes,
                bucket_bytes: limits.bucket_bytes,
                answer_bytes: limits.host_call_bytes,
            },
            deadline: None,
        }
    }

    /// A call begins.
    #[inline]
    pub fn begin(&mut self, deadline: Option<Deadline>) {
        self.log.begin();
        self.deadline = deadline;
    }

    /// The value of a key.
    pub fn config(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }

    /// All keys and values.
    pub fn all_config(&self) -> &BTreeMap<String, String> {
        &self.config
    }

    /// The instance's log.
    #[inline]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The bucket with this name, if it is granted. The guest cannot find out whether there are buckets
    /// that are not granted.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn open(&self, name: &str) -> Result<Arc<dyn Bucket>, Denial> {
        if let Some(bucket) = self.keyvalue.buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        if self.keyvalue.buckets.is_empty() {
            return Err(Denial::AccessDenied);
        }
        Err(Denial::NoSuchStore)
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn get(&self, bucket: &dyn Bucket, key: &str) -> Result<Option<Vec<u8>>, Denial> {
        self.check_key(key)?;
        let value = bucket.get(key)?;
        if let Some(value) = &value {
            // A value in the bucket may be larger than the limit, since the limit may have changed.
            self.check_value(key, value)?;
        }
        Ok(value)
    }

    /// The values of several keys.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn get_many(&self, bucket: &dyn Bucket, keys: Vec<String>) -> Result<Found, Denial> {
        // A thousand times the same short key would return a thousand copies of a large value.
        let most = self.limits.answer_bytes;
        let mut room = most;
        let mut found = Vec::new();
        for key in keys {
            self.check_time()?;
            let value = self.get(bucket, &key)?;
            let bytes = ANSWER_BYTES + key.len() + value.as_ref().map_or(0, Vec::len);
            room = room.checked_sub(bytes).ok_or_else(|| {
                let sentence =
                    format!("one call brings at most {most} bytes: ask for fewer keys at once");
                Denial::over(Limit::HostCallBytes, sentence)
            })?;
            found.push(value.map(|value| (key, value)));
        }
        Ok(found)
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn exists(&self, bucket: &dyn Bucket, key: &str) -> Result<bool, Denial> {
        self.check_key(key)?;
        Ok(bucket.exists(key)?)
    }

    /// Sets these values, all of them or none.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn set(&self, bucket: &dyn Bucket, pairs: &[(String, Vec<u8>)]) -> Result<(), Denial> {
        for (key, value) in pairs {
            self.check_key(key)?;
            self.check_value(key, value)?;
        }
        Ok(bucket.set(pairs, self.limits.bucket_bytes, self.until())?)
    }

    /// Removes these keys, all of them or none.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn delete(&self, bucket: &dyn Bucket, keys: &[String]) -> Result<(), Denial> {
        keys.iter().try_for_each(|key| self.check_key(key))?;
        Ok(bucket.delete(keys, self.until())?)
    }

    /// Adds to a key's number; returns the sum.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn increment(&self, bucket: &dyn Bucket, key: &str, delta: u64) -> Result<u64, Denial> {
        self.check_key(key)?;
        Ok(bucket.increment(key, delta, self.limits.bucket_bytes, self.until())?)
    }

    /// One page of keys.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn keys(&self, bucket: &dyn Bucket, cursor: Option<u64>) -> Result<Keys, Denial> {
        Ok(bucket.keys(cursor)?)
    }

    fn check_key(&self, key: &str) -> Result<(), Denial> {
        if key.len() <= self.limits.key_bytes {
            return Ok(());
        }
        let sentence = format!(
            "a key has at most {} bytes, and {} has {}",
            self.limits.key_bytes,
            Quoted(key, NAME_BYTES),
            key.len()
        );
        Err(Denial::over(Limit::KeyBytes, sentence))
    }

    fn check_value(&self, key: &str, value: &[u8]) -> Result<(), Denial> {
        if value.len() <= self.limits.value_bytes {
            return Ok(());
        }
        let sentence = format!(
            "a value has at most {} bytes, and the one of {} has {}",
            self.limits.value_bytes,
            Quoted(key, NAME_BYTES),
            value.len()
        );
        Err(Denial::over(Limit::ValueBytes, sentence))
    }

    /// Refuses to go on once the deadline has passed, in calls with many operations.
    fn check_time(&self) -> Result<(), Denial> {
        match self.deadline {
            Some(deadline) if deadline.left().is_zero() => Err(Denial::other(format!(
                "the deadline of {:?} passed",
                deadline.budget()
            ))),
            _ => Ok(()),
        }
    }

    fn until(&self) -> Deadline {
        let own = Deadline::after(WAIT);
        self.deadline.map_or(own, |frame| frame.min(own))
    }
}

/// How much memory one pair of an answer takes in the host beside its key and its value, in bytes.
const ANSWER_BYTES: usize = size_of::<Option<(String, Vec<u8>)>>();
