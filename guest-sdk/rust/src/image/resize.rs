//! Resizes a picture in two passes of weighted means: first down the columns, then along the rows.
//!
//! One source for the sandbox and its twin, in vectors of 128 bits (`lanes`), with the same bits
//! from both. The weights for two sizes and a filter (`taps`) are computed once and kept for the
//! next picture. Time and memory are bounded by the sizes of the two pictures.

mod across;
mod down;
mod taps;

use across::Across;
use taps::Taps;

use super::{Error, Shape};

/// How a new pixel is computed from the old ones. All filters but `Nearest` weigh each old pixel
/// that the new one covers, so that shrinking does not alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The nearest pixel: fastest and coarsest.
    Nearest,
    /// The mean over the area that the new pixel covers.
    Area,
    /// Linear interpolation, which most models were trained with.
    #[default]
    Bilinear,
    /// Lanczos over three pixels: sharpest and slowest.
    Lanczos3,
}

/// The picture with another width and height. Grey and RGB only.
///
/// # Errors
/// [`Error::Length`] if `pixels` does not match `shape`, [`Error::Channels`] unless there is one
/// channel or three, [`Error::TooLarge`] if the new picture does not fit into memory.
pub fn resize(
    pixels: &[u8],
    shape: Shape,
    width: u32,
    height: u32,
    filter: Filter,
) -> Result<Vec<u8>, Error> {
    let to = Shape {
        width,
        height,
        channels: shape.channels,
    };
    shape.check("the picture", pixels.len())?;
    let mut out = vec![0; to.elements()?];
    Resizer::new().resize_into(pixels, shape, width, height, filter, &mut out)?;
    Ok(out)
}

/// [`resize`] into a buffer of `width * height * shape.channels` bytes.
///
/// # Errors
/// As for [`resize`], and [`Error::Length`] for `out`.
pub fn resize_into(
    pixels: &[u8],
    shape: Shape,
    width: u32,
    height: u32,
    filter: Filter,
    out: &mut [u8],
) -> Result<(), Error> {
    Resizer::new().resize_into(pixels, shape, width, height, filter, out)
}

/// Resizes any number of pictures, and keeps its working memory in between.
#[derive(Debug, Default)]
pub struct Resizer {
    down: Taps,
    across: Taps,
    /// `across`, in the layout for the number of channels.
    laid_out: Across,
    channels: u32,
    /// One row between the two passes.
    row: Vec<i16>,
    sums: Vec<i32>,
}

impl Resizer {
    /// Makes a resizer without memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// [`resize_into`] with this resizer's memory.
    ///
    /// # Errors
    /// As for [`resize_into`].
    pub fn resize_into(
        &mut self,
        pixels: &[u8],
        shape: Shape,
        width: u32,
        height: u32,
        filter: Filter,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let to = Shape {
            width,
            height,
            channels: shape.channels,
        };
        shape.check("the picture", pixels.len())?;
        to.check("the output", out.len())?;
        if ![1, 3].contains(&shape.channels) {
            return Err(Error::Channels {
                channels: shape.channels,
                accepted: "one or three",
            });
        }
        if pixels.is_empty() || out.is_empty() {
            out.fill(0);
        } else if shape == to {
            out.copy_from_slice(pixels);
        } else if filter == Filter::Nearest {
            nearest(pixels, shape, to, out);
        } else {
            self.convolve(pixels, shape, to, filter, out);
        }
        Ok(())
    }

    fn convolve(&mut self, pixels: &[u8], from: Shape, to: Shape, filter: Filter, out: &mut [u8]) {
        let channels = from.channels as usize;
        self.down.prepare((from.height, to.height, filter));
        let changed = self.across.prepare((from.width, to.width, filter));
        if changed || self.channels != from.channels {
            self.laid_out.prepare(&self.across, channels);
            self.channels = from.channels;
        }
        let line = from.width as usize * channels;
        self.row.clear();
        self.row.resize(line + self.laid_out.behind(), 0);
        let mut rest = out;
        for stretch in self.down.stretches() {
            let first = stretch.start * line;
            let rows = pixels.get(first..first + stretch.weights.len() * line);
            let row = self.row.get_mut(..line).unwrap_or_default();
            let rows = rows.unwrap_or_default();
            down::row(rows, line, stretch.weights, row, &mut self.sums);
            if channels == 1 {
                self.laid_out.grey(&self.row, rest);
            } else {
                self.laid_out.rgb(&self.row, rest);
            }
            rest = rest
                .get_mut(to.width as usize * channels..)
                .unwrap_or_default();
        }
    }
}

/// Takes the pixel at the centre of each new one.
fn nearest(pixels: &[u8], from: Shape, to: Shape, out: &mut [u8]) {
    if from.channels == 1 {
        nearest_of::<1>(pixels, from, to, out);
    } else {
        nearest_of::<3>(pixels, from, to, out);
    }
}

fn nearest_of<const CHANNELS: usize>(pixels: &[u8], from: Shape, to: Shape, out: &mut [u8]) {
    let under = |place: u32, from: u32, to: u32| {
        ((2 * u128::from(place) + 1) * u128::from(from) / (2 * u128::from(to))) as usize
    };
    let columns: Vec<usize> = (0..to.width)
        .map(|x| under(x, from.width, to.width))
        .collect();
    let (pixels, _) = pixels.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    for (y, out) in (0..to.height).zip(out.chunks_exact_mut(to.width as usize)) {
        let start = under(y, from.height, to.height) * from.width as usize;
        let row = pixels.get(start..).unwrap_or_default();
        for (to, &column) in out.iter_mut().zip(&columns) {
            if let Some(pixel) = row.get(column) {
                *to = *pixel;
            }
        }
    }
}
