//! The second pass: new pixels from the words of one row.
//!
//! Eight words are weighted at a time: eight grey pixels, or two pixels with three channels. There
//! are extra words after the end of the row; their weight is zero. New pixels are written as
//! vectors of 16 bytes. So the last one of a row may reach into the next row, which is written
//! later.

use super::{
    super::lanes::{Sums, Words},
    down::POINT,
    taps::{BITS, Taps},
};

/// The shift from a sum to a byte.
const SHIFT: u32 = BITS + POINT;
/// The bytes of a vector, and the number of grey pixels made at a time.
const BLOCK: usize = 16;
/// The number of pixels with three channels made at a time.
const FOUR: usize = 4;

/// The taps, in the layout of the vectors that use them.
#[derive(Debug, Default)]
pub struct Across {
    /// Where the stretch of each new pixel starts in the row; then entries with zero weight that
    /// fill the last vector.
    starts: Vec<usize>,
    /// The weights: `vectors` vectors for each new pixel.
    weights: Vec<[i16; 8]>,
    vectors: usize,
}

impl Across {
    /// Arranges these taps for a number of channels.
    pub fn prepare(&mut self, taps: &Taps, channels: usize) {
        let most = taps
            .stretches()
            .map(|stretch| stretch.weights.len())
            .max()
            .unwrap_or(0);
        let (pixels, at_once) = if channels == 1 { (8, BLOCK) } else { (2, FOUR) };
        self.vectors = most.div_ceil(pixels);
        self.starts.clear();
        self.weights.clear();
        for stretch in taps.stretches() {
            self.starts.push(stretch.start * channels);
            let weight = |at: usize| stretch.weights.get(at).copied().unwrap_or_default();
            for vector in 0..self.vectors {
                self.weights.push(if channels == 1 {
                    core::array::from_fn(|lane| weight(8 * vector + lane))
                } else {
                    let [a, b] = [weight(2 * vector), weight(2 * vector + 1)];
                    [a, b, a, b, a, b, 0, 0]
                });
            }
        }
        let filled = self.starts.len().next_multiple_of(at_once);
        self.starts.resize(filled, 0);
        self.weights.resize(filled * self.vectors, [0; 8]);
    }

    /// The number of words that a row needs after its end.
    pub fn behind(&self) -> usize {
        8 * self.vectors + 8
    }

    /// Makes one new row of grey pixels. Its last vector may write beyond the row's end.
    pub fn grey(&self, row: &[i16], out: &mut [u8]) {
        match self.vectors {
            1 => self.grey_of::<1>(row, out),
            2 => self.grey_of::<2>(row, out),
            _ => self.grey_of::<0>(row, out),
        };
    }

    /// With `VECTORS` vectors for each pixel, or `self.vectors` if that is 0. `None` if a stretch
    /// is not inside the row.
    #[inline(never)]
    fn grey_of<const VECTORS: usize>(&self, row: &[i16], out: &mut [u8]) -> Option<()> {
        let vectors = if VECTORS == 0 { self.vectors } else { VECTORS };
        let half = Sums::splat(1 << (SHIFT - 1));
        let pixel = |start: usize, weights: &[[i16; 8]]| {
            let row = words_at(row, start, 8 * vectors)?.as_chunks::<8>().0;
            let dot =
                |at: usize| Some(Words::load(row.get(at)?).dot(Words::load(weights.get(at)?)));
            Some(match VECTORS {
                1 => dot(0)?,
                2 => dot(0)?.add(dot(1)?),
                _ => {
                    let pairs = row.iter().zip(weights);
                    pairs.fold(Sums::splat(0), |sum, (row, weights)| {
                        sum.add(Words::load(row).dot(Words::load(weights)))
                    })
                }
            })
        };
        // Written out, since in the sandbox a loop would not be unrolled.
        let four = |[p, q, r, s]: &[usize; 4], weights: &[[i16; 8]]| {
            let (a, weights) = weights.split_at_checked(vectors)?;
            let (b, weights) = weights.split_at_checked(vectors)?;
            let (c, weights) = weights.split_at_checked(vectors)?;
            let d = weights.get(..vectors)?;
            let sums = [pixel(*p, a)?, pixel(*q, b)?, pixel(*r, c)?, pixel(*s, d)?];
            Some(Sums::totals(sums).add(half).shift::<{ SHIFT as i32 }>())
        };
        let mut rest = out;
        let weights = self.weights.chunks_exact(BLOCK * vectors);
        for (starts, weights) in self.starts.as_chunks::<BLOCK>().0.iter().zip(weights) {
            let ([p, q, r, s], _) = starts.as_chunks() else {
                return None;
            };
            let (a, weights) = weights.split_at_checked(4 * vectors)?;
            let (b, weights) = weights.split_at_checked(4 * vectors)?;
            let (c, d) = weights.split_at_checked(4 * vectors)?;
            let low = four(p, a)?.words(four(q, b)?);
            let high = four(r, c)?.words(four(s, d)?);
            rest = put(low.bytes(high), BLOCK, rest);
        }
        Some(())
    }

    /// Makes one new row of pixels with three channels. Its last vector may write beyond the row's
    /// end.
    pub fn rgb(&self, row: &[i16], out: &mut [u8]) {
        match self.vectors {
            1 => self.rgb_of::<1>(row, out),
            2 => self.rgb_of::<2>(row, out),
            3 => self.rgb_of::<3>(row, out),
            4 => self.rgb_of::<4>(row, out),
            _ => self.rgb_of::<0>(row, out),
        };
    }

    /// With `VECTORS` vectors for each pixel, or `self.vectors` if that is 0. `None` if a stretch
    /// is not inside the row.
    #[inline(never)]
    fn rgb_of<const VECTORS: usize>(&self, row: &[i16], out: &mut [u8]) -> Option<()> {
        let vectors = if VECTORS == 0 { self.vectors } else { VECTORS };
        let half = Sums::splat(1 << (SHIFT - 1));
        let pixel = |start: usize, weights: &[[i16; 8]]| {
            // Six words are two pixels. Interleaved with the words three further on, values of the
            // same channel are adjacent.
            let row = words_at(row, start, 6 * vectors + 6)?;
            let dot = |at: usize| {
                let here = row.get(6 * at..)?.first_chunk()?;
                let next = row.get(6 * at + 3..)?.first_chunk()?;
                let words = Words::load(here).zip_low(Words::load(next));
                Some(words.dot(Words::load(weights.get(at)?)))
            };
            let sum = half.add(dot(0)?);
            let sum = match VECTORS {
                1 => sum,
                2 => sum.add(dot(1)?),
                3 => sum.add(dot(1)?).add(dot(2)?),
                4 => sum.add(dot(1)?).add(dot(2)?).add(dot(3)?),
                _ => (1..vectors).try_fold(sum, |sum, at| Some(sum.add(dot(at)?)))?,
            };
            Some(sum.shift::<{ SHIFT as i32 }>())
        };
        let mut rest = out;
        let weights = self.weights.chunks_exact(FOUR * vectors);
        for ([p, q, r, s], weights) in self.starts.as_chunks::<FOUR>().0.iter().zip(weights) {
            let (a, weights) = weights.split_at_checked(vectors)?;
            let (b, weights) = weights.split_at_checked(vectors)?;
            let (c, d) = weights.split_at_checked(vectors)?;
            let upper = pixel(*p, a)?.words(pixel(*q, b)?);
            let lower = pixel(*r, c)?.words(pixel(*s, d)?);
            rest = put(upper.threes(lower), 3 * FOUR, rest);
        }
        Some(())
    }
}

/// `len` words of a row. The upper bits of the start are cleared, so that the compiler sees that
/// the sum cannot wrap, and one comparison is enough. No row is long enough to need those bits.
#[inline(always)]
fn words_at(row: &[i16], start: usize, len: usize) -> Option<&[i16]> {
    let start = start & (usize::MAX >> 2);
    row.get(start..start + len)
}

/// Writes a vector, or the part of it that fits, and returns the slice after the first `used`
/// bytes.
#[inline(always)]
fn put(bytes: [u8; BLOCK], used: usize, out: &mut [u8]) -> &mut [u8] {
    match out.first_chunk_mut() {
        Some(to) => *to = bytes,
        None => put_part(&bytes, out),
    }
    out.get_mut(used..).unwrap_or_default()
}

/// For the end of a picture. A separate function: if the compiler saw single bytes taken from a
/// vector, it would compute all of it in single bytes.
#[cold]
#[inline(never)]
fn put_part(bytes: &[u8; BLOCK], out: &mut [u8]) {
    for (to, byte) in out.iter_mut().zip(bytes) {
        *to = *byte;
    }
}
