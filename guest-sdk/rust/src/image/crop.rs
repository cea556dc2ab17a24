//! Cutting a region out of a picture.

use super::{Error, Shape};

/// A rectangle of pixels within a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// The pixels of `region`, as a picture of their own.
///
/// # Errors
/// [`Error::Length`] where `pixels` does not match `shape`, [`Error::Outside`] where the region is
/// not wholly within it.
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
/// As [`crop`], and [`Error::Length`] for `out`.
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
        ..4 => copy::<1>(from, row, width, out),
        4..8 => copy::<4>(from, row, width, out),
        8..16 => copy::<8>(from, row, width, out),
        16..LONG => copy::<16>(from, row, width, out),
        _ => {
            // The last row need not be followed by a whole one.
            for (from, to) in from.chunks(row).zip(out.chunks_exact_mut(width)) {
                if let Some(from) = from.get(..width) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
    Ok(())
}

/// Bytes of a row from which on the call of a copy is worth it.
const LONG: usize = 96;

/// Short rows of `width` bytes, each `row` bytes after the last, in pieces of `PIECE` bytes: a loop that stays here,
/// since calling a copy for so few bytes takes longer than the copy. The last piece of a row ends where the row does and may
/// overlap the one before; so no row is shorter than a piece.
fn copy<const PIECE: usize>(from: &[u8], row: usize, width: usize, out: &mut [u8]) {
    for (from, to) in from.chunks(row).zip(out.chunks_exact_mut(width)) {
        let Some(from) = from.get(..width) else {
            return;
        };
        let pieces = to.as_chunks_mut::<PIECE>().0.iter_mut();
        for (to, from) in pieces.zip(from.as_chunks::<PIECE>().0) {
            *to = *from;
        }
        if let (Some(to), Some(from)) = (to.last_chunk_mut::<PIECE>(), from.last_chunk()) {
            *to = *from;
        }
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
