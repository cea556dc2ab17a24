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
fn blocks<'a, const PAIRS: usize>(
    rows: &'a [u8],
    width: usize,
    weights: &[i16],
    bits: u32,
    out: &mut [i16],
) -> usize {
    // Where the number of rows is odd, the last one is taken twice, the second time with no weight.
    let last = weights.len().saturating_sub(1);
    let lines = |pair: usize| {
        let line = |at: usize| {
            let start = at.min(last) * width;
            rows.get(start..start + width).unwrap_or_default()
        };
        [line(2 * pair), line(2 * pair + 1)]
    };
    let weight = |at: usize| weights.get(at).copied().unwrap_or_default();
    let weight = |pair: usize| Words::pairs([weight(2 * pair), weight(2 * pair + 1)]);
    let (p, q, r, s) = (lines(0), lines(1), lines(2), lines(3));
    let (w, x, y, z) = (weight(0), weight(1), weight(2), weight(3));
    let shift = bits - POINT;
    let half = Sums::splat(1 << (shift - 1));
    // Written out, here and below: over arrays it would stay a loop in the sandbox, and keep its sums in memory.
    let block = |[p, q, r, s]: [[&Block; 2]; 4], to: &mut Block16| {
        let mut sums = add([half; 4], p, w);
        if PAIRS > 1 {
            sums = add(sums, q, x);
        }
        if PAIRS > 2 {
            sums = add(sums, r, y);
        }
        if PAIRS > 3 {
            sums = add(sums, s, z);
        }
        let [a, b, c, d] = sums;
        if let ([low, high], _) = to.as_chunks_mut::<8>() {
            a.shift(shift).words(b.shift(shift)).above_zero().store(low);
            c.shift(shift)
                .words(d.shift(shift))
                .above_zero()
                .store(high);
        }
    };

    let (to, _) = out.as_chunks_mut::<BLOCK>();
    let count = to.len().min(width / BLOCK);
    // All of one length, which is said once here and not checked again in the loop.
    let whole = |[above, below]: [&'a [u8]; 2]| -> Option<[&'a [Block]; 2]> {
        let (above, below) = (above.as_chunks().0, below.as_chunks().0);
        Some([above.get(..count)?, below.get(..count)?])
    };
    let (Some(p_blocks), Some(q_blocks), Some(r_blocks), Some(s_blocks), Some(to)) =
        (whole(p), whole(q), whole(r), whole(s), to.get_mut(..count))
    else {
        return 0;
    };
    for (at, to) in to.iter_mut().enumerate() {
        let pair = |[above, below]: [&'a [Block]; 2]| [at_of(above, at), at_of(below, at)];
        block(
            [
                pair(p_blocks),
                pair(q_blocks),
                pair(r_blocks),
                pair(s_blocks),
            ],
            to,
        );
    }
    // What is left is done with the vector that ends where the row does, some of it for a second time.
    if let Some(to) = out.get_mut(..width).and_then(|out| out.last_chunk_mut()) {
        let end = |[above, below]: [&'a [u8]; 2]| [last_of(above), last_of(below)];
        block([end(p), end(q), end(r), end(s)], to);
    }
    width
}

/// Sixteen words.
type Block16 = [i16; BLOCK];

#[inline(always)]
fn at_of(blocks: &[Block], at: usize) -> &Block {
    blocks.get(at).unwrap_or(&[0; BLOCK])
}

fn last_of(line: &[u8]) -> &Block {
    line.last_chunk().unwrap_or(&[0; BLOCK])
}

/// Adds sixteen bytes of two rows, weighed.
#[inline(always)]
fn add([a, b, c, d]: [Sums; 4], [above, below]: [&Block; 2], weights: Words) -> [Sums; 4] {
    let [p, q, r, s] = Words::zip(above, below);
    [
        a.add(p.dot(weights)),
        b.add(q.dot(weights)),
        c.add(r.dot(weights)),
        d.add(s.dot(weights)),
    ]
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
