//! The digit windows of an upright plate.
//!
//! A column that crosses a window has something light in it, ink or no ink, since the ink never
//! fills a window from its upper to its lower edge; a column between two windows has nothing light.
//! The same goes for rows. So the windows are stretches of the columns' and rows' maxima, and five
//! of them in an even row are a register.

const std = @import("std");
const Fault = @import("tollgate").Fault;

const Picture = @import("Picture.zig");
const locate = @import("locate.zig");
const digits = locate.digits;
const whole = locate.whole;

/// The strip's outermost rows may show what lies beside the plate: this part of its height is left
/// out.
const rim_part = 9;
/// A centre may be this far from where an even row has it, as a part of the distance of two.
const most_uneven: f32 = 0.12;
/// A window's width may differ this much from the median of the five, as a part of it.
const odd: f32 = 0.3;

/// Places start..end.
const Stretch = struct { start: usize, end: usize };

/// Finds the windows.
pub fn find(gpa: std.mem.Allocator, strip: Picture, fault: *Fault) ![digits]locate.Window {
    const across = try columnMaxima(gpa, strip);
    const found = try stretches(gpa, across, strip.width / digits, 2, @max(strip.width / 40, 3));
    const row = try even(found, fault);

    var lefts: [digits]usize = undefined;
    for (&lefts, 0..) |*left, place| {
        left.* = whole(@round(row.first + row.pitch * @as(f32, @floatFromInt(place)) - row.wide / 2.0));
    }
    const wide = whole(@round(row.wide));
    const down = try rowMaxima(gpa, strip, lefts, wide);
    const middle = strip.height / 2;
    const rows = for (try stretches(gpa, down, strip.height, 2, strip.height / 3)) |one| {
        if (one.start <= middle and middle < one.end) break one;
    } else return uneven(fault);
    if (lefts[digits - 1] + wide > strip.width) return uneven(fault);

    var windows: [digits]locate.Window = undefined;
    for (&windows, lefts) |*window, left| {
        window.* = .{ .left = left, .top = rows.start, .width = wide, .height = rows.end - rows.start };
    }
    return windows;
}

fn uneven(fault: *Fault) error{Fault} {
    return fault.invalidFrame(
        "expected {d} digit windows in an even row, found an uneven one: check what covers the register",
        .{digits},
    );
}

/// The lightest of each column, without the rim.
fn columnMaxima(gpa: std.mem.Allocator, strip: Picture) ![]const u8 {
    const across = try gpa.alloc(u8, strip.width);
    @memset(across, 0);
    const rim = strip.height / rim_part;
    for (rim..strip.height - rim) |y| {
        for (across, strip.row(@intCast(y))) |*most, pixel| most.* = @max(most.*, pixel);
    }
    return across;
}

/// For each row the lightest pixel of each window's columns, and of these five the third.
fn rowMaxima(gpa: std.mem.Allocator, strip: Picture, lefts: [digits]usize, wide: usize) ![]const u8 {
    const down = try gpa.alloc(u8, strip.height);
    for (down, 0..) |*third, y| {
        const row = strip.row(@intCast(y));
        var most: [digits]u8 = @splat(0);
        for (&most, lefts) |*one, left| {
            if (left + wide <= row.len) one.* = std.mem.max(u8, row[left..][0..wide]);
        }
        std.mem.sortUnstable(u8, &most, {}, std.sort.asc(u8));
        third.* = most[digits / 2];
    }
    return down;
}

/// Whether a place is nearer to the lightest than to the darkest of those within `reach`.
fn lighter(profile: []const u8, reach: usize, place: usize) bool {
    const near = profile[place -| reach..@min(place + reach + 1, profile.len)];
    const least: u32 = std.mem.min(u8, near);
    const most: u32 = std.mem.max(u8, near);
    return most > least + 20 and @as(u32, profile[place]) * 2 > least + most;
}

/// Stretches of light places, of at least `least`; gaps of up to `gap` do not part them.
fn stretches(gpa: std.mem.Allocator, profile: []const u8, reach: usize, gap: usize, least: usize) ![]const Stretch {
    var found: std.ArrayList(Stretch) = .empty;
    for (0..profile.len) |place| {
        if (!lighter(profile, reach, place)) continue;
        const last = found.items.len;
        if (last > 0 and place <= found.items[last - 1].end + gap) {
            found.items[last - 1].end = place + 1;
        } else {
            try found.append(gpa, .{ .start = place, .end = place + 1 });
        }
    }
    var kept: usize = 0;
    for (found.items) |one| {
        if (one.end - one.start < least) continue;
        found.items[kept] = one;
        kept += 1;
    }
    return found.items[0..kept];
}

/// An even row of windows: the distance of two centres, the first one's centre, their width.
const Row = struct { pitch: f32, first: f32, wide: f32 };

fn even(found: []const Stretch, fault: *Fault) !Row {
    if (found.len != digits) return fault.invalidFrame(
        "expected a register of {d} digit windows, found {d}: check the light and the focus",
        .{ digits, found.len },
    );
    var widths: [digits]f32 = undefined;
    var centres: [digits]f32 = undefined;
    for (&widths, &centres, found) |*width, *centre, one| {
        width.* = @floatFromInt(one.end - one.start);
        centre.* = @as(f32, @floatFromInt(one.start + one.end)) / 2.0;
    }
    std.mem.sortUnstable(f32, &widths, {}, std.sort.asc(f32));
    const wide = widths[digits / 2];
    // Least squares over places -2 to 2.
    const a, const b, const c, const d, const e = centres;
    const pitch = (2.0 * (e - a) + (d - b)) / 10.0;
    const first = (a + b + c + d + e) / 5.0 - 2.0 * pitch;
    for (centres, 0..) |centre, place| {
        if (@abs(centre - first - pitch * @as(f32, @floatFromInt(place))) > most_uneven * pitch) return uneven(fault);
    }
    if (widths[0] < wide * (1.0 - odd) or widths[digits - 1] > wide * (1.0 + odd) or wide > pitch) return uneven(fault);
    return .{ .pitch = pitch, .first = first, .wide = wide };
}
