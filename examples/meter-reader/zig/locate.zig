//! A grey picture to the five digit windows of a register.
//!
//! A register is a dark plate, much wider than high, with five light windows in a row. It is found
//! in four steps: what is dark against its surroundings, so that uneven light does not matter
//! (`shade`); the largest dark shape that a plate could be (`Plate`); that plate turned upright,
//! so that rotation and shift no longer matter (`straighten`); the windows in it (`windows`). No
//! step knows what a digit is. Where any of them does not find what a register has, the fault says
//! what is missing; it is never a guess.
//!
//! The work is bounded by `working_width`: larger pictures are shrunk first.

const std = @import("std");
const Fault = @import("tollgate").Fault;

const Picture = @import("Picture.zig");
const Plate = @import("Plate.zig");
const shade = @import("shade.zig");
const straighten = @import("straighten.zig");
const windows = @import("windows.zig");

/// Digits of a register.
pub const digits = 5;
/// Pictures are shrunk by a whole number until they are narrower than twice this, in pixels.
pub const working_width = 288;

/// What stands before the sentence where a part of a picture is too small.
pub const too_small = "the register is too small to be read: ";

/// Where a digit is, in pixels of the strip.
pub const Window = struct {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
};

/// A register, upright and cut out of its picture.
pub const Register = struct {
    /// The plate, at the scale at which it was found.
    strip: Picture,
    /// From left to right, all of one size.
    windows: [digits]Window,
};

/// Finds the register. What it needs of memory is the caller's to free, all at once.
pub fn locate(gpa: std.mem.Allocator, whole_picture: Picture, fault: *Fault) !Register {
    const factor = whole_picture.width / working_width;
    const picture = if (factor <= 1) whole_picture else try whole_picture.shrunk(gpa, factor, too_small, fault);
    const dark = try shade.dark(gpa, picture);
    const plate = try Plate.find(gpa, dark, picture.width) orelse
        return fault.invalidFrame("expected a dark register plate, found none: check where the camera points", .{});
    const strip = try straighten.straighten(gpa, picture, plate, fault);
    return .{ .strip = strip, .windows = try windows.find(gpa, strip, fault) };
}

/// A float as a count, cut off below zero.
pub fn whole(value: f32) usize {
    return if (value > 0) @trunc(value) else 0;
}
