//! What a plugin is, what it is handed, what it hands back, and how it says no.
//!
//! These types mirror the interface `tollgate:plugin/types`. They hold plain values and know
//! neither of the two ways in which a frame can reach the plugin.

use std::fmt;

use crate::{bucket::StoreError, error::Error, image};

/// A plugin: made once per instance, then handed one frame after the other.
///
/// The value is the plugin's state. It lasts as long as its instance, and a host may use an
/// instance for many frames or for a single one: keep in it what speeds things up or what may be
/// forgotten, never what must last.
pub trait Plugin: Sized + 'static {
    /// Makes the plugin, before its first frame. Load graphs here.
    ///
    /// # Errors
    /// The fault becomes the answer to the frame that was waiting, and the next frame tries again.
    fn new() -> Result<Self, Fault>;

    /// Handles one frame. An empty list says that there is nothing to report.
    ///
    /// # Errors
    /// A fault concerns this frame alone; the plugin stays in use and gets the next one.
    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault>;
}

/// What a plugin is handed: one message, picture or buffer as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Counts the frames of one source from zero.
    pub sequence: u64,
    /// Where it came from: a file's name, a topic, a path.
    pub source: String,
    /// The media type of `data`, such as `image/jpeg`; empty where nobody said.
    pub content_type: String,
    /// When it was acquired, in nanoseconds since the Unix epoch; zero where nobody knows.
    pub acquired_ns: u64,
    /// The bytes, as they arrived.
    pub data: Vec<u8>,
}

/// What a plugin hands back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Which of the plugin's outputs this is; routes bind to it.
    pub name: String,
    /// The media type of `data`.
    pub content_type: String,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Output {
    /// An output of any media type.
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

    /// An output that is JSON text. The text is taken as it is and not checked.
    pub fn json(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, "application/json", text.into())
    }

    /// An output that is plain text.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, "text/plain; charset=utf-8", text.into())
    }

    /// An output that is bytes of no other media type.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(name, "application/octet-stream", bytes)
    }
}

/// Why a plugin could not make anything of a frame. Each carries one sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The frame is not what this plugin reads.
    InvalidFrame(String),
    /// An inference failed.
    Inference(String),
    /// Something else, the plugin's own.
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
    /// A graph call that failed is a failed inference.
    fn from(error: Error) -> Self {
        Self::Inference(error.to_string())
    }
}

impl From<StoreError> for Fault {
    /// A bucket that fails is the plugin's own affair: no inference failed.
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<image::Error> for Fault {
    /// A picture that does not have the promised size is not what the plugin reads.
    fn from(error: image::Error) -> Self {
        Self::InvalidFrame(error.to_string())
    }
}
