//! What the plain loops and those in SIMD have in common.

/// The luma weights of ITU-R BT.601 in 256ths; they add up to 256, so that white stays white.
pub(super) const RED: u16 = 77;
pub(super) const GREEN: u16 = 150;
pub(super) const BLUE: u16 = 29;

/// The bytes that are normalised in one go: a multiple of each number of channels and of the SIMD lanes.
pub(super) const SCALED: usize = 48;
