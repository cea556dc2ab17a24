//! The second pass: new pixels out of the words of one row.
//!
//! Eight words are weighed at a time: eight grey pixels, or two of three channels. The words behind the row's end
//! exist and have no weight.

use super::{
    super::lanes::{Sums, Words},
    down::POINT,
    taps::Taps,
};

/// Taps, laid out as the vectors they are used as.
#[derive(Debug, Default)]
pub struct Across {
    /// Where each new pixel's stretch starts in the row.
    starts: Vec<usize>,
    /// `vectors` for each new pixel.
    weights: Vec<[i16; 8]>,
    vectors: usize,
    shift: u32,
}

impl Across {
    /// Lays these taps out for a number of channels.
    pub fn prepare(&mut self, taps: &Taps, channels: usize) {
        let most = taps
            .stretches()
            .map(|stretch| stretch.weights.len())
            .max()
            .unwrap_or(0);
        self.vectors = most.div_ceil(if channels == 1 { 8 } else { 2 });
        self.shift = taps.bits() + POINT;
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
    }

    /// Words that a row needs behind its end.
    pub fn behind(&self) -> usize {
        8 * self.vectors + 8
    }

    /// One new row of grey pixels.
    pub fn grey(&self, row: &[i16], out: &mut [u8]) {
        match self.vectors {
            1 => self.grey_of::<1>(row, out),
            2 => self.grey_of::<2>(row, out),
            _ => self.grey_of::<0>(row, out),
        }
    }

    /// With `VECTORS` a pixel, or any number where that is 0.
    #[inline(never)]
    fn grey_of<const VECTORS: usize>(&self, row: &[i16], out: &mut [u8]) {
        let vectors = if VECTORS == 0 { self.vectors } else { VECTORS };
        let half = Sums::splat(1 << (self.shift - 1));
        let pixel = |start: usize, weights: &[[i16; 8]]| {
            let words = row.get(start..).unwrap_or_default().as_chunks::<8>().0;
            let dot = |at: usize| match (words.get(at), weights.get(at)) {
                (Some(words), Some(weights)) => Words::load(words).dot(Words::load(weights)),
                _ => Sums::splat(0),
            };
            match VECTORS {
                1 => dot(0),
                2 => dot(0).add(dot(1)),
                _ => (1..vectors).fold(dot(0), |sum, at| sum.add(dot(at))),
            }
        };
        let (starts, rest) = self.starts.as_chunks::<4>();
        let mut weights = self.weights.chunks_exact(4 * vectors);
        let (to, to_rest) = out.as_chunks_mut::<4>();
        // Written out: a loop here would stay one in the sandbox.
        for (([p, q, r, s], weights), to) in starts.iter().zip(&mut weights).zip(to) {
            let of = |place: usize| {
                let start = place * vectors;
                weights.get(start..start + vectors).unwrap_or_default()
            };
            let sums = [
                pixel(*p, of(0)),
                pixel(*q, of(1)),
                pixel(*r, of(2)),
                pixel(*s, of(3)),
            ];
            let words = Sums::totals(sums).add(half).shift(self.shift).words(half);
            let [a, b, c, d, ..] = words.bytes(words);
            *to = [a, b, c, d];
        }
        let weights = weights.remainder().chunks_exact(vectors);
        for ((start, weights), to) in rest.iter().zip(weights).zip(to_rest) {
            let sum = Sums::totals([pixel(*start, weights); 4]);
            let words = sum.add(half).shift(self.shift).words(half);
            [*to, ..] = words.bytes(words);
        }
    }

    /// One new row of pixels of three channels.
    pub fn rgb(&self, row: &[i16], out: &mut [u8]) {
        match self.vectors {
            1 => self.rgb_of::<1>(row, out),
            2 => self.rgb_of::<2>(row, out),
            3 => self.rgb_of::<3>(row, out),
            4 => self.rgb_of::<4>(row, out),
            _ => self.rgb_of::<0>(row, out),
        }
    }

    /// With `VECTORS` a pixel, or any number where that is 0.
    #[inline(never)]
    fn rgb_of<const VECTORS: usize>(&self, row: &[i16], out: &mut [u8]) {
        let vectors = if VECTORS == 0 { self.vectors } else { VECTORS };
        let half = Sums::splat(1 << (self.shift - 1));
        let pixel = |start: usize, weights: &[[i16; 8]]| {
            // Six words are two pixels; with the words three further on, each channel stands beside its like.
            let row = row.get(start..start + 6 * vectors + 6).unwrap_or_default();
            let dot = |at: usize| {
                let here = row.get(6 * at..).and_then(|row| row.first_chunk());
                let next = row.get(6 * at + 3..).and_then(|row| row.first_chunk());
                match (here, next, weights.get(at)) {
                    (Some(here), Some(next), Some(weights)) => Words::load(here)
                        .zip_low(Words::load(next))
                        .dot(Words::load(weights)),
                    _ => Sums::splat(0),
                }
            };
            let sum = half.add(dot(0));
            let sum = match VECTORS {
                1 => sum,
                2 => sum.add(dot(1)),
                3 => sum.add(dot(1)).add(dot(2)),
                4 => sum.add(dot(1)).add(dot(2)).add(dot(3)),
                _ => (1..vectors).fold(sum, |sum, at| sum.add(dot(at))),
            };
            sum.shift(self.shift)
        };
        let (starts, rest) = self.starts.as_chunks::<4>();
        let mut weights = self.weights.chunks_exact(4 * vectors);
        let (to, to_rest) = out.as_chunks_mut::<12>();
        for (([p, q, r, s], weights), to) in starts.iter().zip(&mut weights).zip(to) {
            let of = |place: usize| {
                let start = place * vectors;
                weights.get(start..start + vectors).unwrap_or_default()
            };
            let upper = pixel(*p, of(0)).words(pixel(*q, of(1)));
            let lower = pixel(*r, of(2)).words(pixel(*s, of(3)));
            let [r, g, b, _, s, h, c, _, t, i, d, _, u, j, e, _] = upper.bytes(lower);
            *to = [r, g, b, s, h, c, t, i, d, u, j, e];
        }
        let (to_rest, _) = to_rest.as_chunks_mut::<3>();
        let weights = weights.remainder().chunks_exact(vectors);
        for ((start, weights), to) in rest.iter().zip(weights).zip(to_rest) {
            let words = pixel(*start, weights).words(half);
            let [r, g, b, ..] = words.bytes(words);
            *to = [r, g, b];
        }
    }
}
