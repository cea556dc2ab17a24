//! The inputs and outputs of a plugin: the values of `tollgate:plugin/types`.

use std::sync::Arc;

use bytes::Bytes;

use crate::{limits::FAULT_BYTES, text::shorten};

/// The input of a plugin. Cloning it copies no data.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The number of this frame among those of its source, from zero.
    pub sequence: u64,
    /// Where it came from: a file's name, a topic, a path.
    pub source: Arc<str>,
    /// The media type of `data`; empty if it is unknown.
    pub content_type: Arc<str>,
    /// When it was acquired, in nanoseconds since the Unix epoch; zero if that is unknown.
    pub acquired_ns: u64,
    /// The message, picture or buffer as it arrived.
    pub data: Bytes,
}

impl Frame {
    /// Bytes of its lists and strings.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.source.len() + self.content_type.len() + self.data.len()
    }
}

/// One output of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The output's name.
    pub name: String,
    /// The media type of `data`.
    pub content_type: String,
    /// The output's bytes.
    pub data: Vec<u8>,
}

impl Output {
    /// Bytes of its list and strings.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.name.len() + self.content_type.len() + self.data.len()
    }
}

impl Fault {
    /// The same fault, with its text cut to [`FAULT_BYTES`].
    #[must_use]
    pub fn shorten(self) -> Self {
        let cut = |text| shorten(text, FAULT_BYTES);
        match self {
            Fault::InvalidFrame(text) => Fault::InvalidFrame(cut(text)),
            Fault::Inference(text) => Fault::Inference(cut(text)),
            Fault::Internal(text) => Fault::Internal(cut(text)),
        }
    }
}

/// Why a plugin could not process a frame. The instance stays in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The plugin cannot read the frame.
    #[error("invalid frame: {0}")]
    InvalidFrame(String),
    /// An inference failed.
    #[error("inference failed: {0}")]
    Inference(String),
    /// Another fault of the plugin.
    #[error("internal fault: {0}")]
    Internal(String),
}
