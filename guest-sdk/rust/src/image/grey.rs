//! From RGB to grey.

use super::{
    Error, Shape,
    constants::{BLUE, GREEN, RED},
};

/// The brightness of each pixel of an RGB picture, with the colour weights of BT.601; off by at
/// most one from the exact value.
///
/// # Errors
/// [`Error::Length`] if `pixels` is not `width * height * 3` bytes long.
pub fn grayscale(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    Shape::rgb(width, height).check("the picture", pixels.len())?;
    let mut out = vec![0; pixels.len() / 3];
    grayscale_into(pixels, width, height, &mut out)?;
    Ok(out)
}

/// [`grayscale`] into a buffer of `width * height` bytes.
///
/// # Errors
/// As for [`grayscale`], and [`Error::Length`] for `out`.
pub fn grayscale_into(pixels: &[u8], width: u32, height: u32, out: &mut [u8]) -> Result<(), Error> {
    Shape::rgb(width, height).check("the picture", pixels.len())?;
    Shape::grey(width, height).check("the output", out.len())?;
    let (from, _) = pixels.as_chunks::<3>();
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    let (from, out) = super::simd::grey(from, out);
    for (from, to) in from.iter().zip(out) {
        *to = luma(*from);
    }
    Ok(())
}

fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u16::from(red) * RED + u16::from(green) * GREEN + u16::from(blue) * BLUE;
    ((sum + 128) >> 8) as u8
}
