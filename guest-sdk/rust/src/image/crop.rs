//! Cutting a region out of a picture.

use super::{Error, Shape};

/// A rectangle of pixels within a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
}

/// The pixels of `region`, as a picture of their own.
///
/// # Errors
/// [`Error::Length`] if `pixels` does not match `shape`, [`Error::Outside`] if the region is not
/// completely inside it.
pub fn crop(pixels: &[u8], shape: Shape, region: Region) -> Result<Vec<u8>, Error> {
    shape.check("the picture", pixels.len())?;
    inside(shape, region)?;
    let mut out = vec![0; shape_of(shape, region).elements()?];
    crop_into(pixels, shape, region, &mut out)?;
    Ok(out)
}

/// [`crop`] into a buffer of `region.width * region.height * shape.channels` bytes.
///
/// # Errors
/// As for [`crop`], and [`Error::Length`] for `out`.
pub fn crop_into(pixels: &[u8], shape: Shape, region: Region, out: &mut [u8]) -> Result<(), Error> {
    shape.check("the picture", pixels.len())?;
    inside(shape, region)?;
    shape_of(shape, region).check("the output", out.len())?;
    let channels = shape.channels as usize;
    let row = shape.width as usize * channels;
    let width = region.width as usize * channels;
    if width == 0 {
        return Ok(());
    }
    let left = region.left as usize * channels;
    let start = region.top as usize * row + left;
    let from = pixels.get(start..).unwrap_or_default();
    match width {
        1 => short::<1>(from, row, width, out),
        2..4 => short::<2>(from, row, width, out),
        4..8 => short::<4>(from, row, width, out),
        8..16 => short::<8>(from, row, width, out),
        16..32 => short::<16>(from, row, width, out),
        32..64 => short::<32>(from, row, width, out),
        64..128 => short::<64>(from, row, width, out),
        _ => {
            // The last row may be shorter than a row of the picture.
            for (from, to) in from.chunks(row).zip(out.chunks_exact_mut(width)) {
                if let Some(from) = from.get(..width) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
    Ok(())
}

/// Copies short rows, each `row` bytes after the one before: its first `PIECE` bytes and its last
/// ones, which together cover the row and may overlap. For so few bytes, calling a copy function or
/// looping over a row takes longer than the copy itself.
fn short<const PIECE: usize>(from: &[u8], row: usize, width: usize, out: &mut [u8]) {
    let copy = |from: &[u8], to: &mut [u8]| {
        let Some(from) = from.get(..width) else {
            return;
        };
        if let (Some(to), Some(from)) = (to.first_chunk_mut::<PIECE>(), from.first_chunk()) {
            *to = *from;
        }
        if let (Some(to), Some(from)) = (to.last_chunk_mut::<PIECE>(), from.last_chunk()) {
            *to = *from;
        }
    };
    let rows = from.chunks_exact(row);
    // The last row may be shorter than a row of the picture.
    let last = rows.remainder();
    let whole = rows.len();
    for (from, to) in rows.zip(out.chunks_exact_mut(width)) {
        copy(from, to);
    }
    if let Some(to) = out.chunks_exact_mut(width).nth(whole) {
        copy(last, to);
    }
}

fn shape_of(shape: Shape, region: Region) -> Shape {
    Shape {
        width: region.width,
        height: region.height,
        channels: shape.channels,
    }
}

fn inside(shape: Shape, region: Region) -> Result<(), Error> {
    let fits =
        |start: u32, size: u32, of: u32| start.checked_add(size).is_some_and(|end| end <= of);
    if fits(region.left, region.width, shape.width) && fits(region.top, region.height, shape.height)
    {
        Ok(())
    } else {
        Err(Error::Outside { region, shape })
    }
}
