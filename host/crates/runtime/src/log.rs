//! The log lines of one instance: who may write them, how much of each and of all is shown, and how
//! they reach `tracing`.
//!
//! A line comes by `wasi:logging`, from the twin, or from the guest's standard streams, and counts
//! against one sum of bytes a frame. It stands between quotation marks and escaped, so that it cannot
//! pass for another line, another field or a command to a terminal.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tracing::Level as Severity;

use crate::{Grants, Limits, LogGrant};

/// What log lines of plugins are filtered by.
pub const LOG_TARGET: &str = "plugin";

/// A line's context, in bytes; it is a word that groups lines.
const CONTEXT_BYTES: usize = 128;

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

/// The log of one instance.
#[derive(Debug)]
pub(crate) struct Log {
    grant: Option<LogGrant>,
    line_bytes: usize,
    frame_bytes: usize,
    /// What the frame logged so far, in bytes.
    logged: AtomicUsize,
    /// Whether the frame wrote lines to a standard stream that no log was granted for.
    unseen: AtomicBool,
}

impl Log {
    pub(crate) fn new(grants: &Grants, limits: &Limits) -> Self {
        Self {
            grant: grants.logging.clone(),
            line_bytes: limits.log_line_bytes,
            frame_bytes: limits.log_bytes,
            logged: AtomicUsize::new(0),
            unseen: AtomicBool::new(false),
        }
    }

    /// A frame begins. One thread at a time uses an instance: the atomics only make the type shareable.
    pub(crate) fn begin(&self) {
        self.logged.store(0, Ordering::Relaxed);
        self.unseen.store(false, Ordering::Relaxed);
    }

    /// How much of a line is shown, in bytes; none where lines of this level are not.
    pub(crate) fn shows(&self, level: LogLevel) -> Option<usize> {
        let grant = self.grant.as_ref()?;
        let room = self.logged.load(Ordering::Relaxed) < self.frame_bytes;
        (level >= grant.least && level.is_seen() && room).then_some(self.line_bytes)
    }

    /// Something was written to a standard stream.
    pub(crate) fn written(&self) {
        if self.grant.is_none() {
            self.unseen.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the frame wrote to a standard stream and no log was granted to show it.
    pub(crate) fn unseen(&self) -> bool {
        self.unseen.load(Ordering::Relaxed)
    }

    /// Logs a line, if it is to be seen.
    pub(crate) fn line(&self, level: LogLevel, context: &str, message: &str) {
        if let Some(most) = self.shows(level) {
            self.emit(level, context, &Quoted(message, most));
        }
    }

    /// As [`Log::line`], for bytes of which `left_out` more came than were kept.
    pub(crate) fn bytes(&self, level: LogLevel, context: &str, message: &[u8], left_out: usize) {
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

/// A text of a guest's, quoted and escaped, and cut off behind this many bytes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str, pub(crate) usize);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quoted(text, most) = *self;
        let cut = text.floor_char_boundary(most);
        let (shown, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
        Cut(shown, rest.len()).fmt(f)
    }
}

/// A text of a guest's, quoted and escaped, which this many bytes are missing from.
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

    /// Hands a line to `tracing`, which has no level above an error: a critical one says so itself.
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
