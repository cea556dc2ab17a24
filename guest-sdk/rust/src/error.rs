//! The error of a graph call: one of wasi-nn's error codes, and a sentence.

use std::fmt;

/// Why a graph call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of failure, on which the plugin can act.
    pub code: ErrorCode,
    /// One sentence for people: what was expected, what came, what to do.
    pub message: String,
}

impl Error {
    /// Makes an error from a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Error {}

/// The error codes of wasi-nn, in the standard's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// Wrong rank, dimension, type or byte count; a missing or surplus input.
    InvalidArgument,
    /// The bytes are not a model that can be read.
    InvalidEncoding,
    /// The deadline passed.
    Timeout,
    /// The model ran and failed.
    RuntimeError,
    /// An encoding, target or operator that is not supported.
    UnsupportedOperation,
    /// A model or tensor exceeds its limit.
    TooLarge,
    /// No graph, input or output of that name.
    NotFound,
    /// Not granted.
    Security,
    /// None of these.
    Unknown,
}

impl ErrorCode {
    /// The code with this index in the standard's list; [`ErrorCode::Unknown`] beyond its end.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn from_ordinal(ordinal: u8) -> Self {
        match ordinal {
            0 => Self::InvalidArgument,
            1 => Self::InvalidEncoding,
            2 => Self::Timeout,
            3 => Self::RuntimeError,
            4 => Self::UnsupportedOperation,
            5 => Self::TooLarge,
            6 => Self::NotFound,
            7 => Self::Security,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidArgument => "invalid-argument",
            Self::InvalidEncoding => "invalid-encoding",
            Self::Timeout => "timeout",
            Self::RuntimeError => "runtime-error",
            Self::UnsupportedOperation => "unsupported-operation",
            Self::TooLarge => "too-large",
            Self::NotFound => "not-found",
            Self::Security => "security",
            Self::Unknown => "unknown",
        })
    }
}
