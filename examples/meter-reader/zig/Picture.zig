//! Bytes of a frame to a grey picture: one byte a pixel, rows without padding, white is 255.
//!
//! Binary PGM, by its first bytes and by nothing else: the frame's content type is the sender's
//! opinion. Bounded by `max_side` and `max_pixels`, both checked before anything of that size is
//! allocated. Knows nothing of meters.

const std = @import("std");
const Fault = @import("tollgate").Fault;

const Picture = @This();

/// The longest side in pixels. A camera that looks at one register has no need of more.
pub const max_side = 4096;
/// The most pixels: 4 MiB of grey.
pub const max_pixels = 4 << 20;
/// The shortest side in pixels on which five digits could still be told apart.
pub const min_side = 24;

width: usize,
height: usize,
luma: []const u8,

/// A picture over these pixels, `width * height` of them. `what` goes before the sentence that
/// refuses a size.
pub fn init(width: usize, height: usize, luma: []const u8, comptime what: []const u8, fault: *Fault) !Picture {
    const pixels = try checked(width, height, what, fault);
    std.debug.assert(luma.len == pixels);
    return .{ .width = width, .height = height, .luma = luma };
}

/// A picture that may look at the frame's bytes, which must outlive it.
pub fn decode(gpa: std.mem.Allocator, bytes: []const u8, fault: *Fault) !Picture {
    if (!std.mem.startsWith(u8, bytes, "P5"))
        return fault.invalidFrame("expected a binary PGM (P5), got {s}: check what the camera sends", .{
            @as([]const u8, if (std.mem.startsWith(u8, bytes, "\xff\xd8")) "a JPEG" else "something else"),
        });
    var rest = bytes[2..];
    const width = try number(&rest, fault);
    const height = try number(&rest, fault);
    const maximum = try number(&rest, fault);
    const pixels = try checked(width, height, "", fault);
    if (rest.len == 0) return cutShort(pixels, 0, fault);
    if (!isSpace(rest[0])) return refused("no white space after its maximum", fault);
    rest = rest[1..];
    if (rest.len < pixels) return cutShort(pixels, rest.len, fault);
    const luma = rest[0..pixels];
    switch (maximum) {
        255 => return .{ .width = width, .height = height, .luma = luma },
        1...254 => {
            const scaled = try gpa.alloc(u8, pixels);
            for (scaled, luma) |*to, from| to.* = @intCast(@min(@as(usize, from), maximum) * @as(usize, 255) / maximum);
            return .{ .width = width, .height = height, .luma = scaled };
        },
        else => return refused("another maximum", fault),
    }
}

/// One row; the first for anything above it, the last for anything below.
pub fn row(self: Picture, y: isize) []const u8 {
    const at: usize = @intCast(std.math.clamp(y, 0, @as(isize, @intCast(self.height - 1))));
    return self.luma[at * self.width ..][0..self.width];
}

/// This picture at 1 / factor of its size, each pixel the mean of a square of `factor` a side.
pub fn shrunk(self: Picture, gpa: std.mem.Allocator, factor: usize, comptime what: []const u8, fault: *Fault) !Picture {
    const width = self.width / factor;
    const height = self.height / factor;
    const means = try gpa.alloc(u8, width * height);
    for (means, 0..) |*mean, place| {
        const left = place % width * factor;
        var sum: usize = 0;
        for (0..factor) |down| {
            const pixels = self.row(@intCast(place / width * factor + down));
            for (pixels[left..][0..factor]) |pixel| sum += pixel;
        }
        mean.* = @intCast(sum / (factor * factor));
    }
    return init(width, height, means, what, fault);
}

/// How many pixels a picture of this size has.
pub fn checked(width: usize, height: usize, comptime what: []const u8, fault: *Fault) !usize {
    const fits = @min(width, height) >= min_side and @max(width, height) <= max_side;
    if (fits and width * height <= max_pixels) return width * height;
    return fault.invalidFrame(
        what ++ "expected a picture of {d} to {d} pixels a side and {d} in all, got {d}x{d}: crop or scale it",
        .{ min_side, max_side, max_pixels, width, height },
    );
}

fn refused(comptime what: []const u8, fault: *Fault) error{Fault} {
    return fault.invalidFrame(
        "expected a binary PGM with 8 bits a pixel, got " ++ what ++ ": write it as P5 with a maximum of 255",
        .{},
    );
}

fn cutShort(expected: usize, got: usize, fault: *Fault) error{Fault} {
    return fault.invalidFrame("expected {d} pixels, got {d}: check the transfer", .{ expected, got });
}

fn isSpace(byte: u8) bool {
    return switch (byte) {
        ' ', '\t', '\n', '\x0c', '\r' => true,
        else => false,
    };
}

/// Skips white space and comments, then reads one decimal number of up to nine digits.
fn number(rest: *[]const u8, fault: *Fault) !usize {
    var at: usize = 0;
    const bytes = rest.*;
    while (at < bytes.len and (bytes[at] == '#' or isSpace(bytes[at]))) {
        at = if (bytes[at] == '#') std.mem.findScalarPos(u8, bytes, at, '\n') orelse bytes.len else at + 1;
    }
    const start = at;
    while (at < bytes.len and std.ascii.isDigit(bytes[at])) at += 1;
    if (at == start or at - start > 9) return refused("a header without its three numbers", fault);
    var value: usize = 0;
    for (bytes[start..at]) |digit| value = value * 10 + (digit - '0');
    rest.* = bytes[at..];
    return value;
}
