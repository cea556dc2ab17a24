//! Making one axis of a window the model's: linear weights over all that a new pixel covers, in
//! fixed point. This is what the library does that the Rust plugin uses, so that all languages see
//! the same digits.

const std = @import("std");

const Weights = @This();

/// Rows and columns of the model's input.
pub const side = 16;

/// Bits that a weight may have, its sign apart.
const weight_bits = 15;
/// Bits that a sum has left beside a pixel's eight and two for what overflows.
const most_precision = 32 - 8 - 2;

/// The old pixels that each new one is made of: the first one and their weights.
parts: [side]struct { first: usize, weights: []const i32 },
/// A weight of one is two to the power of this.
precision: u5,

/// For an axis of `size` places.
pub fn init(gpa: std.mem.Allocator, size: usize) !Weights {
    const scale = @as(f64, @floatFromInt(size)) / side;
    const radius = @max(scale, 1.0);
    var firsts: [side]usize = undefined;
    var exact: [side][]f64 = undefined;
    var largest: f64 = 0.0;
    for (&firsts, &exact, 0..) |*first, *weights, place| {
        const centre = (@as(f64, @floatFromInt(place)) + 0.5) * scale;
        first.* = @trunc(@max(@floor(centre - radius), 0.0));
        const end: usize = @trunc(@min(@ceil(centre + radius), @as(f64, @floatFromInt(size))));
        weights.* = try gpa.alloc(f64, end - first.*);
        var sum: f64 = 0.0;
        for (weights.*, first.*..) |*weight, x| {
            const distance = @abs((@as(f64, @floatFromInt(x)) - (centre - 0.5)) * (1.0 / radius));
            weight.* = if (distance < 1.0) 1.0 - distance else 0.0;
            sum += weight.*;
        }
        for (weights.*) |*weight| {
            weight.* /= sum;
            largest = @max(largest, weight.*);
        }
    }

    var self: Weights = .{ .parts = undefined, .precision = precisionFor(largest) };
    for (&self.parts, firsts, exact) |*part, first, weights| {
        const rounded = try gpa.alloc(i32, weights.len);
        for (rounded, weights) |*to, weight| to.* = @trunc(@round(weight * powerOfTwo(self.precision)));
        part.* = .{ .first = first, .weights = rounded };
    }
    return self;
}

/// The new pixel at `place`, from old ones that are `stride` apart.
pub fn mean(self: *const Weights, pixels: []const u8, stride: usize, place: usize) u8 {
    const part = self.parts[place];
    var sum = @as(i32, 1) << (self.precision - 1);
    for (part.weights, part.first..) |weight, x| sum += pixels[x * stride] * weight;
    return @intCast(std.math.clamp(sum >> self.precision, 0, 255));
}

/// As fine as the largest weight allows.
fn precisionFor(largest: f64) u5 {
    var precision: u5 = 0;
    while (precision + 1 < most_precision and @round(largest * powerOfTwo(precision + 1)) < powerOfTwo(weight_bits)) {
        precision += 1;
    }
    return precision;
}

fn powerOfTwo(exponent: u5) f64 {
    return @floatFromInt(@as(u32, 1) << exponent);
}
