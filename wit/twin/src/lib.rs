//! The C ABI between the host and a twin: a plugin compiled natively as a shared library.
//!
//! It mirrors `tollgate:plugin`, `tollgate:nn` and what the SDKs have of `wasi:config`, `wasi:logging`
//! and `wasi:keyvalue` with only the boundary removed, so that a twin
//! runs the same source on the very same graphs. It is types alone: no allocation crosses it
//! (whoever makes bytes keeps them; the other side copies what it wants inside a callback), and no
//! unwinding may cross it either way.
//!
//! A twin is native code that the person at the terminal chose to load. Nothing here is a sandbox.
#![no_std]
#![allow(
    missing_docs,
    reason = "the fields are those of the WIT records of the same names"
)]

use core::ffi::c_void;

/// The version of this ABI. A host refuses a twin of another.
pub const ABI_VERSION: u32 = 2;

/// The symbol of the one function that a twin exports, of type [`TwinEntry`].
pub const ENTRY_SYMBOL: &[u8] = b"tollgate_twin_v2\0";

/// What [`ENTRY_SYMBOL`] names.
pub type TwinEntry = unsafe extern "C" fn() -> Twin;

/// Bytes that somebody else owns, valid for the duration of the call that hands them over.
/// A null pointer says that there is no value, not an empty one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    pub ptr: *const u8,
    pub len: usize,
}

/// A tensor going in or out. `ty` is the ordinal of `wasi:nn`'s `tensor-type`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TensorRef {
    /// The name of the graph's input or output; null for an input that counts by its place.
    pub name: Bytes,
    pub ty: u8,
    pub dimensions: *const u32,
    pub rank: usize,
    pub data: Bytes,
}

/// One input or output of a graph; a dimension below zero is dynamic.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TensorInfo {
    pub name: Bytes,
    pub ty: u8,
    pub dimensions: *const i64,
    pub rank: usize,
}

/// What a plugin is handed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub sequence: u64,
    pub acquired_ns: u64,
    pub source: Bytes,
    pub content_type: Bytes,
    pub data: Bytes,
}

/// What a plugin hands back.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub name: Bytes,
    pub content_type: Bytes,
    pub data: Bytes,
}

/// Takes the outputs of an inference, in order.
pub type TensorSink = unsafe extern "C" fn(context: *mut c_void, tensor: *const TensorRef);

/// Takes the description of a graph: each input, then each output.
pub type InfoSink =
    unsafe extern "C" fn(context: *mut c_void, is_output: bool, info: *const TensorInfo);

/// Takes the outputs of a frame, in order.
pub type OutputSink = unsafe extern "C" fn(context: *mut c_void, output: *const Output);

/// Takes a text, with a number that says what it is: the ordinal of an `error-code` or of a
/// `fault`, or zero.
pub type TextSink = unsafe extern "C" fn(context: *mut c_void, code: u8, text: Bytes);

/// Where a page of keys begins: none before the first, none after the last.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    pub is_some: bool,
    pub value: u64,
}

/// Takes bytes, as [`TextSink`] takes a text.
pub type BytesSink = unsafe extern "C" fn(context: *mut c_void, bytes: Bytes);

/// What the host offers to a twin. Every function returns `true` when it did what it says, and
/// otherwise has called `fail` once. `host` goes with each call as it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    pub abi: u32,
    pub host: *mut c_void,
    /// Looks a graph up by name; the handle lives until `drop_graph`.
    pub load_by_name: unsafe extern "C" fn(
        host: *mut c_void,
        name: Bytes,
        graph: *mut u64,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub drop_graph: unsafe extern "C" fn(host: *mut c_void, graph: u64),
    /// Describes a graph; the device's name goes to `device` with code zero.
    pub describe: unsafe extern "C" fn(
        host: *mut c_void,
        graph: u64,
        info: InfoSink,
        device: TextSink,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    /// Runs one inference, reading the inputs where they lie.
    pub infer: unsafe extern "C" fn(
        host: *mut c_void,
        graph: u64,
        inputs: *const TensorRef,
        count: usize,
        outputs: TensorSink,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    /// Hands the value of a configuration key to `value`; does nothing where there is none.
    pub config:
        unsafe extern "C" fn(host: *mut c_void, key: Bytes, value: BytesSink, context: *mut c_void),
    /// Logs one line; the level is the ordinal of `wasi:logging`'s.
    pub log: unsafe extern "C" fn(host: *mut c_void, level: u8, context: Bytes, message: Bytes),
    /// Opens a bucket; the handle lives until `drop_bucket`. Of this and the bucket's functions,
    /// the code of a failure is the ordinal of `wasi:keyvalue`'s `error`.
    pub open_bucket: unsafe extern "C" fn(
        host: *mut c_void,
        name: Bytes,
        bucket: *mut u64,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub drop_bucket: unsafe extern "C" fn(host: *mut c_void, bucket: u64),
    /// Hands the value of a key to `value`; does nothing where there is none.
    pub bucket_get: unsafe extern "C" fn(
        host: *mut c_void,
        bucket: u64,
        key: Bytes,
        value: BytesSink,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub bucket_set: unsafe extern "C" fn(
        host: *mut c_void,
        bucket: u64,
        key: Bytes,
        value: Bytes,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub bucket_delete: unsafe extern "C" fn(
        host: *mut c_void,
        bucket: u64,
        key: Bytes,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub bucket_exists: unsafe extern "C" fn(
        host: *mut c_void,
        bucket: u64,
        key: Bytes,
        exists: *mut bool,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub bucket_increment: unsafe extern "C" fn(
        host: *mut c_void,
        bucket: u64,
        key: Bytes,
        delta: u64,
        sum: *mut u64,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    /// Hands one page of keys to `key`, one by one, and puts the next page's cursor in the place of
    /// this one's.
    pub bucket_keys: unsafe extern "C" fn(
        host: *mut c_void,
        bucket: u64,
        cursor: *mut Cursor,
        key: BytesSink,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
}

/// What a twin offers to the host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    pub abi: u32,
    /// Makes one plugin value. `host` outlives it. Null after a failure, and `fail` was called.
    pub create: unsafe extern "C" fn(
        host: *const Host,
        fail: TextSink,
        context: *mut c_void,
    ) -> *mut c_void,
    /// Handles one frame. A fault goes to `fail` with its ordinal, and the result is `false`.
    pub handle: unsafe extern "C" fn(
        plugin: *mut c_void,
        frame: *const Frame,
        outputs: OutputSink,
        fail: TextSink,
        context: *mut c_void,
    ) -> bool,
    pub drop: unsafe extern "C" fn(plugin: *mut c_void),
}
