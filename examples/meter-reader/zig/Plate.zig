//! The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
//!
//! Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper
//! and lower edges are fitted to the outermost dark pixels of its columns, leaving out those that
//! other dark things stick to; its ends are medians. Bounded by the number of runs, at most half a
//! picture's pixels. Lengths are in pixels, along the plate's own axes.

const std = @import("std");
const Allocator = std.mem.Allocator;

const whole = @import("locate.zig").whole;

const Plate = @This();

/// A plate's least width, as a part of the picture's.
const least_width: f32 = 0.3;
/// Bounds of width over height.
const least_proportion: f32 = 2.0;
const most_proportion: f32 = 9.0;
/// The steepest slope that is still read: about 12 degrees.
const steepest: f32 = 0.21;
/// Edge pixels further than this from the fitted line, in pixels, do not belong to it.
const stray: f32 = 1.5;
/// No edge.
const nowhere = std.math.floatMax(f32);

/// The middle, from the picture's upper left corner.
centre: struct { x: f32, y: f32 },
width: f32,
height: f32,
/// Pixels down for each pixel to the right.
slope: f32,

/// A stretch of dark pixels in one row: columns start..end.
const Run = struct {
    y: usize,
    start: usize,
    end: usize,
    shape: usize,
};

/// What is known of a shape: its pixels and the box around it.
const Extent = struct {
    pixels: usize = 0,
    left: usize = std.math.maxInt(usize),
    right: usize = 0,
    top: usize = std.math.maxInt(usize),
    bottom: usize = 0,

    fn take(self: *Extent, run: Run) void {
        self.pixels += run.end - run.start;
        self.left = @min(self.left, run.start);
        self.right = @max(self.right, run.end);
        self.top = @min(self.top, run.y);
        self.bottom = run.y + 1;
    }

    fn couldBePlate(self: Extent, least: usize) bool {
        if (self.pixels == 0) return false;
        const wide = self.right - self.left;
        const high = self.bottom - self.top;
        return wide >= least and high >= 12 and wide >= high and self.pixels * 6 >= wide * high;
    }
};

/// Finds the plate among the dark pixels of a picture of this width.
pub fn find(gpa: Allocator, dark: []const u8, width: usize) !?Plate {
    const runs = try shapes(gpa, dark, width);
    const extent, const own = try largest(gpa, runs, width) orelse return null;
    return lie(gpa, own, extent);
}

/// All runs, each with the number of its shape.
fn shapes(gpa: Allocator, dark: []const u8, width: usize) ![]Run {
    var runs: std.ArrayList(Run) = .empty;
    // For each shape, the shape that it was found to be a part of; itself where there is none.
    var parents: std.ArrayList(usize) = .empty;
    var above: usize = 0;
    var rows = std.mem.window(u8, dark, width, width);
    var y: usize = 0;
    while (rows.next()) |row| : (y += 1) {
        const first = runs.items.len;
        var from: usize = 0;
        while (std.mem.findScalarPos(u8, row, from, 1)) |start| {
            const end = std.mem.findScalarPos(u8, row, start, 0) orelse width;
            // Runs of the row above that end before this one starts touch nothing further right
            // either.
            while (above < first and runs.items[above].end <= start) above += 1;
            var shape: ?usize = null;
            for (runs.items[above..first]) |run| {
                if (run.start >= end) break;
                const other = root(parents.items, run.shape);
                const joined = @min(shape orelse other, other);
                if (shape) |part| parents.items[part] = joined;
                parents.items[other] = joined;
                shape = joined;
            }
            if (shape == null) try parents.append(gpa, parents.items.len);
            try runs.append(gpa, .{ .y = y, .start = start, .end = end, .shape = shape orelse parents.items.len - 1 });
            from = end;
        }
        above = first;
    }
    for (runs.items) |*run| run.shape = root(parents.items, run.shape);
    return runs.items;
}

/// The shape that this one is in the end a part of. Parents have smaller numbers, so this ends.
fn root(parents: []const usize, shape: usize) usize {
    var part = shape;
    while (parents[part] < part) part = parents[part];
    return part;
}

/// The shape with the most pixels among those that could be a plate: its extent and its runs.
fn largest(gpa: Allocator, runs: []const Run, width: usize) !?struct { Extent, []const Run } {
    var count: usize = 0;
    for (runs) |run| count = @max(count, run.shape + 1);
    const extents = try gpa.alloc(Extent, count);
    @memset(extents, .{});
    for (runs) |run| extents[run.shape].take(run);

    const least = whole(@as(f32, @floatFromInt(width)) * least_width);
    var found: ?usize = null;
    for (extents, 0..) |extent, shape| {
        if (!extent.couldBePlate(least)) continue;
        if (found == null or extent.pixels >= extents[found.?].pixels) found = shape;
    }
    const shape = found orelse return null;
    var own: std.ArrayList(Run) = .empty;
    for (runs) |run| if (run.shape == shape) try own.append(gpa, run);
    return .{ extents[shape], own.items };
}

/// A line by its value at the picture's left edge and its slope.
const Line = struct { at: f32, slope: f32 };

/// How the plate lies, from the runs of its shape in the order of their rows.
fn lie(gpa: Allocator, runs: []const Run, extent: Extent) !?Plate {
    const wide = extent.right - extent.left;
    const tops = try gpa.alloc(f32, wide);
    const bottoms = try gpa.alloc(f32, wide);
    @memset(tops, nowhere);
    @memset(bottoms, -nowhere);
    for (runs) |run| {
        const y: f32 = @floatFromInt(run.y);
        const start = run.start - extent.left;
        const end = run.end - extent.left;
        for (tops[start..end], bottoms[start..end]) |*top, *bottom| {
            top.* = @min(top.*, y);
            bottom.* = @max(bottom.*, y + 1.0);
        }
    }
    // Rounded corners and the slanted ends are no part of the edges.
    const skip = wide / 10;
    const first: f32 = @floatFromInt(extent.left + skip);
    const upper = fit(tops[skip .. wide - skip], first) orelse return null;
    const lower = fit(bottoms[skip .. wide - skip], first) orelse return null;
    const slope = (upper.slope + lower.slope) / 2.0;
    if (@abs(slope) > steepest or @abs(upper.slope - lower.slope) > steepest / 2.0) return null;

    // The ends, measured along the plate.
    const cosine = 1.0 / @sqrt(1.0 + slope * slope);
    const sine = slope * cosine;
    const ends = try gpa.alloc(f32, 2 * (extent.bottom - extent.top));
    var rows: usize = 0;
    const rights = ends[ends.len / 2 ..];
    for (runs, 0..) |run, place| {
        const down = (@as(f32, @floatFromInt(run.y)) + 0.5) * sine;
        if (place == 0 or runs[place - 1].y != run.y) {
            ends[rows] = @as(f32, @floatFromInt(run.start)) * cosine + down;
            rows += 1;
        }
        rights[rows - 1] = @as(f32, @floatFromInt(run.end)) * cosine + down;
    }
    const left = median(ends[0..rows]);
    const right = median(rights[0..rows]);

    const width = right - left;
    const height = (lower.at - upper.at) * cosine;
    const proportion = width / height;
    if (!(proportion >= least_proportion and proportion <= most_proportion)) return null;
    // Back from along the plate to the picture: the middle lies on the line halfway between the
    // edges.
    const halfway = (lower.at + upper.at) / 2.0;
    const x = ((left + right) / 2.0 - halfway * sine) / (cosine + slope * sine);
    return .{ .centre = .{ .x = x, .y = halfway + slope * x }, .width = width, .height = height, .slope = slope };
}

/// The line through the points (first + place + 0.5, value). Fitted three times, each time without
/// the points that the line before left lying far off.
fn fit(values: []const f32, first: f32) ?Line {
    var found: ?Line = null;
    for ([_]f32{ nowhere, 3.0 * stray, stray }) |allowed| {
        var n: f32 = 0;
        var sx: f32 = 0;
        var sy: f32 = 0;
        var sxx: f32 = 0;
        var sxy: f32 = 0;
        for (values, 0..) |y, place| {
            const x: f32 = @floatFromInt(place);
            if (!(@abs(y) < 1e6)) continue;
            if (found) |line| if (!(@abs(y - line.at - line.slope * x) <= allowed)) continue;
            n += 1.0;
            sx += x;
            sy += y;
            sxx += x * x;
            sxy += x * y;
        }
        const spread = n * sxx - sx * sx;
        if (n < 8.0 or spread <= 0.0) return null;
        const slope = (n * sxy - sx * sy) / spread;
        found = .{ .at = (sy - slope * sx) / n, .slope = slope };
    }
    const line = found orelse return null;
    return .{ .at = line.at - line.slope * (first + 0.5), .slope = line.slope };
}

fn median(values: []f32) f32 {
    std.mem.sortUnstable(f32, values, {}, std.sort.asc(f32));
    return values[values.len / 2];
}
