//! The inputs and outputs of a plugin: the values of `tollgate:plugin/types`, lowered and lifted directly.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::{limits::FAULT_BYTES, text::shorten};

/// The input of a plugin. Cloning it copies no data.
#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub struct Frame {
    /// The number of this frame among those of its source, from zero.
    pub sequence: u64,
    /// Where it came from: a file's name, a topic, a path.
    pub source: Arc<str>,
    /// The media type of `data`; empty if it is unknown.
    #[component(name = "content-type")]
    pub content_type: Arc<str>,
    /// When it was acquired, in nanoseconds since the Unix epoch; zero if that is unknown.
    #[component(name = "acquired-ns")]
    pub acquired_ns: u64,
    /// The message, picture or buffer as it arrived.
    pub data: Bytes,
}

impl Frame {
    /// How many lists and strings a frame has: each is an allocation in the guest.
    pub(crate) const LISTS: u8 = 3;

    pub(crate) fn bytes(&self) -> usize {
        self.source.len() + self.content_type.len() + self.data.len()
    }
}

/// One output of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
pub struct Output {
    /// The output's name.
    pub name: String,
    /// The media type of `data`.
    #[component(name = "content-type")]
    pub content_type: String,
    /// The output's bytes.
    pub data: Vec<u8>,
}

impl Output {
    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.content_type.len() + self.data.len()
    }
}

impl Fault {
    /// The same fault, with its text cut to [`FAULT_BYTES`].
    pub(crate) fn shorten(self) -> Self {
        let cut = |text| shorten(text, FAULT_BYTES);
        match self {
            Fault::InvalidFrame(text) => Fault::InvalidFrame(cut(text)),
            Fault::Inference(text) => Fault::Inference(cut(text)),
            Fault::Internal(text) => Fault::Internal(cut(text)),
        }
    }
}

/// Why a plugin could not process a frame. The instance stays in use.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, thiserror::Error)]
#[component(variant)]
pub enum Fault {
    /// The plugin cannot read the frame.
    #[component(name = "invalid-frame")]
    #[error("invalid frame: {0}")]
    InvalidFrame(String),
    /// An inference failed.
    #[component(name = "inference")]
    #[error("inference failed: {0}")]
    Inference(String),
    /// Another fault of the plugin.
    #[component(name = "internal")]
    #[error("internal fault: {0}")]
    Internal(String),
}
