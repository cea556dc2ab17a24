//! What one instance may use, each limit with its unit, its default and the reason for it.
//!
//! What can be set is a field of [`Limits`]; what nobody has a reason to set is a constant.

use std::time::Duration;

/// Dimensions of one tensor. 64: no model has as many, and ONNX Runtime's own operators stop far below.
pub const RANK: usize = 64;

/// A sentence that the host keeps for the guest, an error's message above all, in bytes; the rest of a
/// longer one is cut off. 2 KiB: a sentence with all names of a graph. An instance keeps at most
/// [`Limits::handles`] of them.
pub const MESSAGE_BYTES: usize = 2048;

/// What a plugin says of a frame that it could make nothing of, and how a guest's trap is described, in
/// bytes; the rest is cut off. 16 KiB: a backtrace.
pub const FAULT_BYTES: usize = 16 << 10;

/// Which of [`Limits`] was in the way, for whoever knows how it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the field of its name")]
pub enum Limit {
    MemoryBytes,
    TableElements,
    TensorBytes,
    ModelBytes,
    Handles,
    HostCallBytes,
    KeyBytes,
    ValueBytes,
    BucketBytes,
}

impl Limit {
    /// What it counts.
    pub fn unit(self) -> &'static str {
        match self {
            Limit::TableElements => "elements",
            Limit::Handles => "handles",
            _ => "bytes",
        }
    }
}

/// The limits of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory over all of the instance's memories, in bytes. 256 MiB: a language runtime
    /// and a camera's pictures fit, a leak does not take the gateway down.
    pub memory_bytes: usize,
    /// Entries over all of the instance's tables. 20,000: interpreters compiled to Wasm have up
    /// to 8,000.
    pub table_elements: usize,
    /// Elements of the tensors that the instance holds at once, in bytes. 256 MiB, as the memory
    /// that they come from.
    pub tensor_bytes: usize,
    /// The models that the instance loaded from bytes and still holds, in bytes of their files and of the
    /// constants that they are known to compute when they are loaded. 1 GiB: the largest of the ONNX project's own cases becomes 548 MiB.
    pub model_bytes: usize,
    /// Resource handles that the instance holds at once: this many of tensors, and this many of all else
    /// together, graphs, errors, files. 4,096: an honest frame needs a dozen, a leak shows within
    /// seconds.
    pub handles: usize,
    /// Values that one call may bring into the host besides the bytes of tensors and models, as the host
    /// keeps them, in bytes. 32 MiB: an output may be a picture.
    pub host_call_bytes: usize,
    /// Time for one frame, or one run of a command; none for no bound. A frame with a deadline of its
    /// own is ended by the earlier of the two. 10 seconds: far beyond any frame, short enough that a
    /// loop is noticed. A guest that computes is stopped within two [`tollgate_nn::ticker::TICK`]s of
    /// it, one that waits is woken by it, and an answer that comes later is none.
    pub deadline: Option<Duration>,
    /// Time for one inference. 10 seconds, likewise; the frame's deadline holds as well.
    pub inference: Duration,
    /// One log line, in bytes; the rest of a longer one is cut off. 4 KiB: a sentence with a value
    /// or two, or a short backtrace.
    pub log_line_bytes: usize,
    /// The log lines of one frame, in bytes; further ones are dropped, and that is said once.
    /// 64 KiB: a frame that says more is a loop, and the log's disk is everybody's.
    pub log_bytes: usize,
    /// A key of a key-value bucket, in bytes. 1 KiB: a path fits.
    pub key_bytes: usize,
    /// A value of a key-value bucket, in bytes. 1 MiB: a record or a small picture; what is larger
    /// belongs into a file.
    pub value_bytes: usize,
    /// All that a key-value bucket holds once the instance has written to it, in bytes of keys and
    /// values and [`crate::ENTRY_BYTES`] for each pair. 64 MiB: years of counters, and a disk that
    /// a leak does not fill.
    pub bucket_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            table_elements: 20_000,
            tensor_bytes: 256 << 20,
            model_bytes: 1 << 30,
            handles: 4096,
            host_call_bytes: 32 << 20,
            deadline: Some(Duration::from_secs(10)),
            inference: Duration::from_secs(10),
            log_line_bytes: 4096,
            log_bytes: 64 << 10,
            key_bytes: 1024,
            value_bytes: 1 << 20,
            bucket_bytes: 64 << 20,
        }
    }
}
