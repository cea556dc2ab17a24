//! What an instance may reach beside graphs and WASI: configuration values, the host's log, buckets.
//!
//! One view for the sandbox's imports and for the twin's table, so that both are held to the same
//! limits and told the same. It keeps nothing of a frame but what the frame has logged so far.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc, time::Duration};

use tollgate_nn::clock::Deadline;
use tracing::Level as Severity;

use crate::{Bucket, BucketError, Grants, KeyValueGrant, Keys, Limits, LogGrant};

/// What log lines of plugins are filtered by.
pub const LOG_TARGET: &str = "plugin";

/// How long a write waits for others at most: far beyond what a disk takes for one.
const WAIT: Duration = Duration::from_secs(10);

/// What was granted, and how much of it was used.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    config: Arc<BTreeMap<String, String>>,
    log: Option<LogGrant>,
    keyvalue: KeyValueGrant,
    limits: ServiceLimits,
    /// What the frame logged so far, in bytes.
    logged: usize,
    deadline: Option<Deadline>,
}

#[derive(Clone, Copy, Debug)]
struct ServiceLimits {
    log_line_bytes: usize,
    log_bytes: usize,
    key_bytes: usize,
    value_bytes: usize,
    bucket_bytes: u64,
    answer_bytes: usize,
}

/// How much a log line matters, in the order of `wasi:logging`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

const LEVELS: [(LogLevel, &str); 6] = [
    (LogLevel::Trace, "trace"),
    (LogLevel::Debug, "debug"),
    (LogLevel::Info, "info"),
    (LogLevel::Warn, "warn"),
    (LogLevel::Error, "error"),
    (LogLevel::Critical, "critical"),
];

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = LEVELS.iter().find(|(level, _)| level == self);
        f.write_str(named.map_or("", |(_, name)| name))
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = LEVELS.iter().find(|(_, name)| *name == text);
        named.map(|(level, _)| *level).ok_or_else(|| {
            let names = LEVELS.map(|(_, name)| name).join(", ");
            format!("unknown level `{text}`: expected one of {names}")
        })
    }
}

/// Pairs in the order of the keys that were asked for; none where there is no such key.
pub(crate) type Found = Vec<Option<(String, Vec<u8>)>>;

/// Why a bucket could not be had, or did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Denial {
    /// There is none of that name.
    NoSuchStore,
    /// It was not granted.
    AccessDenied,
    /// A sentence.
    Other(String),
}

impl From<BucketError> for Denial {
    fn from(error: BucketError) -> Self {
        Denial::Other(error.to_string())
    }
}

impl Services {
    pub(crate) fn new(grants: &Grants, limits: &Limits) -> Self {
        Self {
            config: Arc::clone(&grants.config),
            log: grants.logging.clone(),
            keyvalue: grants.keyvalue.clone(),
            limits: ServiceLimits {
                log_line_bytes: limits.log_line_bytes,
                log_bytes: limits.log_bytes,
                key_bytes: limits.key_bytes,
                value_bytes: limits.value_bytes,
                bucket_bytes: limits.bucket_bytes,
                answer_bytes: limits.host_call_bytes,
            },
            logged: 0,
            deadline: None,
        }
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, deadline: Option<Deadline>) {
        self.logged = 0;
        self.deadline = deadline;
    }

    /// The value of a key.
    pub(crate) fn config(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }

    /// All keys and values.
    pub(crate) fn all_config(&self) -> &BTreeMap<String, String> {
        &self.config
    }

    /// Logs a line, if anybody is to see it.
    ///
    /// What the guest says stands between quotation marks and escaped, so that it cannot pass for
    /// another line, another field or a command to a terminal.
    pub(crate) fn log(&mut self, level: LogLevel, context: &str, message: &str) {
        let Some(LogGrant { name, least }) = &self.log else {
            return;
        };
        if level < *least || !level.is_seen() || self.logged >= self.limits.log_bytes {
            return;
        }
        let context = Said(context, CONTEXT_BYTES).to_string();
        let message = Said(message, self.limits.log_line_bytes).to_string();
        self.logged = self.logged.saturating_add(context.len() + message.len());
        level.emit(name, &context, &message);
        if self.logged >= self.limits.log_bytes {
            tracing::warn!(
                target: LOG_TARGET,
                plugin = %name,
                "this frame has logged {} bytes, and what else it logs is dropped",
                self.logged
            );
        }
    }

    /// The bucket of a name, if it is granted.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<dyn Bucket>, Denial> {
        if let Some(bucket) = self.keyvalue.buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let known = self.keyvalue.denied.iter().any(|denied| denied == name);
        if known || self.keyvalue.buckets.is_empty() {
            return Err(Denial::AccessDenied);
        }
        Err(Denial::NoSuchStore)
    }

    pub(crate) fn get(&self, bucket: &dyn Bucket, key: &str) -> Result<Option<Vec<u8>>, Denial> {
        self.check_key(key)?;
        Ok(bucket.get(key)?)
    }

    pub(crate) fn get_many(&self, bucket: &dyn Bucket, keys: Vec<String>) -> Result<Found, Denial> {
        // One large value asked for by a thousand short keys is a thousand large values.
        let mut room = self.limits.answer_bytes;
        let mut found = Vec::new();
        for key in keys {
            let value = self.get(bucket, &key)?;
            let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
            room = room.checked_sub(bytes).ok_or_else(|| {
                Denial::Other(format!(
                    "one call brings at most {} bytes: ask for fewer keys at once",
                    self.limits.answer_bytes
                ))
            })?;
            found.push(value.map(|value| (key, value)));
        }
        Ok(found)
    }

    pub(crate) fn exists(&self, bucket: &dyn Bucket, key: &str) -> Result<bool, Denial> {
        self.check_key(key)?;
        Ok(bucket.exists(key)?)
    }

    pub(crate) fn set(
        &self,
        bucket: &dyn Bucket,
        pairs: &[(String, Vec<u8>)],
    ) -> Result<(), Denial> {
        for (key, value) in pairs {
            self.check_key(key)?;
            if value.len() > self.limits.value_bytes {
                return Err(Denial::Other(format!(
                    "a value has at most {} bytes, and the one of {} has {}",
                    self.limits.value_bytes,
                    Said(key, SHOWN_BYTES),
                    value.len()
                )));
            }
        }
        Ok(bucket.set(pairs, self.limits.bucket_bytes, self.until())?)
    }

    pub(crate) fn delete(&self, bucket: &dyn Bucket, keys: &[String]) -> Result<(), Denial> {
        keys.iter().try_for_each(|key| self.check_key(key))?;
        Ok(bucket.delete(keys, self.until())?)
    }

    pub(crate) fn increment(
        &self,
        bucket: &dyn Bucket,
        key: &str,
        delta: u64,
    ) -> Result<u64, Denial> {
        self.check_key(key)?;
        Ok(bucket.increment(key, delta, self.limits.bucket_bytes, self.until())?)
    }

    pub(crate) fn keys(&self, bucket: &dyn Bucket, cursor: Option<u64>) -> Result<Keys, Denial> {
        Ok(bucket.keys(cursor)?)
    }

    fn check_key(&self, key: &str) -> Result<(), Denial> {
        if key.len() <= self.limits.key_bytes {
            return Ok(());
        }
        Err(Denial::Other(format!(
            "a key has at most {} bytes, and {} has {}",
            self.limits.key_bytes,
            Said(key, SHOWN_BYTES),
            key.len()
        )))
    }

    fn until(&self) -> Deadline {
        let own = Deadline::after(WAIT);
        self.deadline.map_or(own, |frame| frame.min(own))
    }
}

/// A line's context, in bytes; it is a word that groups lines.
const CONTEXT_BYTES: usize = 128;

/// How much of a key is repeated in an error, in bytes.
const SHOWN_BYTES: usize = 64;

/// What a guest said, quoted and escaped, and cut off behind so many bytes.
struct Said<'a>(&'a str, usize);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said(text, most) = *self;
        let cut = text.floor_char_boundary(most);
        let (shown, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
        write!(f, "{shown:?}")?;
        if !rest.is_empty() {
            write!(f, " and {} bytes more", rest.len())?;
        }
        Ok(())
    }
}

impl LogLevel {
    /// By its place in `wasi:logging`.
    pub(crate) fn from_ordinal(ordinal: u8) -> Self {
        match ordinal {
            0 => LogLevel::Trace,
            1 => LogLevel::Debug,
            2 => LogLevel::Info,
            3 => LogLevel::Warn,
            4 => LogLevel::Error,
            _ => LogLevel::Critical,
        }
    }

    fn is_seen(self) -> bool {
        match self {
            LogLevel::Trace => tracing::enabled!(target: LOG_TARGET, Severity::TRACE),
            LogLevel::Debug => tracing::enabled!(target: LOG_TARGET, Severity::DEBUG),
            LogLevel::Info => tracing::enabled!(target: LOG_TARGET, Severity::INFO),
            LogLevel::Warn => tracing::enabled!(target: LOG_TARGET, Severity::WARN),
            LogLevel::Error | LogLevel::Critical => {
                tracing::enabled!(target: LOG_TARGET, Severity::ERROR)
            }
        }
    }

    /// To whoever listens. `tracing` has no level above an error: a critical one says so itself.
    fn emit(self, plugin: &str, context: &str, message: &str) {
        macro_rules! event {
            ($level:expr $(, $critical:ident)?) => {
                tracing::event!(
                    target: LOG_TARGET, $level, plugin, context = %context,
                    $($critical = true,)? "{message}"
                )
            };
        }
        match self {
            LogLevel::Trace => event!(Severity::TRACE),
            LogLevel::Debug => event!(Severity::DEBUG),
            LogLevel::Info => event!(Severity::INFO),
            LogLevel::Warn => event!(Severity::WARN),
            LogLevel::Error => event!(Severity::ERROR),
            LogLevel::Critical => event!(Severity::ERROR, critical),
        }
    }
}
