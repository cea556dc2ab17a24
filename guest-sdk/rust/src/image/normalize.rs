//! From bytes to the range of floats that a model was trained on.

use super::{Error, Shape, constants::SCALED};

/// How a byte becomes a float: `(byte * scale - mean) / deviation`, per channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalize<'a> {
    /// The factor for the byte.
    pub scale: f32,
    /// One for all channels, or one per channel.
    pub mean: &'a [f32],
    /// One for all channels, or one per channel; none of them zero.
    pub deviation: &'a [f32],
}

impl Normalize<'static> {
    /// Maps bytes to the range from 0 to 1.
    pub const UNIT: Self = Self {
        scale: 1.0 / 255.0,
        mean: &[0.0],
        deviation: &[1.0],
    };
    /// Maps bytes to the range from -1 to 1.
    pub const SIGNED: Self = Self {
        scale: 1.0 / 255.0,
        mean: &[0.5],
        deviation: &[0.5],
    };
    /// The usual values for RGB in models trained on ImageNet.
    pub const IMAGENET: Self = Self {
        scale: 1.0 / 255.0,
        mean: &[0.485, 0.456, 0.406],
        deviation: &[0.229, 0.224, 0.225],
    };
}

impl Normalize<'_> {
    /// The same as one product and one sum: `byte * factor + offset`, per channel. Entries beyond
    /// the picture's channels repeat the first.
    pub(super) fn factors(&self, shape: Shape) -> Result<[(f32, f32); 4], Error> {
        let channels = shape.channels as usize;
        let wrong = Error::Statistics {
            means: self.mean.len(),
            deviations: self.deviation.len(),
            channels: shape.channels,
        };
        let fits = |list: &[f32]| list.len() == 1 || list.len() == channels;
        if !fits(self.mean) || !fits(self.deviation) || self.deviation.contains(&0.0) {
            return Err(wrong);
        }
        let of = |list: &[f32], channel: usize| {
            list.get(channel)
                .or(list.first())
                .copied()
                .unwrap_or_default()
        };
        Ok(std::array::from_fn(|channel| {
            let deviation = of(self.deviation, channel);
            (self.scale / deviation, -of(self.mean, channel) / deviation)
        }))
    }
}

/// The picture as floats in the same order: height, width, channels.
///
/// # Errors
/// [`Error::Length`] if `pixels` does not match `shape`, [`Error::Statistics`] if the means or
/// deviations do not match its channels.
pub fn normalize(pixels: &[u8], shape: Shape, by: &Normalize<'_>) -> Result<Vec<f32>, Error> {
    shape.check("the picture", pixels.len())?;
    let mut out = vec![0.0; pixels.len()];
    normalize_into(pixels, shape, by, &mut out)?;
    Ok(out)
}

/// [`normalize`] into a buffer with one float for each byte of `pixels`.
///
/// # Errors
/// As for [`normalize`], and [`Error::Length`] for `out`.
pub fn normalize_into(
    pixels: &[u8],
    shape: Shape,
    by: &Normalize<'_>,
    out: &mut [f32],
) -> Result<(), Error> {
    shape.check("the picture", pixels.len())?;
    shape.check("the output", out.len())?;
    let factors = by.factors(shape)?;
    match shape.channels {
        1 => scale::<1>(pixels, &factors, out),
        2 => scale::<2>(pixels, &factors, out),
        3 => scale::<3>(pixels, &factors, out),
        _ => scale::<4>(pixels, &factors, out),
    }
    Ok(())
}

fn scale<const CHANNELS: usize>(pixels: &[u8], factors: &[(f32, f32); 4], out: &mut [f32]) {
    let (from, from_rest) = pixels.as_chunks::<SCALED>();
    let (to, to_rest) = out.as_chunks_mut::<SCALED>();
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    super::simd::scale::<CHANNELS>(from, factors, to);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    blocks::<CHANNELS>(from, factors, to);
    let channels = factors.iter().take(CHANNELS).cycle();
    for ((to, from), (factor, offset)) in to_rest.iter_mut().zip(from_rest).zip(channels) {
        *to = f32::from(*from) * factor + offset;
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn blocks<const CHANNELS: usize>(
    from: &[[u8; SCALED]],
    factors: &[(f32, f32); 4],
    to: &mut [[f32; SCALED]],
) {
    // The factor and the offset for each position in a block, since the channels repeat.
    let mut pattern = [(0.0, 0.0); SCALED];
    for (place, of) in pattern
        .iter_mut()
        .zip(factors.iter().take(CHANNELS).cycle())
    {
        *place = *of;
    }
    for (from, to) in from.iter().zip(to) {
        for ((to, from), (factor, offset)) in to.iter_mut().zip(from).zip(&pattern) {
            *to = f32::from(*from) * factor + offset;
        }
    }
}
