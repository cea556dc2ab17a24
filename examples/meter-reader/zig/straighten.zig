//! The plate, turned upright and cut out.
//!
//! A small turn is two shears: every column moves up or down, then every row left or right. Each
//! shear mixes two neighbouring rows (or columns) with weights that are the same along a row, so
//! both are plain loops. Bounded by the plate's size, which is at most the picture's.

const std = @import("std");
const Fault = @import("tollgate").Fault;

const Picture = @import("Picture.zig");
const Plate = @import("Plate.zig");
const locate = @import("locate.zig");
const whole = locate.whole;

/// Where a column of the first output row comes from: `weight` 256ths of the row below `row`, the
/// rest of `row` itself.
const Source = struct {
    row: isize,
    weight: u32,
};

/// What the plate shows, upright, at the picture's scale.
pub fn straighten(gpa: std.mem.Allocator, picture: Picture, plate: Plate, fault: *Fault) !Picture {
    const width = whole(@round(plate.width));
    const height = whole(@round(plate.height));
    _ = try Picture.checked(width, height, locate.too_small, fault);
    const sine = plate.slope / @sqrt(1.0 + plate.slope * plate.slope);
    // The second shear moves rows by up to this much to either side.
    const margin = whole(@ceil(plate.height / 2.0 * @abs(sine))) + 1;
    const wide = width + 2 * margin;
    const left = plate.centre.x - @as(f32, @floatFromInt(wide)) / 2.0;

    const sources = try gpa.alloc(Source, wide);
    for (sources, 0..) |*source, x| {
        const across = left + @as(f32, @floatFromInt(x)) + 0.5 - plate.centre.x;
        const y = plate.centre.y + across * plate.slope - plate.height / 2.0;
        const row = @floor(y);
        source.* = .{ .row = @trunc(row), .weight = @trunc((y - row) * 256.0) };
    }
    const sheared = try gpa.alloc(u8, wide * height);
    @memset(sheared, 0);
    for (0..height) |y| shear(picture, sources, @floor(left), @intCast(y), sheared[y * wide ..][0..wide]);

    // Second shear: what lies above the middle came from one side, what lies below from the other.
    const strip = try gpa.alloc(u8, width * height);
    for (0..height) |y| {
        const down = @as(f32, @floatFromInt(y)) + 0.5 - @as(f32, @floatFromInt(height)) / 2.0;
        const from = @as(f32, @floatFromInt(margin)) - down * sine;
        const weight: u32 = @trunc((from - @floor(from)) * 256.0);
        const start = @min(whole(@floor(from)), 2 * margin - 1);
        const row = sheared[y * wide + start ..][0 .. width + 1];
        for (strip[y * width ..][0..width], row[0..width], row[1..]) |*out, near, next| out.* = mix(near, next, weight);
    }
    return Picture.init(width, height, strip, locate.too_small, fault);
}

/// One row of the first shear, whose first column is the picture's column `first`. What lies beside
/// the picture stays black; above and below, its edge goes on.
fn shear(picture: Picture, sources: []const Source, first: isize, y: isize, out: []u8) void {
    const end: isize = @intCast(out.len);
    const to = @min(end, @as(isize, @intCast(picture.width)) - first);
    var at = @max(0, -first);
    while (at < to) {
        // Neighbouring columns mostly come from the same pair of rows.
        const row = sources[@intCast(at)].row;
        const upper = picture.row(row + y);
        const lower = picture.row(row + y + 1);
        while (at < to and sources[@intCast(at)].row == row) : (at += 1) {
            const x: usize = @intCast(at + first);
            out[@intCast(at)] = mix(upper[x], lower[x], sources[@intCast(at)].weight);
        }
    }
}

/// `weight` 256ths of `b`, the rest of `a`.
fn mix(a: u8, b: u8, weight: u32) u8 {
    return @intCast((a * (256 - weight) + b * weight) >> 8);
}
