//! The second pass: new pixels out of the words of one row.
//!
//! Eight words are weighed at a time: eight grey pixels, or two of three channels. The words behind the row's end
//! exist and have no weight. New pixels come in vectors of 16 bytes, so a row's last one may reach into the next row,
//! which is written after it.

use super::{
    super::lanes::{Sums, Words},
    down::POINT,
    taps::{BITS, Taps},
};

/// What takes a sum to a byte.
const SHIFT: u32 = BITS + POINT;
/// Bytes of a vector, and grey pixels that are made at a time.
const BLOCK: usize = 16;
/// Pixels of three channels that are made at a time.
const FOUR: usize = 4;

/// Taps, laid out as the vectors they are used as.
#[derive(Debug, Default)]
pub struct Across {
    /// Where each new pixel's stretch starts in the row; then some of no weight, to fill the last vector.
    starts: Vec<usize>,
    /// `vectors` for each new pixel.
    weights: Vec<[i16; 8]>,
    vectors: usize,
}

impl Across {
    /// Lays these taps out for a number of channels.
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

    /// Words that a row needs behind its end.
    pub fn behind(&self) -> usize {
        8 * self.vectors + 8
    }

    /// One new row of grey pixels, and as much of what follows it as its last vector reaches into.
    pub fn grey(&self, row: &[i16], out: &mut [u8]) {
        match self.vectors {
            1 => self.grey_of::<1>(row, out),
            2 => self.grey_of::<2>(row, out),
            _ => self.grey_of::<0>(row, out),
        };
    }

    /// With `VECTORS` a pixel, or any number where that is 0. Nothing if a stretch is not within the row.
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
        // Written out: a loop here would stay one in the sandbox.
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

    /// One new row of pixels of three channels, and as much of what follows it as its last vector reaches into.
    pub fn rgb(&self, row: &[i16], out: &mut [u8]) {
        match self.vectors {
            1 => self.rgb_of::<1>(row, out),
            2 => self.rgb_of::<2>(row, out),
            3 => self.rgb_of::<3>(row, out),
            4 => self.rgb_of::<4>(row, out),
            _ => self.rgb_of::<0>(row, out),
        };
    }

    /// With `VECTORS` a pixel, or any number where that is 0. Nothing if a stretch is not within the row.
    #[inline(never)]
    fn rgb_of<const VECTORS: usize>(&self, row: &[i16], out: &mut [u8]) -> Option<()> {
        let vectors = if VECTORS == 0 { self.vectors } else { VECTORS };
        let half = Sums::splat(1 << (SHIFT - 1));
        let pixel = |start: usize, weights: &[[i16; 8]]| {
            // Six words are two pixels; with the words three further on, each channel stands beside its like.
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

/// `len` words of a row. No row is long enough for the sum to wrap once the start's upper bits are gone, which a
/// compiler can see; that leaves one comparison.
#[inline(always)]
fn words_at(row: &[i16], start: usize, len: usize) -> Option<&[i16]> {
    let start = start & (usize::MAX >> 2);
    row.get(start..start + len)
}

/// Writes a vector, or what there is room for, and returns what follows the first `used` bytes.
#[inline(always)]
fn put(bytes: [u8; BLOCK], used: usize, out: &mut [u8]) -> &mut [u8] {
    match out.first_chunk_mut() {
        Some(to) => *to = bytes,
        None => put_part(&bytes, out),
    }
    out.get_mut(used..).unwrap_or_default()
}

/// At a picture's end. Apart, because a compiler that sees single bytes taken out of a vector works all of it out by
/// single bytes.
#[cold]
#[inline(never)]
fn put_part(bytes: &[u8; BLOCK], out: &mut [u8]) {
    for (to, byte) in out.iter_mut().zip(bytes) {
        *to = *byte;
    }
}
