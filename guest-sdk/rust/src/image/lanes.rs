//! Vectors of 128 bits, the same on every machine: Wasm's SIMD in the sandbox, SSE2 on x86-64, plain arrays elsewhere.
//!
//! One loop over these is one source for the sandbox and its twin. Every operation here is one or two instructions
//! on both, and all of them give the same bits everywhere. Loads and stores are of arrays, so none can miss.

#[cfg(not(any(
    all(target_arch = "wasm32", target_feature = "simd128"),
    all(target_arch = "x86_64", target_feature = "sse2")
)))]
#[path = "lanes/plain.rs"]
mod machine;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[path = "lanes/wasm.rs"]
mod machine;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[path = "lanes/x86.rs"]
mod machine;

use machine::{Raw, ops};

/// Eight signed words.
#[derive(Clone, Copy)]
pub struct Words(Raw);

/// Four signed double words.
#[derive(Clone, Copy)]
pub struct Sums(Raw);

impl Words {
    /// Eight words from memory.
    #[inline(always)]
    pub fn load(from: &[i16; 8]) -> Self {
        Self(bytemuck::cast(*from))
    }

    /// Two words, four times.
    #[inline(always)]
    pub fn pairs([first, second]: [i16; 2]) -> Self {
        Self(bytemuck::cast([
            first, second, first, second, first, second, first, second,
        ]))
    }

    /// The words, to memory.
    #[inline(always)]
    pub fn store(self, to: &mut [i16; 8]) {
        *to = bytemuck::cast(self.0);
    }

    /// Sixteen bytes of one row and the sixteen below them, as words: a byte of the first, the one below it, the
    /// next of the first, and so on.
    #[inline(always)]
    pub fn zip(above: &[u8; 16], below: &[u8; 16]) -> [Self; 4] {
        let (above, below) = (bytemuck::cast(*above), bytemuck::cast(*below));
        let (low, high) = (ops::zip_low_8(above, below), ops::zip_high_8(above, below));
        [
            Self(ops::extend_low(low)),
            Self(ops::extend_high(low)),
            Self(ops::extend_low(high)),
            Self(ops::extend_high(high)),
        ]
    }

    /// The first four of these words, each followed by one of the other's.
    #[inline(always)]
    pub fn zip_low(self, other: Self) -> Self {
        Self(ops::zip_low_16(self.0, other.0))
    }

    /// Products of words, the first added to the second, the third to the fourth, and so on.
    #[inline(always)]
    pub fn dot(self, other: Self) -> Sums {
        Sums(ops::dot(self.0, other.0))
    }

    /// Zero in place of what is less.
    #[inline(always)]
    pub fn above_zero(self) -> Self {
        Self(ops::max_16(self.0, bytemuck::Zeroable::zeroed()))
    }

    /// Sixteen words as bytes, cut off at 0 and 255.
    #[inline(always)]
    pub fn bytes(self, other: Self) -> [u8; 16] {
        bytemuck::cast(ops::narrow_16(self.0, other.0))
    }

    /// The same without every fourth byte: twelve, and then four of no meaning.
    #[inline(always)]
    pub fn threes(self, other: Self) -> [u8; 16] {
        bytemuck::cast(ops::threes(ops::narrow_16(self.0, other.0)))
    }
}

impl Sums {
    /// One value four times.
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self(bytemuck::cast([value; 4]))
    }

    /// Lane by lane, wrapping.
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(ops::add(self.0, other.0))
    }

    /// Each lane shifted right, its sign kept. By a number that is known when this is compiled: one that is not has to
    /// be brought into a vector anew for every shift.
    #[inline(always)]
    pub fn shift<const BITS: i32>(self) -> Self {
        Self(ops::shift::<BITS>(self.0))
    }

    /// All lanes of each of four vectors added up: one lane of the result each.
    #[inline(always)]
    pub fn totals([a, b, c, d]: [Self; 4]) -> Self {
        let (ab, cd) = (
            ops::add(ops::zip_low_32(a.0, b.0), ops::zip_high_32(a.0, b.0)),
            ops::add(ops::zip_low_32(c.0, d.0), ops::zip_high_32(c.0, d.0)),
        );
        Self(ops::add(ops::zip_low_64(ab, cd), ops::zip_high_64(ab, cd)))
    }

    /// Eight lanes as words, cut off at the ends of their range.
    #[inline(always)]
    pub fn words(self, other: Self) -> Words {
        Words(ops::narrow_32(self.0, other.0))
    }
}
