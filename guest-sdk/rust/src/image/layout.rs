//! From interleaved bytes to planes of floats: a camera's picture in the layout of most models.

use super::{Error, Normalize, Shape};

/// The picture as floats, one plane per channel: channels, height, width. It is normalised in the
/// same pass.
///
/// # Errors
/// [`Error::Length`] if `pixels` does not match `shape`, [`Error::Statistics`] if the means or
/// deviations do not match its channels.
pub fn hwc_to_chw(pixels: &[u8], shape: Shape, by: &Normalize<'_>) -> Result<Vec<f32>, Error> {
    shape.check("the picture", pixels.len())?;
    let mut out = vec![0.0; pixels.len()];
    hwc_to_chw_into(pixels, shape, by, &mut out)?;
    Ok(out)
}

/// [`hwc_to_chw`] into a buffer with one float for each byte of `pixels`.
///
/// # Errors
/// As for [`hwc_to_chw`], and [`Error::Length`] for `out`.
pub fn hwc_to_chw_into(
    pixels: &[u8],
    shape: Shape,
    by: &Normalize<'_>,
    out: &mut [f32],
) -> Result<(), Error> {
    if shape.channels == 1 {
        return super::normalize_into(pixels, shape, by, out);
    }
    shape.check("the picture", pixels.len())?;
    shape.check("the output", out.len())?;
    let factors = by.factors(shape)?;
    let plane = shape.width as usize * shape.height as usize;
    match shape.channels {
        2 => planes::<2>(pixels, plane, &factors, out),
        3 => planes::<3>(pixels, plane, &factors, out),
        _ => planes::<4>(pixels, plane, &factors, out),
    }
    Ok(())
}

fn planes<const CHANNELS: usize>(
    pixels: &[u8],
    plane: usize,
    factors: &[(f32, f32); 4],
    out: &mut [f32],
) {
    let (pixels, _) = pixels.as_chunks::<CHANNELS>();
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    let done = super::simd::planes(pixels, plane, factors, out);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    let done = 0;
    let from = pixels.get(done..).unwrap_or_default();
    for (channel, (factor, offset)) in factors.iter().enumerate().take(CHANNELS) {
        let to = out.get_mut(channel * plane + done..).unwrap_or_default();
        for (from, to) in from.iter().zip(to) {
            if let Some(byte) = from.get(channel) {
                *to = f32::from(*byte) * factor + offset;
            }
        }
    }
}
