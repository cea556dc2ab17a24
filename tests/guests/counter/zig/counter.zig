//! Does with its configuration, its log and its buckets what its frame says, a command a line, and says
//! what came of each: the plugin of tests/guests/counter, in Zig.

const std = @import("std");
const tollgate = @import("tollgate");

pub const panic = tollgate.panic;

const Counter = struct {
    text: [64 << 10]u8 = undefined,
    size: usize = 0,

    pub fn init(_: *tollgate.Fault) !Counter {
        return .{};
    }

    pub fn handle(self: *Counter, frame: tollgate.Frame, outputs: tollgate.Outputs, fault: *tollgate.Fault) !void {
        self.size = 0;
        var lines = std.mem.splitScalar(u8, frame.data, '\n');
        while (lines.next()) |line| {
            if (line.ptr != frame.data.ptr) self.say("\n");
            self.run(line, fault) catch |err| self.say(switch (err) {
                error.NoSuchStore => "no-such-store",
                error.AccessDenied => "access-denied",
                // The sentence is in the fault.
                else => return err,
            });
        }
        outputs.add("said", "text/plain", self.text[0..self.size]);
    }

    fn say(self: *Counter, said: []const u8) void {
        const room = self.text[self.size..];
        const size = @min(room.len, said.len);
        @memcpy(room[0..size], said[0..size]);
        self.size += size;
    }

    fn run(self: *Counter, line: []const u8, fault: *tollgate.Fault) !void {
        var arena: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
        defer arena.deinit();
        const memory = arena.allocator();
        var words = std.mem.splitScalar(u8, line, ' ');
        const function = words.next() orelse "";
        const first = try memory.dupeSentinel(u8, words.next() orelse "", 0);
        const second = try memory.dupeSentinel(u8, words.next() orelse "", 0);
        const rest = try memory.dupeSentinel(u8, words.rest(), 0);
        if (std.mem.eql(u8, function, "config")) {
            const value = try tollgate.config(first, fault) orelse return self.say("none");
            defer tollgate.freeConfig(value);
            return self.say(value);
        }
        if (std.mem.eql(u8, function, "log")) {
            const name = if (std.mem.eql(u8, first, "error")) "err" else first;
            tollgate.log(std.meta.stringToEnum(tollgate.Level, name) orelse .critical, second, rest);
            return self.say("logged");
        }
        const bucket = try tollgate.Bucket.open(first, fault);
        defer bucket.deinit();
        try self.call(function, bucket, second, rest, fault);
    }

    fn call(self: *Counter, function: []const u8, bucket: tollgate.Bucket, key: [:0]const u8, value: []const u8, fault: *tollgate.Fault) !void {
        const eql = std.mem.eql;
        if (eql(u8, function, "get")) {
            var found = try bucket.get(key, fault);
            defer found.deinit();
            self.say(found.bytes() orelse "none");
        } else if (eql(u8, function, "set")) {
            try bucket.set(key, value, fault);
            self.say("set");
        } else if (eql(u8, function, "delete")) {
            try bucket.delete(key, fault);
            self.say("deleted");
        } else if (eql(u8, function, "exists")) {
            self.say(if (try bucket.exists(key, fault)) "true" else "false");
        } else if (eql(u8, function, "increment")) {
            const sum = try bucket.increment(key, std.fmt.parseInt(u64, value, 10) catch 1, fault);
            var text: [32]u8 = undefined;
            self.say(std.fmt.bufPrint(&text, "{d}", .{sum}) catch "");
        } else {
            var cursor: ?u64 = null;
            var first = true;
            while (true) {
                var page = try bucket.keys(cursor, fault);
                defer page.deinit();
                for (0..page.len()) |place| {
                    if (!first) self.say(",");
                    self.say(page.key(place));
                    first = false;
                }
                cursor = page.cursor() orelse break;
            }
        }
    }
};

comptime {
    tollgate.exportPlugin(Counter);
}
