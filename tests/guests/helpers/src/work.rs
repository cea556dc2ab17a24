//! The jobs: what a line asks for, and the call of the helper that answers it.

use std::borrow::Cow;

use tollgate_guest::{
    Fault,
    image::{self, Filter, Normalize, Region, Resizer, Shape},
};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// The most pixels of a picture that is made up here.
const MAX_ELEMENTS: usize = 16 << 20;

/// One call of one helper.
#[derive(Debug)]
pub enum Job {
    /// `resize ... WIDTH HEIGHT FILTER`, the size to become, and `nearest`, `area`, `bilinear` or `lanczos3`.
    Resize(Shape, Shape, Filter),
    /// `crop ... LEFT TOP WIDTH HEIGHT`.
    Crop(Shape, Region),
    /// `hwc-to-chw ...`, normalised as for ImageNet, or to -1 up to 1 where there are not three channels.
    Planes(Shape),
    /// `normalize ...`, likewise.
    Normalize(Shape),
    /// `grayscale ...`, of three channels.
    Grey(Shape),
    /// `jpeg`: the picture that follows, its luma alone.
    Jpeg,
}

impl Job {
    /// What a line asks for, and how often.
    pub fn parse(line: &str) -> Option<(Self, u32)> {
        let mut words = line.split_ascii_whitespace();
        let helper = words.next()?;
        let times = words.next()?.parse().ok()?;
        let shape = |words: &mut std::str::SplitAsciiWhitespace<'_>| {
            let mut number = || words.next()?.parse().ok();
            let (width, height, channels) = (number()?, number()?, number()?);
            Some(Shape {
                width,
                height,
                channels,
            })
        };
        let job = match helper {
            "jpeg" => Self::Jpeg,
            "hwc-to-chw" => Self::Planes(shape(&mut words)?),
            "normalize" => Self::Normalize(shape(&mut words)?),
            "grayscale" => Self::Grey(shape(&mut words)?),
            "crop" => {
                let shape = shape(&mut words)?;
                let mut number = || words.next()?.parse().ok();
                let region = Region {
                    left: number()?,
                    top: number()?,
                    width: number()?,
                    height: number()?,
                };
                Self::Crop(shape, region)
            }
            "resize" => {
                let from = shape(&mut words)?;
                let (width, height) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                let filter = match words.next()? {
                    "nearest" => Filter::Nearest,
                    "area" => Filter::Area,
                    "bilinear" => Filter::Bilinear,
                    "lanczos3" => Filter::Lanczos3,
                    _ => return None,
                };
                let to = Shape {
                    width,
                    height,
                    ..from
                };
                Self::Resize(from, to, filter)
            }
            _ => return None,
        };
        Some((job, times))
    }
}

/// Pictures and buffers.
#[derive(Default)]
pub struct Work {
    pictures: Vec<(Shape, Vec<u8>)>,
    resizer: Resizer,
    bytes: Vec<u8>,
    floats: Vec<f32>,
    in_floats: bool,
}

impl Work {
    /// Does the job once. `jpeg` is what followed the line.
    pub fn run(&mut self, job: &Job, jpeg: &[u8]) -> Result<(), Fault> {
        self.in_floats = matches!(job, Job::Planes(_) | Job::Normalize(_));
        match *job {
            Job::Jpeg => self.bytes = luma(jpeg)?,
            Job::Resize(from, to, filter) => {
                self.bytes.resize(to.elements()?, 0);
                let pixels = picture(&mut self.pictures, from)?;
                self.resizer.resize_into(
                    pixels,
                    from,
                    to.width,
                    to.height,
                    filter,
                    &mut self.bytes,
                )?;
            }
            Job::Crop(shape, region) => {
                let cut = Shape {
                    width: region.width,
                    height: region.height,
                    ..shape
                };
                self.bytes.resize(cut.elements()?, 0);
                let pixels = picture(&mut self.pictures, shape)?;
                image::crop_into(pixels, shape, region, &mut self.bytes)?;
            }
            Job::Grey(shape) => {
                let pixels = picture(&mut self.pictures, shape)?;
                self.bytes.resize(pixels.len() / 3, 0);
                image::grayscale_into(pixels, shape.width, shape.height, &mut self.bytes)?;
            }
            Job::Planes(shape) => {
                let pixels = picture(&mut self.pictures, shape)?;
                self.floats.resize(pixels.len(), 0.0);
                image::hwc_to_chw_into(pixels, shape, &statistics(shape), &mut self.floats)?;
            }
            Job::Normalize(shape) => {
                let pixels = picture(&mut self.pictures, shape)?;
                self.floats.resize(pixels.len(), 0.0);
                image::normalize_into(pixels, shape, &statistics(shape), &mut self.floats)?;
            }
        }
        Ok(())
    }

    /// The last job's result: its bytes, floats as little-endian ones.
    pub fn result(&self) -> Cow<'_, [u8]> {
        if self.in_floats {
            Cow::Owned(self.floats.iter().flat_map(|x| x.to_le_bytes()).collect())
        } else {
            Cow::Borrowed(&self.bytes)
        }
    }
}

fn statistics(shape: Shape) -> Normalize<'static> {
    if shape.channels == 3 {
        Normalize::IMAGENET
    } else {
        Normalize::SIGNED
    }
}

/// Noise of this shape, made the first time it is asked for.
fn picture(pictures: &mut Vec<(Shape, Vec<u8>)>, shape: Shape) -> Result<&[u8], Fault> {
    let elements = shape.elements()?;
    if elements > MAX_ELEMENTS {
        return Err(Fault::InvalidFrame(format!(
            "expected at most {MAX_ELEMENTS} elements, got {elements}: ask for a smaller picture"
        )));
    }
    let known = pictures.iter().position(|(known, _)| *known == shape);
    let place = known.unwrap_or_else(|| {
        let mut state = 1u32;
        let noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let pixels = std::iter::repeat_with(noise).take(elements).collect();
        pictures.push((shape, pixels));
        pictures.len() - 1
    });
    let found = pictures.get(place).map(|(_, pixels)| pixels.as_slice());
    Ok(found.unwrap_or_default())
}

/// The brightness of a JPEG, as the meter reader decodes it.
fn luma(jpeg: &[u8]) -> Result<Vec<u8>, Fault> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    JpegDecoder::new_with_options(ZCursor::new(jpeg), options)
        .decode()
        .map_err(|error| Fault::InvalidFrame(error.to_string()))
}
