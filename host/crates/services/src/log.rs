//! The log lines of one instance: whether they are logged, how many bytes of each and of all, and how they get
//! to `tracing`.
//!
//! A line comes from `wasi:logging`, from the twin, or from the guest's standard streams. All lines of a frame
//! together have one limit of bytes. A line is quoted and escaped, so it cannot look like another line or
//! another field, and cannot control a terminal.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tracing::Level as Severity;

use crate::{Grants, Limits, LogGrant};

/// The target of plugins' log lines, by which they can be filtered.
pub const LOG_TARGET: &str = "plugin";

/// The most bytes of a line's context, which is a word that groups lines.
const CONTEXT_BYTES: usize = 128;

/// The level of a log line, in the order of `wasi:logging`.
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

/// The log of one instance.
#[derive(Debug)]
pub struct Log {
    grant: Option<LogGrant>,
    line_bytes: usize,
    frame_bytes: usize,
    /// How many bytes the current frame has logged.
    logged: AtomicUsize,
    /// Whether the current frame wrote to a standard stream without a granted log.
    unseen: AtomicBool,
}

impl Log {
    /// The log that is granted.
    pub fn new(grants: &Grants, limits: &Limits) -> Self {
        Self {
            grant: grants.logging.clone(),
            line_bytes: limits.log_line_bytes,
            frame_bytes: limits.log_bytes,
            logged: AtomicUsize::new(0),
            unseen: AtomicBool::new(false),
        }
    }

    /// A frame begins. An instance is used by one thread at a time: the atomics only make the type `Sync`.
    #[inline]
    pub(crate) fn begin(&self) {
        self.logged.store(0, Ordering::Relaxed);
        self.unseen.store(false, Ordering::Relaxed);
    }

    /// How many bytes of a line are logged; none if lines of this level are not logged.
    pub fn shows(&self, level: LogLevel) -> Option<usize> {
        let grant = self.grant.as_ref()?;
        let room = self.logged.load(Ordering::Relaxed) < self.frame_bytes;
        (level >= grant.least && level.is_seen() && room).then_some(self.line_bytes)
    }

    /// The guest wrote to a standard stream.
    pub fn written(&self) {
        if self.grant.is_none() {
            self.unseen.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the current frame wrote to a standard stream without a granted log.
    #[inline]
    pub fn unseen(&self) -> bool {
        self.unseen.load(Ordering::Relaxed)
    }

    /// Logs a line, if lines of its level are logged.
    pub fn line(&self, level: LogLevel, context: &str, message: &str) {
        if let Some(most) = self.shows(level) {
            self.emit(level, context, &Quoted(message, most));
        }
    }

    /// As [`Log::line`], for bytes; `left_out` more bytes of the line were not kept.
    pub fn bytes(&self, level: LogLevel, context: &str, message: &[u8], left_out: usize) {
        if self.shows(level).is_some() {
            let text = String::from_utf8_lossy(message);
            self.emit(level, context, &Cut(&text, left_out));
        }
    }

    fn emit(&self, level: LogLevel, context: &str, message: &dyn fmt::Display) {
        let Some(LogGrant { name, .. }) = &self.grant else {
            return;
        };
        let context = Quoted(context, CONTEXT_BYTES).to_string();
        let message = message.to_string();
        let before = self.logged.load(Ordering::Relaxed);
        let logged = before.saturating_add(context.len() + message.len());
        self.logged.store(logged, Ordering::Relaxed);
        level.emit(name, &context, &message);
        if logged >= self.frame_bytes {
            tracing::warn!(
                target: LOG_TARGET,
                plugin = %name,
                "this frame has logged {logged} bytes, and what else it logs is dropped"
            );
        }
    }
}

/// A guest's text, cut to this many bytes, quoted and escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str, pub(crate) usize);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quoted(text, most) = *self;
        let cut = text.floor_char_boundary(most);
        let (shown, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
        Cut(shown, rest.len()).fmt(f)
    }
}

/// The beginning of a guest's text, quoted and escaped, and how many bytes are missing.
struct Cut<'a>(&'a str, usize);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)?;
        if self.1 > 0 {
            write!(f, " and {} bytes more", self.1)?;
        }
        Ok(())
    }
}

impl LogLevel {
    /// The level with this ordinal in `wasi:logging`.
    pub fn from_ordinal(ordinal: u8) -> Self {
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

    /// Passes a line on to `tracing`. That has no level above error, so a critical line gets a field that
    /// says so.
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
