//! Bytes of a frame to a grey picture.
//!
//! JPEG or PGM, told apart by their first bytes and by nothing else: the frame's content type is the
//! sender's opinion. Bounded by `MAX_SIDE` and `MAX_PIXELS`, both checked before anything of that size is
//! allocated; whatever the bytes are, the answer is a picture or an error. Knows nothing of meters.

use std::borrow::Cow;
use std::fmt;

use crate::jpeg;

/// The longest side in pixels. A camera that looks at one register has no need of more.
pub const MAX_SIDE: usize = 4096;
/// The most pixels: 4 MiB of grey, which fits a plugin's default memory beside the decoder's buffers.
pub const MAX_PIXELS: usize = 4 << 20;
/// The shortest side in pixels on which five digits could still be told apart.
pub const MIN_SIDE: usize = 24;

/// A grey picture, one byte a pixel, rows without padding, white is 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    luma: Cow<'a, [u8]>,
}

/// Why bytes are not a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureError {
    /// Neither a JPEG's first bytes nor a PGM's.
    Unknown,
    /// Width and height as the header gives them.
    Size(usize, usize),
    /// What is wrong with the PGM.
    Pgm(&'static str),
    /// What the decoder said.
    Jpeg(String),
    /// The name of a kind of JPEG that is not read.
    Kind(&'static str),
    /// Pixels that the header announces, and those that are there.
    Short(usize, usize),
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(
                f,
                "expected a JPEG or a binary PGM (P5), got neither: check what the camera sends"
            ),
            Self::Size(width, height) => write!(
                f,
                "expected a picture of {MIN_SIDE} to {MAX_SIDE} pixels a side and {MAX_PIXELS} in all, got {width}x{height}: crop or scale it"
            ),
            Self::Pgm(what) => write!(
                f,
                "expected a binary PGM with 8 bits a pixel, got {what}: write it as P5 with a maximum of 255"
            ),
            Self::Jpeg(what) => write!(
                f,
                "expected a whole JPEG, got one that does not decode ({what}): check the transfer"
            ),
            Self::Kind(kind) => write!(
                f,
                "expected a baseline or progressive JPEG in grey, YCbCr or RGB, got {kind}, a kind that is not read: have it written as one of those"
            ),
            Self::Short(expected, got) => write!(
                f,
                "expected {expected} pixels, got {got}: check the transfer"
            ),
        }
    }
}

impl std::error::Error for PictureError {}

impl<'a> Picture<'a> {
    /// A picture over pixels that are already there, `width * height` of them; an error where they are not.
    pub fn new(width: usize, height: usize, luma: Cow<'a, [u8]>) -> Result<Self, PictureError> {
        let pixels = checked(width, height)?;
        if luma.len() == pixels {
            Ok(Self {
                width,
                height,
                luma,
            })
        } else {
            Err(PictureError::Short(pixels, luma.len()))
        }
    }

    /// Decodes a frame's bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PictureError> {
        match bytes {
            [0xff, 0xd8, ..] => jpeg(bytes),
            [b'P', b'5', rest @ ..] => pgm(rest),
            _ => Err(PictureError::Unknown),
        }
    }

    /// In pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row by row.
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }

    /// The rows from top to bottom.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.luma.chunks_exact(self.width)
    }

    /// One row; the last one for anything beyond it.
    pub fn row(&self, y: usize) -> &[u8] {
        let start = y.min(self.height - 1) * self.width;
        self.luma.get(start..start + self.width).unwrap_or_default()
    }

    /// This picture at `1 / factor` of its size, each pixel the mean of a square of `factor` a side.
    pub fn shrunk(self, factor: usize) -> Result<Picture<'a>, PictureError> {
        if factor <= 1 {
            return Ok(self);
        }
        let (width, height) = (self.width / factor, self.height / factor);
        let mut luma = Vec::with_capacity(width * height);
        let mut sums = vec![0u32; width];
        let area = (factor * factor) as u32;
        for rows in self.luma.chunks_exact(self.width * factor).take(height) {
            sums.fill(0);
            for row in rows.chunks_exact(self.width) {
                for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
                }
            }
            luma.extend(sums.iter().map(|&sum| (sum / area) as u8));
        }
        Picture::new(width, height, Cow::Owned(luma))
    }
}

fn checked(width: usize, height: usize) -> Result<usize, PictureError> {
    let sides = MIN_SIDE..=MAX_SIDE;
    let pixels = width.saturating_mul(height);
    if sides.contains(&width) && sides.contains(&height) && pixels <= MAX_PIXELS {
        Ok(pixels)
    } else {
        Err(PictureError::Size(width, height))
    }
}

fn jpeg(bytes: &[u8]) -> Result<Picture<'static>, PictureError> {
    let (width, height, luma) = jpeg::decode(bytes, checked)?;
    Picture::new(width, height, Cow::Owned(luma))
}

/// What follows `P5`: width, height and maximum in decimal, one white space, the pixels.
fn pgm(bytes: &[u8]) -> Result<Picture<'_>, PictureError> {
    let (width, rest) = number(bytes)?;
    let (height, rest) = number(rest)?;
    let (maximum, rest) = number(rest)?;
    let pixels = checked(width, height)?;
    let [separator, rest @ ..] = rest else {
        return Err(PictureError::Short(pixels, 0));
    };
    if !separator.is_ascii_whitespace() {
        return Err(PictureError::Pgm("no white space after its maximum"));
    }
    let luma = rest
        .get(..pixels)
        .ok_or(PictureError::Short(pixels, rest.len()))?;
    match maximum {
        255 => Picture::new(width, height, Cow::Borrowed(luma)),
        1..255 => {
            let scaled = luma
                .iter()
                .map(|&pixel| (usize::from(pixel).min(maximum) * 255 / maximum) as u8);
            Picture::new(width, height, Cow::Owned(scaled.collect()))
        }
        _ => Err(PictureError::Pgm("another maximum")),
    }
}

/// Skips white space and comments, then reads one decimal number.
fn number(mut bytes: &[u8]) -> Result<(usize, &[u8]), PictureError> {
    loop {
        match bytes {
            [b'#', ..] => {
                let end = bytes
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .unwrap_or(bytes.len());
                bytes = bytes.get(end..).unwrap_or_default();
            }
            [byte, rest @ ..] if byte.is_ascii_whitespace() => bytes = rest,
            _ => break,
        }
    }
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(1..=9).contains(&digits) {
        return Err(PictureError::Pgm("a header without its three numbers"));
    }
    let (number, rest) = bytes.split_at(digits);
    Ok((
        number
            .iter()
            .fold(0, |sum, &digit| sum * 10 + usize::from(digit - b'0')),
        rest,
    ))
}
