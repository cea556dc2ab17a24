//! Write Tollgate plugins in Zig: the C SDK with slices, methods and error unions.
//!
//! A whole plugin:
//!
//!     const tollgate = @import("tollgate");
//!
//!     const Classifier = struct {
//!         graph: tollgate.Graph,
//!
//!         pub fn init(fault: *tollgate.Fault) !Classifier {
//!             return .{ .graph = try tollgate.Graph.load("classifier", fault) };
//!         }
//!
//!         pub fn handle(self: *Classifier, frame: tollgate.Frame, outputs: tollgate.Outputs, fault: *tollgate.Fault) !void {
//!             const input = tollgate.input(u8, &.{ 1, 28, 28 }, frame.data);
//!             var results = try self.graph.infer(&.{input}, fault);
//!             defer results.deinit();
//!             outputs.add("scores", "", results.items()[0].bytes());
//!         }
//!     };
//!
//!     comptime {
//!         tollgate.exportPlugin(Classifier);
//!     }
//!
//!     pub const panic = tollgate.panic;
//!
//! An error union carries no sentence, so whatever can fail is handed the frame's `Fault`, says
//! there what was expected, what came and what to do, and returns an error. An error that nobody
//! explained becomes the fault `internal` with the error's name.
//!
//! `c` is `tollgate.h`, translated by `zig translate-c`.

const std = @import("std");
const c = @import("c");

/// A panic tells the host why, and traps.
pub const panic = std.debug.FullPanic(say);

const host = struct {
    extern "tollgate:plugin/panic@0.1.0" fn report(message: [*]const u8, size: usize) void;
};

fn say(message: []const u8, _: ?usize) noreturn {
    host.report(message.ptr, message.len);
    @trap();
}

/// Why a graph call failed: wasi-nn's error codes; `tollgate.h` says what each means.
pub const Error = error{
    InvalidArgument,
    InvalidEncoding,
    Timeout,
    RuntimeError,
    UnsupportedOperation,
    TooLarge,
    NotFound,
    Security,
    Unknown,
};

/// Why a plugin could not make anything of a frame. It concerns that frame alone.
pub const Fault = struct {
    raw: *c.tollgate_fault,
    said: bool = false,

    /// The frame is not what this plugin reads.
    pub fn invalidFrame(self: *Fault, comptime format: []const u8, arguments: anytype) error{Fault} {
        return self.say(c.TOLLGATE_INVALID_FRAME, format, arguments);
    }

    /// An inference failed.
    pub fn inference(self: *Fault, comptime format: []const u8, arguments: anytype) error{Fault} {
        return self.say(c.TOLLGATE_INFERENCE, format, arguments);
    }

    /// Something else, the plugin's own.
    pub fn internal(self: *Fault, comptime format: []const u8, arguments: anytype) error{Fault} {
        return self.say(c.TOLLGATE_INTERNAL, format, arguments);
    }

    fn say(self: *Fault, kind: c_uint, comptime format: []const u8, arguments: anytype) error{Fault} {
        // Longer sentences are cut off.
        var text: [512]u8 = undefined;
        const said = std.fmt.bufPrint(&text, format, arguments) catch &text;
        _ = c.tollgate_fault_set(self.raw, kind, "%.*s", @as(c_int, @intCast(said.len)), said.ptr);
        self.said = true;
        return error.Fault;
    }

    fn fromStoreError(self: *Fault, err: *c.tollgate_store_error) StoreError {
        const code = err.code;
        _ = c.tollgate_fault_from_store_error(self.raw, err);
        self.said = true;
        return switch (code) {
            c.TOLLGATE_NO_SUCH_STORE => StoreError.NoSuchStore,
            c.TOLLGATE_ACCESS_DENIED => StoreError.AccessDenied,
            else => StoreError.Other,
        };
    }

    fn fromError(self: *Fault, err: *c.tollgate_error) Error {
        const code = err.code;
        _ = c.tollgate_fault_from_error(self.raw, err);
        self.said = true;
        return switch (code) {
            c.TOLLGATE_INVALID_ARGUMENT => Error.InvalidArgument,
            c.TOLLGATE_INVALID_ENCODING => Error.InvalidEncoding,
            c.TOLLGATE_TIMEOUT => Error.Timeout,
            c.TOLLGATE_RUNTIME_ERROR => Error.RuntimeError,
            c.TOLLGATE_UNSUPPORTED_OPERATION => Error.UnsupportedOperation,
            c.TOLLGATE_TOO_LARGE => Error.TooLarge,
            c.TOLLGATE_NOT_FOUND => Error.NotFound,
            c.TOLLGATE_SECURITY => Error.Security,
            else => Error.Unknown,
        };
    }
};

/// Why a bucket, or a configuration value, could not be had.
pub const StoreError = error{
    /// There is no bucket of that name.
    NoSuchStore,
    /// The bucket was not granted.
    AccessDenied,
    /// Anything else.
    Other,
};

/// An IEEE 754 half precision float is an `f16`; this is the upper half of an `f32`, as its bits.
pub const Bf16 = enum(u16) { _ };

/// wasi-nn's name for a type of element.
fn tensorType(comptime T: type) c.tollgate_tensor_type {
    return switch (T) {
        f16 => c.TOLLGATE_FP16,
        f32 => c.TOLLGATE_FP32,
        f64 => c.TOLLGATE_FP64,
        Bf16 => c.TOLLGATE_BF16,
        u8 => c.TOLLGATE_U8,
        i32 => c.TOLLGATE_I32,
        i64 => c.TOLLGATE_I64,
        else => @compileError("a tensor has no elements of the type " ++ @typeName(T)),
    };
}

/// A tensor going in; it owns nothing. The host reads `data` where it lies.
pub const Input = c.tollgate_input;

/// An input that counts by its place in the list; set `name` for the input of that name.
pub fn input(comptime T: type, dimensions: []const u32, data: []const T) Input {
    return .{
        .dimensions = dimensions.ptr,
        .rank = dimensions.len,
        .ty = tensorType(T),
        .data = data.ptr,
        .size = @sizeOf(T) * data.len,
    };
}

/// A tensor that came out of an inference.
pub const Tensor = struct {
    raw: c.tollgate_tensor,

    /// The output's name after `Context.compute`; null after `Graph.infer`.
    pub fn name(self: *const Tensor) ?[]const u8 {
        return if (self.raw.name == null) null else std.mem.span(self.raw.name);
    }

    /// The size of each dimension, outermost first. A scalar has none.
    pub fn dimensions(self: *const Tensor) []const u32 {
        return if (self.raw.rank == 0) &.{} else self.raw.dimensions[0..self.raw.rank];
    }

    pub fn bytes(self: *const Tensor) []const u8 {
        const data: [*]const u8 = @ptrCast(self.raw.data orelse return &.{});
        return data[0..self.raw.size];
    }

    /// The elements in place; `InvalidArgument` where `T` is not the tensor's type.
    pub fn elements(self: *const Tensor, comptime T: type, fault: *Fault) Error![]const T {
        var data: ?*const anyopaque = null;
        var count: usize = 0;
        var err: c.tollgate_error = undefined;
        if (!c.tollgate_tensor_elements(&self.raw, tensorType(T), &data, &count, &err))
            return fault.fromError(&err);
        const first: [*]const T = @ptrCast(@alignCast(data orelse return &.{}));
        return first[0..count];
    }
};

/// All outputs of an inference.
pub const Tensors = struct {
    raw: c.tollgate_tensors,

    pub fn items(self: *const Tensors) []const Tensor {
        const first: [*]const Tensor = @ptrCast(self.raw.items);
        return first[0..self.raw.count];
    }

    pub fn deinit(self: *Tensors) void {
        c.tollgate_tensors_free(&self.raw);
    }
};

comptime {
    // A list of tensors is handed on as it lies.
    std.debug.assert(@sizeOf(Tensor) == @sizeOf(c.tollgate_tensor));
}

/// One input or output of a graph, as `tollgate.h` has it.
pub const TensorInfo = c.tollgate_tensor_info;

/// What a graph is.
pub const Metadata = struct {
    raw: c.tollgate_metadata,

    pub fn inputs(self: *const Metadata) []const TensorInfo {
        return self.raw.inputs.items[0..self.raw.inputs.count];
    }

    pub fn outputs(self: *const Metadata) []const TensorInfo {
        return self.raw.outputs.items[0..self.raw.outputs.count];
    }

    /// Where the graph really runs: `cpu`, `cuda`, ...
    pub fn device(self: *const Metadata) []const u8 {
        return std.mem.span(self.raw.device);
    }

    pub fn deinit(self: *Metadata) void {
        c.tollgate_metadata_free(&self.raw);
    }
};

/// A model that the host has loaded. Copies of the handle are the same graph.
pub const Graph = struct {
    raw: c.tollgate_graph,

    /// Looks a graph up; do it once, in the plugin's `init`. `NotFound` where there is none of
    /// that name, `Security` where it was not granted.
    pub fn load(name: [:0]const u8, fault: *Fault) Error!Graph {
        var graph: Graph = undefined;
        var err: c.tollgate_error = undefined;
        if (!c.tollgate_graph_load(name, &graph.raw, &err)) return fault.fromError(&err);
        return graph;
    }

    pub fn deinit(self: Graph) void {
        c.tollgate_graph_free(self.raw);
    }

    /// Names, types and dimensions of inputs and outputs, and the device.
    pub fn describe(self: Graph) Metadata {
        var metadata: Metadata = undefined;
        c.tollgate_graph_describe(self.raw, &metadata.raw);
        return metadata;
    }

    /// Runs one inference in one crossing and returns all outputs, in the order of
    /// `Metadata.outputs`. Nothing is copied in.
    pub fn infer(self: Graph, inputs: []const Input, fault: *Fault) Error!Tensors {
        var outputs: Tensors = undefined;
        var err: c.tollgate_error = undefined;
        if (!c.tollgate_graph_infer(self.raw, inputs.ptr, inputs.len, &outputs.raw, &err))
            return fault.fromError(&err);
        return outputs;
    }

    /// For a plugin that must also run on a host without `tollgate:nn`.
    pub fn context(self: Graph, fault: *Fault) Error!Context {
        var made: Context = undefined;
        var err: c.tollgate_error = undefined;
        if (!c.tollgate_graph_context(self.raw, &made.raw, &err)) return fault.fromError(&err);
        return made;
    }
};

/// An execution context of the standard wasi-nn.
pub const Context = struct {
    raw: c.tollgate_context,

    pub fn deinit(self: Context) void {
        c.tollgate_context_free(self.raw);
    }

    /// Runs one inference. The outputs carry their names.
    pub fn compute(self: Context, inputs: []const Input, fault: *Fault) Error!Tensors {
        var outputs: Tensors = undefined;
        var err: c.tollgate_error = undefined;
        if (!c.tollgate_context_compute(self.raw, inputs.ptr, inputs.len, &outputs.raw, &err))
            return fault.fromError(&err);
        return outputs;
    }
};

/// The configuration value of a key, to be given to `freeConfig`; null where there is no such key, or
/// nothing was granted. It takes a crossing: read it once, in the plugin's `init`.
pub fn config(key: [:0]const u8, fault: *Fault) StoreError!?[:0]const u8 {
    var value: [*c]u8 = null;
    var err: c.tollgate_store_error = undefined;
    if (!c.tollgate_config(key, &value, &err)) return fault.fromStoreError(&err);
    return if (value == null) null else std.mem.span(@as([*:0]const u8, @ptrCast(value)));
}

/// Frees what `config` gave.
pub fn freeConfig(value: [:0]const u8) void {
    std.c.free(@constCast(value.ptr));
}

/// How much a log line matters, least first.
pub const Level = enum(c_uint) { trace, debug, info, warn, err, critical };

/// Logs one line; `context` groups lines that belong together, and may be empty. It takes a crossing.
/// Without the grant, and beyond the host's limits, nobody sees it.
pub fn log(level: Level, context: [:0]const u8, message: [:0]const u8) void {
    c.tollgate_log(@intFromEnum(level), context, message);
}

/// What a key of a bucket has.
pub const Value = struct {
    raw: c.tollgate_value,

    /// Its bytes; null where there is no such key.
    pub fn bytes(self: *const Value) ?[]const u8 {
        if (!self.raw.is_some) return null;
        const data: [*]const u8 = @ptrCast(self.raw.data orelse return &.{});
        return data[0..self.raw.size];
    }

    pub fn deinit(self: *Value) void {
        c.tollgate_value_free(&self.raw);
    }
};

/// One page of keys.
pub const Keys = struct {
    raw: c.tollgate_keys,

    pub fn len(self: *const Keys) usize {
        return self.raw.count;
    }

    pub fn key(self: *const Keys, place: usize) [:0]const u8 {
        return std.mem.span(@as([*:0]const u8, @ptrCast(self.raw.items[place])));
    }

    /// What to ask for the next page with; null after the last.
    pub fn cursor(self: *const Keys) ?u64 {
        return if (self.raw.more) self.raw.cursor else null;
    }

    pub fn deinit(self: *Keys) void {
        c.tollgate_keys_free(&self.raw);
    }
};

/// Keys and their values, kept by the host; `tollgate.h` says what that means.
pub const Bucket = struct {
    raw: c.tollgate_bucket,

    /// Opens a bucket by the name that the host gave it; do it once, in the plugin's `init`.
    pub fn open(name: [:0]const u8, fault: *Fault) StoreError!Bucket {
        var bucket: Bucket = undefined;
        var err: c.tollgate_store_error = undefined;
        if (!c.tollgate_bucket_open(name, &bucket.raw, &err)) return fault.fromStoreError(&err);
        return bucket;
    }

    pub fn deinit(self: Bucket) void {
        c.tollgate_bucket_free(self.raw);
    }

    /// The value of a key.
    pub fn get(self: Bucket, key: [:0]const u8, fault: *Fault) StoreError!Value {
        var value: Value = undefined;
        var err: c.tollgate_store_error = undefined;
        if (!c.tollgate_bucket_get(self.raw, key, &value.raw, &err)) return fault.fromStoreError(&err);
        return value;
    }

    /// Sets the value of a key.
    pub fn set(self: Bucket, key: [:0]const u8, value: []const u8, fault: *Fault) StoreError!void {
        var err: c.tollgate_store_error = undefined;
        if (!c.tollgate_bucket_set(self.raw, key, value.ptr, value.len, &err)) return fault.fromStoreError(&err);
    }

    /// Removes a key, which need not be there.
    pub fn delete(self: Bucket, key: [:0]const u8, fault: *Fault) StoreError!void {
        var err: c.tollgate_store_error = undefined;
        if (!c.tollgate_bucket_delete(self.raw, key, &err)) return fault.fromStoreError(&err);
    }

    /// Whether there is such a key.
    pub fn exists(self: Bucket, key: [:0]const u8, fault: *Fault) StoreError!bool {
        var found = false;
        var err: c.tollgate_store_error = undefined;
        if (!c.tollgate_bucket_exists(self.raw, key, &found, &err)) return fault.fromStoreError(&err);
        return found;
    }

    /// Adds to the decimal number that a key has, zero where there is none, and returns the sum.
    pub fn increment(self: Bucket, key: [:0]const u8, delta: u64, fault: *Fault) StoreError!u64 {
        var sum: u64 = 0;
        var err: c.tollgate_store_error = undefined;
        if (!c.tollgate_bucket_increment(self.raw, key, delta, &sum, &err)) return fault.fromStoreError(&err);
        return sum;
    }

    /// One page of keys: the first without a cursor, the next with the cursor of the one before.
    pub fn keys(self: Bucket, cursor: ?u64, fault: *Fault) StoreError!Keys {
        var page: Keys = undefined;
        var err: c.tollgate_store_error = undefined;
        const from: u64 = cursor orelse 0;
        const at: ?*const u64 = if (cursor == null) null else &from;
        if (!c.tollgate_bucket_keys(self.raw, at, &page.raw, &err)) return fault.fromStoreError(&err);
        return page;
    }
};

/// What a plugin is handed: one message, picture or buffer as it arrived. It lives as long as the
/// call.
pub const Frame = struct {
    /// Counts the frames of one source from zero.
    sequence: u64,
    /// Where it came from: a file's name, a topic, a path.
    source: []const u8,
    /// The media type of `data`, such as `image/jpeg`; empty where nobody said.
    content_type: []const u8,
    /// When it was acquired, in nanoseconds since the Unix epoch; zero where nobody knows.
    acquired_ns: u64,
    data: []const u8,
};

/// What a plugin hands back; none is an answer too. What is added is copied.
pub const Outputs = struct {
    raw: *c.tollgate_outputs,

    /// Routes bind to the name.
    pub fn add(self: Outputs, name: [:0]const u8, content_type: [:0]const u8, data: []const u8) void {
        c.tollgate_outputs_add(self.raw, name, content_type, data.ptr, data.len);
    }

    /// An output that is JSON text. The text is taken as it is and not checked.
    pub fn addJson(self: Outputs, name: [:0]const u8, text: []const u8) void {
        self.add(name, "application/json", text);
    }
};

/// Makes `Plugin` the plugin. Once in a program, in a `comptime` block.
///
///     pub fn init(fault: *Fault) !Plugin
///     pub fn handle(self: *Plugin, frame: Frame, outputs: Outputs, fault: *Fault) !void
///
/// `init` comes before the first frame. If it fails, its fault is the answer to the frame that was
/// waiting, and the next frame tries again. The value lasts as long as its instance, for many
/// frames or for one: keep in it what may be forgotten.
pub fn exportPlugin(comptime Plugin: type) void {
    const Export = struct {
        var plugin: ?Plugin = null;

        fn handle(frame: *const c.tollgate_frame, outputs: *c.tollgate_outputs, raw: *c.tollgate_fault) callconv(.c) bool {
            var fault: Fault = .{ .raw = raw };
            run(frame, .{ .raw = outputs }, &fault) catch |err| {
                if (!fault.said) fault.internal("the plugin failed: {t}", .{err}) catch {};
                return false;
            };
            return true;
        }

        fn run(frame: *const c.tollgate_frame, outputs: Outputs, fault: *Fault) anyerror!void {
            if (plugin == null) plugin = try Plugin.init(fault);
            try plugin.?.handle(.{
                .sequence = frame.sequence,
                .source = text(frame.source),
                .content_type = text(frame.content_type),
                .acquired_ns = frame.acquired_ns,
                .data = frame.data[0..frame.size],
            }, outputs, fault);
        }

        fn text(from: c.tollgate_text) []const u8 {
            return from.data[0..from.size];
        }
    };
    @export(&Export.handle, .{ .name = "tollgate_plugin_handle" });
}
