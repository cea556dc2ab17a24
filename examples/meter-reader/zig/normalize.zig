//! Digit windows to the model's input.
//!
//! Each window is cut out a little inside its edges, resized to the model's square and stretched so
//! that its paper is 0 and its ink is 1, whatever the light was. Knows the model's input and
//! nothing of what comes out of it.

const std = @import("std");

const Weights = @import("Weights.zig");
const locate = @import("locate.zig");

/// Rows and columns of the model's input.
pub const side = Weights.side;
/// Pixels of one window.
const area = side * side;

/// What is cut off at each edge, as one part of the window's size: its own blur and shadow.
const inset = 14;
/// Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper.
const ink = 6;
const paper = 192;
/// Less than this between ink and paper is an empty window, whose noise is not to be stretched into
/// a digit.
const least_contrast: f32 = 28.0;

/// The register's windows from left to right: 0 paper, 1 ink.
pub fn normalize(gpa: std.mem.Allocator, register: locate.Register) ![locate.digits * area]f32 {
    // All windows are of one size.
    const any = register.windows[0];
    const across = any.width / inset;
    const down = any.height / inset;
    const width = any.width - 2 * across;
    const columns: Weights = try .init(gpa, width);
    const rows: Weights = try .init(gpa, any.height - 2 * down);

    var input: [locate.digits * area]f32 = undefined;
    const lower = try gpa.alloc(u8, side * width);
    for (register.windows, 0..) |window, digit| {
        // First down, then across.
        const stride = register.strip.width;
        const pixels = register.strip.luma[(window.top + down) * stride + window.left + across ..];
        for (lower, 0..) |*pixel, place| pixel.* = rows.mean(pixels[place % width ..], stride, place / width);
        var square: [area]u8 = undefined;
        for (&square, 0..) |*pixel, place| pixel.* = columns.mean(lower[place / side * width ..][0..width], 1, place % side);
        stretch(square, input[digit * area ..][0..area]);
    }
    return input;
}

/// Bytes to floats: paper to 0, ink to 1, what lies beyond cut off.
fn stretch(square: [area]u8, out: *[area]f32) void {
    var sorted = square;
    std.mem.sortUnstable(u8, &sorted, {}, std.sort.asc(u8));
    const light: f32 = @floatFromInt(sorted[paper]);
    const contrast = @max(light - @as(f32, @floatFromInt(sorted[ink])), least_contrast);
    const factor = 1.0 / -contrast;
    const offset = -light / -contrast;
    for (out, square) |*value, pixel| {
        value.* = std.math.clamp(@as(f32, @floatFromInt(pixel)) * factor + offset, 0.0, 1.0);
    }
}
