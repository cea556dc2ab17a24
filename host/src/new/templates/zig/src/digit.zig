//! What the plugin does without its host: a picture to the model's input, scores to a digit.

const std = @import("std");

/// What a picture begins with; the pixels follow, row by row.
const header = "P5\n16 16\n255\n";
pub const side = 16;
pub const pixels = side * side;

/// The picture as the model takes it: the darkest pixel is 1, the lightest 0. Null where the bytes are
/// no PGM picture of 16 x 16 pixels.
pub fn ink(picture: []const u8) ?[pixels]f32 {
    if (picture.len != header.len + pixels or !std.mem.startsWith(u8, picture, header)) return null;
    const grey = picture[header.len..];
    const darkest = std.mem.min(u8, grey);
    const lightest = std.mem.max(u8, grey);
    const contrast: f32 = @floatFromInt(@max(lightest - darkest, 1));
    var made: [pixels]f32 = undefined;
    for (&made, grey) |*to, from| to.* = @as(f32, @floatFromInt(lightest - from)) / contrast;
    return made;
}

/// The place of the highest of the scores; zero where there are none.
pub fn best(scores: []const f32) usize {
    var highest: usize = 0;
    for (scores, 0..) |score, place| {
        if (score > scores[highest]) highest = place;
    }
    return highest;
}

/// A picture of paper with one pixel of ink.
fn drawn(paper: u8, dark: u8) [header.len + pixels]u8 {
    var picture: [header.len + pixels]u8 = @splat(paper);
    @memcpy(picture[0..header.len], header);
    picture[header.len + 7] = dark;
    return picture;
}

test "paper is zero and ink is one in any light" {
    for ([_][2]u8{ .{ 255, 0 }, .{ 90, 40 } }) |light| {
        const made = ink(&drawn(light[0], light[1])).?;
        try std.testing.expectEqual(1.0, made[7]);
        try std.testing.expectEqual(0.0, made[8]);
    }
}

test "other pictures are refused" {
    const picture = drawn(200, 10);
    try std.testing.expectEqual(null, ink(""));
    try std.testing.expectEqual(null, ink(picture[0 .. picture.len - 1]));
    try std.testing.expectEqual(null, ink("P2" ++ picture[2..].*));
}

test "the highest score is the digit" {
    try std.testing.expectEqual(2, best(&.{ 0.1, 0.0, 0.7, 0.2 }));
    try std.testing.expectEqual(0, best(&.{}));
}
