//! The first pass: new rows out of old ones. Each byte of a new row is a weighted mean of the bytes above each other
//! in a stretch of old rows; which channel it is does not matter.
//!
//! A new row is left in words of 128ths, so that rounding twice costs nothing that can be seen; what a filter lets go
//! beyond black or white is cut off. Sixteen bytes are worked on at a time, all rows of a stretch for them before the
//! next: sums never leave the registers, and the check for a deadline at the end of a turn stands beside fifty to a
//! hundred other instructions.

use super::super::lanes::{Sums, Words};

/// Bits behind the point of a new row's words.
pub const POINT: u32 = 7;
/// Old rows that one turn takes at most; more are taken in several.
const ROWS: usize = 8;
/// Bytes of a vector.
const BLOCK: usize = 16;

type Block = [u8; BLOCK];

/// One new row: `out[i]` of `rows[..][i]`, weighed and rounded. Rows are `width` bytes each, one after the other, as
/// many as there are weights; `sums` is working memory.
pub fn row(
    rows: &[u8],
    width: usize,
    weights: &[i16],
    bits: u32,
    out: &mut [i16],
    sums: &mut Vec<i32>,
) {
    let done = if width < BLOCK || weights.len() > ROWS {
        0
    } else {
        match weights.len().div_ceil(2) {
            1 => blocks::<1>(rows, width, weights, bits, out),
            2 => blocks::<2>(rows, width, weights, bits, out),
            3 => blocks::<3>(rows, width, weights, bits, out),
            _ => blocks::<4>(rows, width, weights, bits, out),
        }
    };
    if done < width {
        plainly(rows, width, weights, bits, out, sums);
    }
}

/// With up to `2 * PAIRS` rows, in vectors. How many bytes were done: all of them, or none. A function of its own, so
/// that a compiler has few values to keep in registers.
#[inline(never)]
fn blocks<const PAIRS: usize>(
    rows: &[u8],
    width: usize,
    weights: &[i16],
    bits: u32,
    out: &mut [i16],
) -> usize {
    // Where the number of rows is odd, the last one is taken twice, the second time with no weight.
    let last = weights.len().saturating_sub(1);
    let line = |at: usize| {
        let start = at.min(last) * width;
        rows.get(start..start + width).unwrap_or_default()
    };
    let lines: [[&[u8]; 2]; PAIRS] =
        core::array::from_fn(|pair| [line(2 * pair), line(2 * pair + 1)]);
    let weight = |at: usize| weights.get(at).copied().unwrap_or_default();
    let weights: [Words; PAIRS] =
        core::array::from_fn(|pair| Words::pairs([weight(2 * pair), weight(2 * pair + 1)]));
    let shift = bits - POINT;
    let half = Sums::splat(1 << (shift - 1));

    let (to, _) = out.as_chunks_mut::<BLOCK>();
    let count = to.len().min(width / BLOCK);
    // All of one length, which is said once here and not checked again below.

    let mut chunks: [[&[Block]; 2]; PAIRS] = [[&[]; 2]; PAIRS];
    for (chunks, lines) in chunks.iter_mut().zip(lines) {
        let [Some(above), Some(below)] = lines.map(|line| line.as_chunks().0.get(..count)) else {
            return 0;
        };
        *chunks = [above, below];
    }
    for (at, to) in to.iter_mut().enumerate().take(count) {
        let mut pairs = [[&[0; BLOCK]; 2]; PAIRS];
        for (pair, [above, below]) in pairs.iter_mut().zip(&chunks) {
            if let (Some(above), Some(below)) = (above.get(at), below.get(at)) {
                *pair = [above, below];
            }
        }
        block(pairs, &weights, half, shift, to);
    }
    // What is left is done with the vector that ends where the row does, some of it for a second time.
    if let Some(to) = out.get_mut(..width).and_then(|out| out.last_chunk_mut()) {
        let pairs = lines.map(|lines| lines.map(|line| line.last_chunk().unwrap_or(&[0; BLOCK])));
        block(pairs, &weights, half, shift, to);
    }
    width
}

#[inline(always)]
fn block<const PAIRS: usize>(
    pairs: [[&Block; 2]; PAIRS],
    weights: &[Words; PAIRS],
    half: Sums,
    shift: u32,
    to: &mut [i16; BLOCK],
) {
    let mut sums = [half; 4];
    for ([above, below], weights) in pairs.into_iter().zip(weights) {
        for (sum, words) in sums.iter_mut().zip(Words::zip(above, below)) {
            *sum = sum.add(words.dot(*weights));
        }
    }
    let [a, b, c, d] = sums.map(|sum| sum.shift(shift));
    if let ([low, high], _) = to.as_chunks_mut::<8>() {
        a.words(b).above_zero().store(low);
        c.words(d).above_zero().store(high);
    }
}

/// Rows too narrow for a vector, or more of them than one turn takes: row by row.
fn plainly(
    rows: &[u8],
    width: usize,
    weights: &[i16],
    bits: u32,
    out: &mut [i16],
    sums: &mut Vec<i32>,
) {
    let shift = bits - POINT;
    sums.clear();
    sums.resize(width, 1 << (shift - 1));
    for (line, &weight) in rows.chunks_exact(width).zip(weights) {
        for (sum, &byte) in sums.iter_mut().zip(line) {
            *sum += i32::from(weight) * i32::from(byte);
        }
    }
    for (to, &sum) in out.iter_mut().zip(sums.iter()) {
        *to = (sum >> shift).clamp(0, i16::MAX.into()) as i16;
    }
}
