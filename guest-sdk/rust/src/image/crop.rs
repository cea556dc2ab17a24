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
    let rows = pixels.chunks_exact(row).skip(region.top as usize);
    for (from, to) in rows.zip(out.chunks_exact_mut(width)) {
        if let Some(from) = from.get(left..left + width) {
            to.copy_from_slice(from);
        }
    }
    Ok(())
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
