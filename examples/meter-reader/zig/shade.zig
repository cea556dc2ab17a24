//! Which pixels are dark against their surroundings.
//!
//! A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light
//! that changes slowly over the picture changes both and drops out. Sums are kept per column and
//! slid down the picture, so the cost does not depend on the size of the square.

const std = @import("std");

const Picture = @import("Picture.zig");

/// Half a side of the square, as a part of the picture's width.
const reach_part = 6;
/// Dark is below this share of the mean.
const dark_share: f32 = 0.625;

/// One byte a pixel, 1 where it is dark.
pub fn dark(gpa: std.mem.Allocator, picture: Picture) ![]const u8 {
    const width = picture.width;
    const height = picture.height;
    const reach = width / reach_part;
    // The working width keeps squares below 200 pixels a side: a column's sum fits 16 bits, a
    // square's the 24 that an f32 holds exactly.
    const columns = try gpa.alloc(u16, width);
    @memset(columns, 0);
    // Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of
    // the square around a column is then the difference of two places a fixed distance apart.
    const sums = try gpa.alloc(i32, width + 2 * reach + 1);
    @memset(sums, 0);
    const across = try gpa.alloc(f32, width);
    for (across, 0..) |*count, x| count.* = span(x, reach, width);

    const found = try gpa.alloc(u8, width * height);
    for (0..@min(reach, height)) |y| {
        for (columns, picture.row(@intCast(y))) |*column, pixel| column.* += pixel;
    }
    for (0..height) |y| {
        if (y + reach < height) {
            for (columns, picture.row(@intCast(y + reach))) |*column, pixel| column.* += pixel;
        }
        if (y > reach) {
            for (columns, picture.row(@intCast(y - reach - 1))) |*column, pixel| column.* -= pixel;
        }
        var total: i32 = 0;
        for (sums[reach + 1 ..][0..width], columns) |*sum, column| {
            total += column;
            sum.* = total;
        }
        @memset(sums[reach + 1 + width ..], total);

        const share = dark_share / span(y, reach, height);
        const row = picture.row(@intCast(y));
        const starts = sums[0..width];
        const ends = sums[2 * reach + 1 ..][0..width];
        for (found[y * width ..][0..width], row, starts, ends, across) |*out, pixel, start, end, count| {
            const square: f32 = @floatFromInt(end - start);
            out.* = @intFromBool(@as(f32, @floatFromInt(pixel)) * count < square * share);
        }
    }
    return found;
}

/// How many of the places within `reach` of `x` lie within 0..size.
fn span(x: usize, reach: usize, size: usize) f32 {
    return @floatFromInt(@min(x + reach + 1, size) - (x -| reach));
}
