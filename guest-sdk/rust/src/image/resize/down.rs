//! The first pass: new rows out of old ones. Each byte of a new row is a weighted mean of the bytes above each other
//! in a stretch of old rows; which channel it is does not matter.
//!
//! A new row is left in words of 128ths, so that rounding twice costs nothing that can be seen; what a filter lets go
//! beyond black or white is cut off. Sixteen bytes are worked on at a time, all rows of a stretch for them before the
//! next: sums never leave the registers, and the check for a deadline at the end of a turn stands beside fifty to a
//! hundred other instructions.

use super::{
    super::lanes::{Sums, Words},
    taps::BITS,
};

/// Bits behind the point of a new row's words.
pub const POINT: u32 = 7;
/// What takes a sum to such words.
const SHIFT: u32 = BITS - POINT;
/// Old rows that one turn takes at most; more are taken in several.
const ROWS: usize = 8;
/// Bytes of a vector.
const BLOCK: usize = 16;

type Block = [u8; BLOCK];

/// Two vectors, and what a turn of the loop works on: what a sandbox does once a turn is spread over both.
const TWO: usize = 2 * BLOCK;

/// One new row: `out[i]` of `rows[..][i]`, weighed and rounded. Rows are `width` bytes each, one after the other, as
/// many as there are weights; `sums` is working memory.
pub fn row(rows: &[u8], width: usize, weights: &[i16], out: &mut [i16], sums: &mut Vec<i32>) {
    let done = if width < BLOCK {
        None
    } else {
        match weights.len() {
            ..=2 => blocks::<1>(rows, width, weights, out),
            3 | 4 => blocks::<2>(rows, width, weights, out),
            5 | 6 => blocks::<3>(rows, width, weights, out),
            7 | ROWS => blocks::<4>(rows, width, weights, out),
            _ => None,
        }
    };
    if done.is_none() {
        plainly(rows, width, weights, out, sums);
    }
}

/// With up to `2 * PAIRS` rows, in vectors: all of a row, or nothing. A function of its own, so
/// that a compiler has few values to keep in registers.
#[inline(never)]
fn blocks<'a, const PAIRS: usize>(
    rows: &'a [u8],
    width: usize,
    weights: &[i16],
    out: &mut [i16],
) -> Option<()> {
    // Where the number of rows is odd, the last one is taken twice, the second time with no weight.
    let last = weights.len().checked_sub(1)?;
    let line = |at: usize| rows.get(at.min(last) * width..)?.get(..width);
    let weight = |at: usize| weights.get(at).copied().unwrap_or_default();
    let weight = |pair: usize| Words::pairs([weight(2 * pair), weight(2 * pair + 1)]);
    let (p, q, r, s) = (
        [line(0)?, line(1)?],
        [line(2)?, line(3)?],
        [line(4)?, line(5)?],
        [line(6)?, line(7)?],
    );
    let weights = [weight(0), weight(1), weight(2), weight(3)];
    if width < TWO {
        // The second vector ends where the row does, and does some of the first for a second time.
        let first = |[a, b]: [&'a [u8]; 2]| Some([a.first_chunk()?, b.first_chunk()?]);
        let lines = [first(p)?, first(q)?, first(r)?, first(s)?];
        block::<PAIRS>(lines, weights, out.first_chunk_mut()?);
        let last = |[a, b]: [&'a [u8]; 2]| Some([a.last_chunk()?, b.last_chunk()?]);
        let lines = [last(p)?, last(q)?, last(r)?, last(s)?];
        block::<PAIRS>(lines, weights, out.last_chunk_mut()?);
        return Some(());
    }
    let whole = |[a, b]: [&'a [u8]; 2]| pieces(a).iter().zip(pieces(b));
    let pairs = whole(p).zip(whole(q)).zip(whole(r)).zip(whole(s));
    let to = out.as_chunks_mut::<BLOCK>().0.as_chunks_mut::<2>().0;
    for (((((a, b), (c, d)), (e, f)), (g, h)), to) in pairs.zip(to) {
        two::<PAIRS>([[a, b], [c, d], [e, f], [g, h]], weights, to);
    }
    if !width.is_multiple_of(TWO) {
        let end = |line: &'a [u8]| pieces(line.last_chunk::<TWO>()?).first();
        let end = |[a, b]: [&'a [u8]; 2]| Some([end(a)?, end(b)?]);
        let to = out.last_chunk_mut::<TWO>()?.as_chunks_mut::<BLOCK>().0;
        let to = to.as_chunks_mut::<2>().0.first_mut()?;
        two::<PAIRS>([end(p)?, end(q)?, end(r)?, end(s)?], weights, to);
    }
    Some(())
}

/// Sixteen words.
type Block16 = [i16; BLOCK];

/// As many pairs of vectors as there are.
#[inline(always)]
fn pieces(line: &[u8]) -> &[[Block; 2]] {
    line.as_chunks::<BLOCK>().0.as_chunks().0
}

/// Both vectors of what a turn works on.
#[inline(always)]
fn two<const PAIRS: usize>(
    pairs: [[&[Block; 2]; 2]; 4],
    weights: [Words; 4],
    [low, high]: &mut [Block16; 2],
) {
    block::<PAIRS>(pairs.map(|pair| pair.map(|[low, _]| low)), weights, low);
    block::<PAIRS>(pairs.map(|pair| pair.map(|[_, high]| high)), weights, high);
}

/// One vector. Written out: over arrays it would stay a loop in the sandbox, and keep its sums in memory.
#[inline(always)]
fn block<const PAIRS: usize>(
    [p, q, r, s]: [[&Block; 2]; 4],
    [w, x, y, z]: [Words; 4],
    to: &mut Block16,
) {
    let half = Sums::splat(1 << (SHIFT - 1));
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
    let [a, b, c, d] = sums.map(Sums::shift::<{ SHIFT as i32 }>);
    if let ([low, high], _) = to.as_chunks_mut::<8>() {
        a.words(b).above_zero().store(low);
        c.words(d).above_zero().store(high);
    }
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
fn plainly(rows: &[u8], width: usize, weights: &[i16], out: &mut [i16], sums: &mut Vec<i32>) {
    sums.clear();
    sums.resize(width, 1 << (SHIFT - 1));
    for (line, &weight) in rows.chunks_exact(width).zip(weights) {
        for (sum, &byte) in sums.iter_mut().zip(line) {
            *sum += i32::from(weight) * i32::from(byte);
        }
    }
    for (to, &sum) in out.iter_mut().zip(sums.iter()) {
        *to = (sum >> SHIFT).clamp(0, i16::MAX.into()) as i16;
    }
}
