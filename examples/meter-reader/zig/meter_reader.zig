//! Reads the five-digit register of a mechanical meter from a camera's frame.
//!
//! A frame is decoded (`Picture`), the register is found and turned upright (`locate`), its digit
//! windows become one tensor (`normalize`), all five digits are classified in one inference on the
//! graph `digits`, and the scores become a reading (`Reading`). This file only connects them.
//! Whatever the bytes of a frame are, it is a reading or a fault. The state is the last reading,
//! which may be forgotten.

const std = @import("std");
const tollgate = @import("tollgate");

const History = @import("History.zig");
const Picture = @import("Picture.zig");
const Reading = @import("Reading.zig");
const locate = @import("locate.zig");
const normalize = @import("normalize.zig");

pub const panic = tollgate.panic;

const MeterReader = struct {
    graph: tollgate.Graph,
    history: History,

    /// Classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10].
    const graph_name = "digits";
    /// A register that went further than this from one frame to the next was misread.
    const most_a_frame = 5000;

    pub fn init(fault: *tollgate.Fault) !MeterReader {
        return .{
            .graph = try tollgate.Graph.load(graph_name, fault),
            .history = .{ .most_a_frame = most_a_frame },
        };
    }

    pub fn handle(self: *MeterReader, frame: tollgate.Frame, outputs: tollgate.Outputs, fault: *tollgate.Fault) !void {
        var arena: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
        defer arena.deinit();
        const reading = self.read(arena.allocator(), frame.data, fault) catch |err| {
            self.history.missed();
            return err;
        };
        var json: [512]u8 = undefined;
        outputs.addJson("reading", try reading.json(&json, self.history.judge(reading.value())));
    }

    fn read(self: *MeterReader, gpa: std.mem.Allocator, bytes: []const u8, fault: *tollgate.Fault) !Reading {
        const picture = try Picture.decode(gpa, bytes, fault);
        const register = try locate.locate(gpa, picture, fault);
        const pixels = try normalize.normalize(gpa, register);

        var input = tollgate.input(f32, &.{ locate.digits, 1, normalize.side, normalize.side }, &pixels);
        input.name = "digits";
        var outputs = try self.graph.infer(&.{input}, fault);
        defer outputs.deinit();
        if (outputs.items().len != 1)
            return fault.inference("expected one output, got {d}: check the model", .{outputs.items().len});
        const scores = try outputs.items()[0].elements(f32, fault);
        return Reading.fromScores(scores) orelse
            fault.inference("expected 10 scores for each of 5 digits, got {d} in all: check the model", .{scores.len});
    }
};

comptime {
    tollgate.exportPlugin(MeterReader);
}
