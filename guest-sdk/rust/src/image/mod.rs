//! From a camera's picture to a model's input: resize, crop, grey, normalise and change of layout.
//!
//! A picture is a slice of bytes: rows from top to bottom, pixels from left to right, channels
//! interleaved. A [`Shape`] gives its size. Decoding and encoding are not part of this module. No
//! input panics: a shape that does not match its bytes is an [`Error`].
//!
//! Each function has two versions. One returns a new vector. The other ends in `_into` and writes
//! into a slice of exactly the right length, for a plugin that keeps its buffers from frame to
//! frame.
//!
//! On Wasm the loops process blocks of at least 16 pixels with 128-bit SIMD. A sandbox checks the
//! deadline once per iteration, so that cost is spread over many pixels. Natively, plain loops give
//! the same results, and compilers turn them into SIMD themselves. Resizing has one source for
//! both, in 128-bit vectors.

mod constants;
mod crop;
mod error;
mod grey;
mod lanes;
mod layout;
mod normalize;
mod resize;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd;
#[cfg(test)]
mod tests;

pub use crop::{Region, crop, crop_into};
pub use error::Error;
pub use grey::{grayscale, grayscale_into};
pub use layout::{hwc_to_chw, hwc_to_chw_into};
pub use normalize::{Normalize, normalize, normalize_into};
pub use resize::{Filter, Resizer, resize, resize_into};

/// The size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The number of pixels in a row.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
    /// The number of bytes in a pixel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
    pub channels: u32,
}

impl Shape {
    /// The shape of a grey picture: one byte per pixel.
    pub const fn grey(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            channels: 1,
        }
    }

    /// The shape of an RGB picture: three bytes per pixel.
    pub const fn rgb(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            channels: 3,
        }
    }

    /// The number of bytes in a picture of this shape, which is also the number of elements in its
    /// tensor.
    ///
    /// # Errors
    /// [`Error::Channels`] unless there are one to four, [`Error::TooLarge`] if the number does not
    /// fit into this machine's memory.
    pub fn elements(self) -> Result<usize, Error> {
        if !(1..=4).contains(&self.channels) {
            return Err(Error::Channels {
                channels: self.channels,
                accepted: "one to four",
            });
        }
        let len = u64::from(self.width)
            .checked_mul(u64::from(self.height))
            .and_then(|pixels| pixels.checked_mul(u64::from(self.channels)))
            // No allocation may be larger, and each byte may become a float of four bytes.
            .filter(|len| *len <= isize::MAX as u64 / 4);
        len.map(|len| len as usize)
            .ok_or(Error::TooLarge { shape: self })
    }

    /// Checks that a buffer has exactly as many elements as this shape.
    fn check(self, what: &'static str, len: usize) -> Result<(), Error> {
        let expected = self.elements()?;
        if len == expected {
            Ok(())
        } else {
            Err(Error::Length {
                what,
                shape: self,
                expected,
                len,
            })
        }
    }
}
