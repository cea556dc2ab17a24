//! Repeats one inference as often as a frame says: see tests/guests/repeat.

const std = @import("std");
const tollgate = @import("tollgate");

pub const panic = tollgate.panic;

const Repeat = struct {
    graph: tollgate.Graph,
    context: tollgate.Context,
    pixels: [64]f32,

    pub fn init(fault: *tollgate.Fault) !Repeat {
        const graph = try tollgate.Graph.load("mlp", fault);
        var pixels: [64]f32 = undefined;
        for (&pixels, 0..) |*pixel, place| pixel.* = @as(f32, @floatFromInt(place)) / pixels.len;
        return .{ .graph = graph, .context = try graph.context(fault), .pixels = pixels };
    }

    pub fn handle(self: *Repeat, frame: tollgate.Frame, outputs: tollgate.Outputs, fault: *tollgate.Fault) !void {
        if (frame.data.len != 2) return fault.invalidFrame("expected two bytes, got {d}", .{frame.data.len});
        for (0..frame.data[1]) |_| try self.once(frame.data[0], fault);
        outputs.add("answer", "", std.mem.sliceAsBytes(self.pixels[0..1]));
    }

    fn once(self: *Repeat, how: u8, fault: *tollgate.Fault) !void {
        const input = if (how == 'x')
            tollgate.input(f32, &.{1}, self.pixels[0..1])
        else
            tollgate.input(f32, &.{ 1, 64 }, &self.pixels);
        var results = if (how == 'c')
            try self.context.compute(&.{input}, fault)
        else
            try self.graph.infer(&.{input}, fault);
        defer results.deinit();
        const scores = try results.items()[0].elements(f32, fault);
        self.pixels[0] = std.math.clamp(scores[0], -1.0, 1.0);
    }
};

comptime {
    tollgate.exportPlugin(Repeat);
}
