//! The helpers' inner loops in Wasm's 128-bit SIMD. The plain loops that are used natively take two
//! to four times as long when compilers vectorise them for Wasm.
//!
//! Complete blocks of 16 pixels are processed here; plain loops process the rest. The results are
//! the same to the last bit.

use core::arch::wasm32::{
    f32x4, f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, u8x16_narrow_i16x8,
    u8x16_shuffle, u16x8_add, u16x8_extend_high_u8x16, u16x8_extend_low_u8x16, u16x8_mul,
    u16x8_shr, u16x8_splat, u32x4_extend_high_u16x8, u32x4_extend_low_u16x8, v128,
};

use super::constants::{BLUE, GREEN, RED, SCALED};

/// The pixels in a block, and the bytes in a vector.
const BLOCK: usize = 16;

/// Factors and offsets for four floats.
type Factors = (v128, v128);

/// Normalises as many complete blocks of `pixels` as there are into the planes of `out`, and
/// returns the number of pixels.
pub fn planes<const CHANNELS: usize>(
    pixels: &[[u8; CHANNELS]],
    plane: usize,
    factors: &[(f32, f32); 4],
    out: &mut [f32],
) -> usize {
    let factors = factors.map(|(factor, offset)| (f32x4_splat(factor), f32x4_splat(offset)));
    let mut rest = out;
    let mut planes: [_; 4] = std::array::from_fn(|_| {
        let (first, others) = std::mem::take(&mut rest)
            .split_at_mut_checked(plane)
            .unwrap_or_default();
        rest = others;
        first.as_chunks_mut::<BLOCK>().0.iter_mut()
    });
    let (blocks, _) = pixels.as_chunks::<BLOCK>();
    for block in blocks {
        let channels = split(block);
        for ((channel, plane), factors) in channels
            .into_iter()
            .zip(&mut planes)
            .zip(factors)
            .take(CHANNELS)
        {
            if let Some(to) = plane.next() {
                store(to, floats(channel, [factors; 4]));
            }
        }
    }
    blocks.len() * BLOCK
}

/// Normalises blocks of interleaved bytes, instead of the plain loop.
pub fn scale<const CHANNELS: usize>(
    from: &[[u8; SCALED]],
    factors: &[(f32, f32); 4],
    to: &mut [[f32; SCALED]],
) {
    // The channels of the lanes repeat after at most three vectors.
    let lane =
        |place: usize| -> (f32, f32) { factors.get(place % CHANNELS).copied().unwrap_or_default() };
    let vector = |at: usize| -> Factors {
        let [p, q, r, s] = [lane(at), lane(at + 1), lane(at + 2), lane(at + 3)];
        (f32x4(p.0, q.0, r.0, s.0), f32x4(p.1, q.1, r.1, s.1))
    };
    let [p, q, r] = [vector(0), vector(4), vector(8)];
    let block = |from: &[u8; SCALED], to: &mut [f32; SCALED]| {
        // Written out, since a loop would not be unrolled.
        if let ([a, b, c], [x, y, z]) = (from.as_chunks().0, to.as_chunks_mut().0) {
            store(x, floats(load(a), [p, q, r, p]));
            store(y, floats(load(b), [q, r, p, q]));
            store(z, floats(load(c), [r, p, q, r]));
        }
    };
    // Two per iteration: values that the loop keeps in vectors are read from memory in each
    // iteration.
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks(), to.as_chunks_mut());
    for ([a, b], [x, y]) in from.iter().zip(to) {
        block(a, x);
        block(b, y);
    }
    for (from, to) in from_rest.iter().zip(to_rest) {
        block(from, to);
    }
}

/// Converts as many complete blocks as there are to grey, and returns the rest.
pub fn grey<'a, 'b>(from: &'a [[u8; 3]], to: &'b mut [u8]) -> (&'a [[u8; 3]], &'b mut [u8]) {
    let (from, from_rest) = from.as_chunks::<BLOCK>();
    let (to, to_rest) = to.as_chunks_mut::<BLOCK>();
    for (from, to) in from.iter().zip(to) {
        let [red, green, blue, _] = split(from);
        let low = luma(
            u16x8_extend_low_u8x16(red),
            u16x8_extend_low_u8x16(green),
            u16x8_extend_low_u8x16(blue),
        );
        let high = luma(
            u16x8_extend_high_u8x16(red),
            u16x8_extend_high_u8x16(green),
            u16x8_extend_high_u8x16(blue),
        );
        *to = bytemuck::cast(u8x16_narrow_i16x8(low, high));
    }
    (from_rest, to_rest)
}

#[inline(always)]
fn luma(red: v128, green: v128, blue: v128) -> v128 {
    let red = u16x8_mul(red, u16x8_splat(RED));
    let green = u16x8_mul(green, u16x8_splat(GREEN));
    let blue = u16x8_mul(blue, u16x8_splat(BLUE));
    let sum = u16x8_add(u16x8_add(red, green), u16x8_add(blue, u16x8_splat(128)));
    u16x8_shr(sum, 8)
}

#[inline(always)]
fn load(bytes: &[u8; BLOCK]) -> v128 {
    bytemuck::cast(*bytes)
}

#[inline(always)]
fn store(to: &mut [f32; BLOCK], vectors: [v128; 4]) {
    let (to, _) = to.as_chunks_mut::<4>();
    for (to, vector) in to.iter_mut().zip(vectors) {
        *to = bytemuck::cast(vector);
    }
}

/// Converts sixteen bytes to normalised floats.
#[inline(always)]
fn floats(bytes: v128, [p, q, r, s]: [Factors; 4]) -> [v128; 4] {
    let (low, high) = (
        u16x8_extend_low_u8x16(bytes),
        u16x8_extend_high_u8x16(bytes),
    );
    let float = |words, (factor, offset): Factors| {
        f32x4_add(f32x4_mul(f32x4_convert_i32x4(words), factor), offset)
    };
    [
        float(u32x4_extend_low_u16x8(low), p),
        float(u32x4_extend_high_u16x8(low), q),
        float(u32x4_extend_low_u16x8(high), r),
        float(u32x4_extend_high_u16x8(high), s),
    ]
}

/// Splits sixteen pixels with two, three or four channels into one vector per channel.
#[inline(always)]
fn split<const CHANNELS: usize>(block: &[[u8; CHANNELS]; BLOCK]) -> [v128; 4] {
    let (vectors, _) = block.as_flattened().as_chunks::<BLOCK>();
    let mut vectors = vectors.iter().map(load);
    let zero = u16x8_splat(0);
    let [a, b, c, d] = [(); 4].map(|()| vectors.next().unwrap_or(zero));
    match CHANNELS {
        2 => [
            u8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(a, b),
            u8x16_shuffle::<1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31>(a, b),
            zero,
            zero,
        ],
        3 => {
            // First the part of a channel in `a` and `b`, then the part in `c`.
            let red = u8x16_shuffle::<0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0>(a, b);
            let green =
                u8x16_shuffle::<1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0>(a, b);
            let blue = u8x16_shuffle::<2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0>(a, b);
            [
                u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29>(red, c),
                u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30>(green, c),
                u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31>(blue, c),
                zero,
            ]
        }
        _ => {
            // First the even and the odd channels of eight pixels each, then single channels of all
            // sixteen.
            let even = |low, high| {
                u8x16_shuffle::<0, 4, 8, 12, 16, 20, 24, 28, 2, 6, 10, 14, 18, 22, 26, 30>(
                    low, high,
                )
            };
            let odd = |low, high| {
                u8x16_shuffle::<1, 5, 9, 13, 17, 21, 25, 29, 3, 7, 11, 15, 19, 23, 27, 31>(
                    low, high,
                )
            };
            let first = |low, high| {
                u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23>(low, high)
            };
            let second = |low, high| {
                u8x16_shuffle::<8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31>(
                    low, high,
                )
            };
            let ((e, f), (g, h)) = ((even(a, b), even(c, d)), (odd(a, b), odd(c, d)));
            [first(e, f), first(g, h), second(e, f), second(g, h)]
        }
    }
}
