//! What digit a small grey picture shows: a frame is a PGM picture of 16 x 16 pixels, the graph `digits`
//! gives a score for each of the ten digits.

const std = @import("std");
const tollgate = @import("tollgate");

const digit = @import("digit.zig");

pub const panic = tollgate.panic;

/// What the plugin keeps from frame to frame.
const Digits = struct {
    graph: tollgate.Graph,

    /// Called once, before the first frame.
    pub fn init(fault: *tollgate.Fault) !Digits {
        return .{ .graph = try tollgate.Graph.load("digits", fault) };
    }

    pub fn handle(self: *Digits, frame: tollgate.Frame, outputs: tollgate.Outputs, fault: *tollgate.Fault) !void {
        const ink = digit.ink(frame.data) orelse
            return fault.invalidFrame("expected a PGM picture of 16 x 16 pixels", .{});

        // Pictures, channels, rows, columns.
        const input = tollgate.input(f32, &.{ 1, 1, digit.side, digit.side }, &ink);
        var results = try self.graph.infer(&.{input}, fault);
        defer results.deinit();

        const scores = try results.items()[0].elements(f32, fault);
        const best = digit.best(scores);
        var json: [64]u8 = undefined;
        outputs.addJson("digit", try std.fmt.bufPrint(&json, "{{\"digit\":{d},\"confidence\":{d:.3}}}", .{ best, scores[best] }));
    }
};

comptime {
    tollgate.exportPlugin(Digits);
}
