//! The first pass: new rows from old ones. Each byte of a new row is a weighted mean of the bytes
//! in the same column of a stretch of old rows. Its channel does not matter.
//!
//! A new row has words in 128ths, so that rounding twice makes no visible difference. Values below
//! black or above white are clipped. Sixteen bytes are processed at a time, through all rows of the
//! stretch before the next ones. So sums stay in registers, and the deadline check at the end of
//! each iteration is small beside fifty to a hundred other instructions.

use super::{
    super::lanes::{Sums, Words},
    taps::BITS,
};

/// The number of fraction bits in a new row's words.
pub const POINT: u32 = 7;
/// The shift from a sum to such words.
const SHIFT: u32 = BITS - POINT;
/// The largest number of old rows in one iteration; more rows need several.
const ROWS: usize = 8;
/// The bytes of a vector.
const BLOCK: usize = 16;

type Block = [u8; BLOCK];

/// Two vectors, which one iteration processes, so that the sandbox's cost per iteration is shared
/// by both.
const TWO: usize = 2 * BLOCK;

/// Makes one new row: `out[i]` is the weighted and rounded sum over `rows[..][i]`. `rows` holds one
/// row of `width` bytes for each weight; `sums` is working memory.
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

/// Uses vectors, for up to `2 * PAIRS` rows: does the complete row or nothing. A separate function,
/// so that the compiler has few values to keep in registers.
#[inline(never)]
fn blocks<'a, const PAIRS: usize>(
    rows: &'a [u8],
    width: usize,
    weights: &[i16],
    out: &mut [i16],
) -> Option<()> {
    // If the number of rows is odd, the last one is used twice, the second time with zero weight.
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
        // The second vector ends at the row's end and computes some bytes of the first one again.
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

/// Splits a line into pairs of vectors.
#[inline(always)]
fn pieces(line: &[u8]) -> &[[Block; 2]] {
    line.as_chunks::<BLOCK>().0.as_chunks().0
}

/// Both vectors of one iteration.
#[inline(always)]
fn two<const PAIRS: usize>(
    pairs: [[&[Block; 2]; 2]; 4],
    weights: [Words; 4],
    [low, high]: &mut [Block16; 2],
) {
    block::<PAIRS>(pairs.map(|pair| pair.map(|[low, _]| low)), weights, low);
    block::<PAIRS>(pairs.map(|pair| pair.map(|[_, high]| high)), weights, high);
}

/// One vector. Written out: over arrays the sandbox would keep a loop, with its sums in memory.
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

/// Adds sixteen bytes of two rows with their weights.
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

/// For rows narrower than a vector, or more rows than one iteration takes: row by row.
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
