//! Making a picture larger or smaller, over the `fast_image_resize` library.

use fast_image_resize as fir;
use fir::{
    PixelTrait, ResizeAlg, ResizeOptions,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x3},
};

use super::{Error, Shape};

/// How a pixel of the new picture comes from those of the old. All but `Nearest` weigh every old
/// pixel that the new one covers, so that shrinking does not alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The one pixel that lies nearest: fastest and coarsest.
    Nearest,
    /// The mean over the area that the new pixel covers.
    Area,
    /// Linear: what most models were trained with.
    #[default]
    Bilinear,
    /// Lanczos over three pixels: sharpest and slowest.
    Lanczos3,
}

/// A copy of the picture with other numbers of pixels. Grey and RGB only.
///
/// # Errors
/// [`Error::Length`] where `pixels` does not match `shape`, [`Error::Channels`] unless there is one
/// channel or three, [`Error::TooLarge`] where the new picture does not fit into memory.
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
/// As [`resize`], and [`Error::Length`] for `out`.
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

/// Resizes picture after picture and keeps its working memory in between.
#[derive(Debug, Default)]
pub struct Resizer(fir::Resizer);

impl Resizer {
    /// A resizer with no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// [`resize_into`] with this resizer's memory.
    ///
    /// # Errors
    /// As [`resize_into`].
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
        match shape.channels {
            1 => self.typed::<U8>(pixels, shape, to, filter, out),
            3 => self.typed::<U8x3>(pixels, shape, to, filter, out),
            channels => Err(Error::Channels {
                channels,
                accepted: "one or three",
            }),
        }
    }

    fn typed<P: PixelTrait>(
        &mut self,
        pixels: &[u8],
        shape: Shape,
        to: Shape,
        filter: Filter,
        out: &mut [u8],
    ) -> Result<(), Error> {
        if pixels.is_empty() {
            out.fill(0);
            return Ok(());
        }
        let algorithm = match filter {
            Filter::Nearest => ResizeAlg::Nearest,
            Filter::Area => ResizeAlg::Convolution(fir::FilterType::Box),
            Filter::Bilinear => ResizeAlg::Convolution(fir::FilterType::Bilinear),
            Filter::Lanczos3 => ResizeAlg::Convolution(fir::FilterType::Lanczos3),
        };
        // Neither fails: the lengths were checked above, and a pixel of bytes needs no alignment.
        let large = Error::TooLarge { shape };
        let from = TypedImageRef::<P>::from_buffer(shape.width, shape.height, pixels)
            .map_err(|_| large.clone())?;
        let mut into =
            TypedImage::<P>::from_buffer(to.width, to.height, out).map_err(|_| large.clone())?;
        let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
        self.0
            .resize_typed(&from, &mut into, &options)
            .map_err(|_| large)
    }
}
