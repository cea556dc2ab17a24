//! The limits of one instance, each with its unit, its default and the reason for it.
//!
//! Limits that a user may want to set are fields of [`Limits`]; the others are constants.

use std::time::Duration;

/// Dimensions of one tensor. 64: no model has as many, and ONNX Runtime's own operators stop far below.
pub const RANK: usize = 64;

/// The most bytes of a message that the host keeps for the guest, mostly an error's; the rest of a longer one
/// is cut off. 2 KiB: a sentence with all names of a graph. An instance keeps at most [`Limits::handles`] of
/// them.
pub const MESSAGE_BYTES: usize = 2048;

/// The most bytes of a plugin's message about a frame that it could not process, and of the description of a
/// guest's trap; the rest is cut off. 16 KiB: a backtrace.
pub const FAULT_BYTES: usize = 16 << 10;

/// Which of [`Limits`] was reached, so that a message can say how to set it.
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
    /// The unit in which it counts.
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
    /// Linear memory of all the instance's memories together, in bytes. 256 MiB: a language runtime
    /// and a camera's pictures fit, and a leak does not take the gateway down.
    pub memory_bytes: usize,
    /// Entries of all the instance's tables together. 20,000: interpreters compiled to Wasm have up to
    /// 8,000.
    pub table_elements: usize,
    /// Elements of the tensors that the instance holds at once, in bytes. 256 MiB, like the memory from
    /// which they come.
    pub tensor_bytes: usize,
    /// The models that the instance loaded from bytes and still holds, in bytes of their files and of the
    /// constants that they are known to compute when they are loaded. 1 GiB: the largest of the ONNX
    /// project's own cases becomes 548 MiB.
    pub model_bytes: usize,
    /// Resource handles that the instance holds at once: this many of tensors, and this many of all other
    /// kinds together, such as graphs, errors and files. 4,096: an honest frame needs a dozen, and a leak
    /// shows within seconds.
    pub handles: usize,
    /// Values that one call may pass into the host, in bytes as the host keeps them, without the bytes of
    /// tensors and models. 32 MiB: an output may be a picture.
    pub host_call_bytes: usize,
    /// Time for one frame, or one run of a command; none for no limit. If a frame has a deadline of its
    /// own, the earlier of the two ends it. 10 seconds: far longer than any frame takes, and short enough
    /// that a loop is noticed. After it a guest that computes is stopped within two
    /// [`tollgate_nn::ticker::TICK`]s, a guest that waits is woken at once, and a later answer is dropped.
    pub deadline: Option<Duration>,
    /// Time for one inference. 10 seconds, for the same reasons; the frame's deadline holds as well.
    pub inference: Duration,
    /// One log line, in bytes; the rest of a longer one is cut off. 4 KiB: a sentence with a value
    /// or two, or a short backtrace.
    pub log_line_bytes: usize,
    /// The log lines of one frame, in bytes; further ones are dropped, which is logged once. 64 KiB: a
    /// frame that logs more is in a loop, and all plugins share the log's disk.
    pub log_bytes: usize,
    /// A key of a key-value bucket, in bytes. 1 KiB: a path fits.
    pub key_bytes: usize,
    /// A value of a key-value bucket, in bytes. 1 MiB: a record or a small picture; larger values should be
    /// files.
    pub value_bytes: usize,
    /// The size of a key-value bucket after the instance has written to it, in bytes of keys and values and
    /// [`crate::ENTRY_BYTES`] for each pair. 64 MiB: years of counters, and a leak does not fill the disk.
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
