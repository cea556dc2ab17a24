//! What was read before, and whether a reading can be true.
//!
//! Plausible is what a register can have done since the last plausible reading: it goes forward,
//! over 99999 to 0 as well, and at most so far a frame. Two implausible readings in a row that
//! agree with each other become the new last reading, so that a first misreading does not make
//! everything after it implausible.

const History = @This();

/// One more than the highest reading.
const register = 100_000;

/// How far a register may go on from one frame to the next.
most_a_frame: u32,
last: ?u32 = null,
/// The implausible reading of the frame before, if that is what it was.
doubted: ?u32 = null,
/// Frames since `last` was read.
frames: u32 = 0,

/// Takes note of a frame that gave no reading.
pub fn missed(self: *History) void {
    self.frames +|= 1;
    self.doubted = null;
}

/// Whether the register can have come to this value; the first reading always can.
pub fn judge(self: *History, value: u32) bool {
    self.frames +|= 1;
    const plausible = if (self.last) |last| self.follows(last, self.frames, value) else true;
    const confirmed = if (self.doubted) |doubted| self.follows(doubted, 1, value) else false;
    if (plausible or confirmed) {
        self.last = value;
        self.frames = 0;
        self.doubted = null;
    } else {
        self.doubted = value;
    }
    return plausible;
}

fn follows(self: History, last: u32, frames: u32, value: u32) bool {
    const step = (value + register - last) % register;
    return step <= @min(self.most_a_frame *| frames, register / 2);
}
