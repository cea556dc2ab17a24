//! Scores to a reading: what the register shows, from left to right.
//!
//! The confidence of a reading is the lowest probability among its digits: one doubtful digit makes
//! a doubtful reading. Knows no pictures and no model, only probabilities.

const std = @import("std");

const count = @import("locate.zig").digits;

const Reading = @This();

/// Classes of the model, one a digit.
const classes = 10;

const Digit = struct {
    /// 0 to 9.
    digit: u32 = 0,
    /// 0 to 1.
    confidence: f32 = 0.0,
};

digits: [count]Digit,

/// From the model's output, [count, classes]; nothing where there are not that many scores.
pub fn fromScores(scores: []const f32) ?Reading {
    if (scores.len != count * classes) return null;
    var self: Reading = .{ .digits = @splat(.{}) };
    for (&self.digits, 0..) |*best, place| {
        for (scores[place * classes ..][0..classes], 0..) |score, digit| {
            // A score that is no number is below every other.
            if (score > best.confidence) best.* = .{ .digit = @intCast(digit), .confidence = @min(score, 1.0) };
        }
    }
    return self;
}

/// The digits as one number.
pub fn value(self: Reading) u32 {
    var number: u32 = 0;
    for (self.digits) |digit| number = number * 10 + digit.digit;
    return number;
}

/// The lowest probability among the digits.
pub fn confidence(self: Reading) f32 {
    var least: f32 = 1.0;
    for (self.digits) |digit| least = @min(least, digit.confidence);
    return least;
}

/// One JSON object: `reading` with its leading zeros, `value`, `confidence`, `plausible`, `digits`.
pub fn json(self: Reading, buffer: []u8, plausible: bool) ![]const u8 {
    var writer: std.Io.Writer = .fixed(buffer);
    const number = self.value();
    try writer.print("{{\"reading\":\"{d:0>5}\",\"value\":{d},\"confidence\":{f},\"plausible\":{},\"digits\":[", .{
        number, number, Fixed{ .value = self.confidence() }, plausible,
    });
    for (self.digits, 0..) |digit, place| {
        if (place > 0) try writer.writeByte(',');
        try writer.print("{{\"digit\":{d},\"confidence\":{f}}}", .{ digit.digit, Fixed{ .value = digit.confidence } });
    }
    try writer.writeAll("]}");
    return writer.buffered();
}

/// Four decimals of the number itself, ties to even, as C and Rust print them; the standard
/// library rounds the shortest decimal that stands for it.
const Fixed = struct {
    value: f32,

    pub fn format(self: Fixed, writer: *std.Io.Writer) std.Io.Writer.Error!void {
        // Exact: 24 bits by 14.
        const scaled = @as(f64, self.value) * 10_000;
        var whole: u32 = @trunc(scaled);
        const rest = scaled - @as(f64, @floatFromInt(whole));
        if (rest > 0.5 or (rest == 0.5 and whole % 2 == 1)) whole += 1;
        try writer.print("{d}.{d:0>4}", .{ whole / 10_000, whole % 10_000 });
    }
};
