//! What stands between a camera's picture and a model's input: resize, crop, grey, normalise and
//! change of layout.
//!
//! A picture is a slice of bytes, rows top to bottom, pixels left to right, channels interleaved,
//! with a [`Shape`] that says how large it is. Decoding and encoding are somebody else's. No
//! input panics: a shape that does not match its bytes is an [`Error`].
//!
//! Each function comes twice: one that returns a new vector, and one ending in `_into` that
//! writes into a slice of exactly the right length, for a plugin that keeps its buffers from frame
//! to frame.
//!
//! On Wasm the loops work on blocks of 16 pixels and more in 128-bit SIMD, so that the check for a
//! deadline, which a sandbox makes once per turn of a loop, is spread over many pixels. Natively
//! the same results come from plain loops, which compilers make SIMD of by themselves; resizing is one source
//! for both, in 128-bit vectors.

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

/// How large a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes in a pixel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
    pub channels: u32,
}

impl Shape {
    /// A grey picture: one byte a pixel.
    pub const fn grey(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            channels: 1,
        }
    }

    /// An RGB picture: three bytes a pixel.
    pub const fn rgb(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            channels: 3,
        }
    }

    /// Bytes in a picture of this shape, which is also the number of elements in its tensor.
    ///
    /// # Errors
    /// [`Error::Channels`] unless there are one to four, [`Error::TooLarge`] where the number does
    /// not fit into this machine's memory.
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
            // No allocation may be larger, and a picture becomes floats of four bytes.
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
