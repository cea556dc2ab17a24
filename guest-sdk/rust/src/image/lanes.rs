//! Vectors of 128 bits with the same results on each machine: Wasm's SIMD in the sandbox, SSE2 on
//! x86-64, plain arrays elsewhere.
//!
//! A loop over these vectors is one source for the sandbox and its twin. Each operation is one or
//! two instructions on both and gives the same bits everywhere. Loads and stores take arrays, so
//! they are never out of bounds.

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

/// Eight signed 16-bit integers.
#[derive(Clone, Copy)]
pub struct Words(Raw);

/// Four signed 32-bit integers.
#[derive(Clone, Copy)]
pub struct Sums(Raw);

impl Words {
    /// Loads eight words from memory.
    #[inline(always)]
    pub fn load(from: &[i16; 8]) -> Self {
        Self(bytemuck::cast(*from))
    }

    /// The same two words, four times.
    #[inline(always)]
    pub fn pairs([first, second]: [i16; 2]) -> Self {
        Self(bytemuck::cast([
            first, second, first, second, first, second, first, second,
        ]))
    }

    /// Stores the words to memory.
    #[inline(always)]
    pub fn store(self, to: &mut [i16; 8]) {
        *to = bytemuck::cast(self.0);
    }

    /// Sixteen bytes of one row and the sixteen below them, as words in alternation: a byte of the
    /// first row, the byte below it, the next byte of the first row, and so on.
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

    /// The first four words of both vectors, in alternation.
    #[inline(always)]
    pub fn zip_low(self, other: Self) -> Self {
        Self(ops::zip_low_16(self.0, other.0))
    }

    /// Multiplies the words and adds the products in pairs: the first and the second, the third and
    /// the fourth, and so on.
    #[inline(always)]
    pub fn dot(self, other: Self) -> Sums {
        Sums(ops::dot(self.0, other.0))
    }

    /// Replaces negative words by zero.
    #[inline(always)]
    pub fn above_zero(self) -> Self {
        Self(ops::max_16(self.0, bytemuck::Zeroable::zeroed()))
    }

    /// Sixteen words as bytes, clipped to 0 and 255.
    #[inline(always)]
    pub fn bytes(self, other: Self) -> [u8; 16] {
        bytemuck::cast(ops::narrow_16(self.0, other.0))
    }

    /// The same without each fourth byte: twelve bytes, followed by four without meaning.
    #[inline(always)]
    pub fn threes(self, other: Self) -> [u8; 16] {
        bytemuck::cast(ops::threes(ops::narrow_16(self.0, other.0)))
    }
}

impl Sums {
    /// The same value four times.
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self(bytemuck::cast([value; 4]))
    }

    /// Adds lane by lane, wrapping.
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(ops::add(self.0, other.0))
    }

    /// Shifts each lane right and keeps its sign. The number of bits is a constant, since a
    /// variable one would have to be moved into a vector for each shift.
    #[inline(always)]
    pub fn shift<const BITS: i32>(self) -> Self {
        Self(ops::shift::<BITS>(self.0))
    }

    /// Adds up all lanes of each of the four vectors; each sum is one lane of the result.
    #[inline(always)]
    pub fn totals([a, b, c, d]: [Self; 4]) -> Self {
        let (ab, cd) = (
            ops::add(ops::zip_low_32(a.0, b.0), ops::zip_high_32(a.0, b.0)),
            ops::add(ops::zip_low_32(c.0, d.0), ops::zip_high_32(c.0, d.0)),
        );
        Self(ops::add(ops::zip_low_64(ab, cd), ops::zip_high_64(ab, cd)))
    }

    /// Eight lanes as words, clipped to their range.
    #[inline(always)]
    pub fn words(self, other: Self) -> Words {
        Words(ops::narrow_32(self.0, other.0))
    }
}
