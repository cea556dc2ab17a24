//! The plugin trait, its frames and outputs, and its faults.
//!
//! These types mirror the interface `tollgate:plugin/types`. They hold plain values and do not
//! depend on the way in which a frame reaches the plugin.

use std::fmt;

use crate::{bucket::StoreError, error::Error, image};

/// A plugin: made once per instance, then given one frame after the other.
///
/// The value is the plugin's state and lives as long as its instance. A host may use an instance
/// for many frames or for a single one. So keep only data in it that makes the plugin faster or
/// that may be lost, never data that must last.
pub trait Plugin: Sized + 'static {
    /// Makes the plugin, before its first frame. Load graphs here.
    ///
    /// # Errors
    /// The fault becomes the answer to the waiting frame, and the next frame tries again.
    fn new() -> Result<Self, Fault>;

    /// Handles one frame. An empty list means that there is nothing to report.
    ///
    /// # Errors
    /// A fault concerns only this frame; the plugin stays in use and gets the next one.
    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault>;
}

/// The input of a plugin: one message, picture or buffer as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The number of the frame in its source, from zero.
    pub sequence: u64,
    /// Where it came from: a file's name, a topic, a path.
    pub source: String,
    /// The media type of `data`, such as `image/jpeg`; empty if unknown.
    pub content_type: String,
    /// When it was acquired, in nanoseconds since the Unix epoch; zero if unknown.
    pub acquired_ns: u64,
    /// The bytes, as they arrived.
    pub data: Vec<u8>,
}

/// An output of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The name of this output; routes refer to it.
    pub name: String,
    /// The media type of `data`.
    pub content_type: String,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Output {
    /// Makes an output of any media type.
    pub fn new(
        name: impl Into<String>,
        content_type: impl Into<String>,
        data: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            name: name.into(),
            content_type: content_type.into(),
            data: data.into(),
        }
    }

    /// Makes an output of JSON text. The text is not checked.
    pub fn json(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, "application/json", text.into())
    }

    /// Makes an output of plain text.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, "text/plain; charset=utf-8", text.into())
    }

    /// Makes an output of bytes with the generic media type.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(name, "application/octet-stream", bytes)
    }
}

/// Why a plugin could not process a frame. Each has one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The frame is not of the kind that this plugin reads.
    InvalidFrame(String),
    /// An inference failed.
    Inference(String),
    /// Another failure of the plugin itself.
    Internal(String),
}

impl Fault {
    /// The sentence.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidFrame(message) | Self::Inference(message) | Self::Internal(message) => {
                message
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::InvalidFrame(_) => "invalid frame",
            Self::Inference(_) => "inference failed",
            Self::Internal(_) => "plugin failed",
        };
        write!(f, "{kind}: {}", self.message())
    }
}

impl std::error::Error for Fault {}

impl From<Error> for Fault {
    /// A failed graph call is a failed inference.
    fn from(error: Error) -> Self {
        Self::Inference(error.to_string())
    }
}

impl From<StoreError> for Fault {
    /// A failed bucket is the plugin's own failure, since no inference failed.
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<image::Error> for Fault {
    /// A picture with a wrong size is not of the kind that the plugin reads.
    fn from(error: image::Error) -> Self {
        Self::InvalidFrame(error.to_string())
    }
}
