//! Bytes of a JPEG to grey pixels, upright: around the decoder, what cameras do and it leaves to its caller.
//!
//! The headers are walked once before decoding, at most to the first scan. They say whether the picture is of a
//! kind that is read at all, whether its pixels are red, green and blue instead of luma first, and whether it
//! relies on the standard's example tables, as the frames of a Motion-JPEG camera do. Whatever the bytes are,
//! nothing here fails by itself: headers that cannot be followed are left to the decoder to judge.

use zune_jpeg::{
    JpegDecoder,
    errors::DecodeErrors,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use crate::{
    orientation::Orientation,
    picture::{MAX_SIDE, PictureError},
};

/// Decodes a JPEG: width, height and luma as a viewer shows it. `checked` judges the size before anything of
/// that size is allocated.
pub fn decode(
    bytes: &[u8],
    checked: impl Fn(usize, usize) -> Result<usize, PictureError>,
) -> Result<(usize, usize, Vec<u8>), PictureError> {
    let refused = |error: DecodeErrors| PictureError::Jpeg(error.to_string());
    let headers = Headers::of(bytes);
    if let Some(kind) = headers.refused {
        return Err(PictureError::Kind(kind));
    }
    let completed = headers.lacks_tables().then(|| with_standard_tables(bytes));
    let bytes = completed.as_deref().unwrap_or(bytes);

    // Only the luma is asked for where there is one, so colour is neither upsampled nor converted.
    let colours = if headers.is_rgb() {
        ColorSpace::RGB
    } else {
        ColorSpace::Luma
    };
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(refused)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    checked(width, height)?;
    let mut luma = decoder.decode().map_err(refused)?;
    if headers.is_rgb() {
        luma = luma_of(&luma);
    }
    let exif = decoder.exif().map(Vec::as_slice).unwrap_or_default();
    Ok(Orientation::of_exif(exif).upright(width, height, luma))
}

/// What comes before the first scan, as far as it decides how to decode.
#[derive(Debug, Default, PartialEq, Eq)]
struct Headers {
    /// The name of a kind that is not read.
    refused: Option<&'static str>,
    /// The components' own names, in the file's order.
    components: Vec<u8>,
    /// Adobe's word on how the components make colours.
    transform: Option<u8>,
    /// Whether each component's values come one after the other, and not in passes that refine them.
    sequential: bool,
    /// Huffman tables that are defined.
    tables: usize,
}

impl Headers {
    fn of(bytes: &[u8]) -> Self {
        let mut headers = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        // Each round takes a marker and what belongs to it.
        while let [0xff, after @ ..] = rest {
            match after {
                // A marker may be preceded by any number of these.
                [0xff, ..] => rest = after,
                // Where the first scan begins, or the picture ends.
                [0xda | 0xd9, ..] => break,
                // These have nothing behind them.
                [0x01 | 0xd0..=0xd8, after @ ..] => rest = after,
                [marker, high, low, ..] => {
                    let size = usize::from(u16::from_be_bytes([*high, *low]));
                    let Some(segment) = after.get(3..1 + size) else {
                        break;
                    };
                    headers.take(*marker, segment);
                    rest = after.get(1 + size..).unwrap_or_default();
                }
                _ => break,
            }
        }
        headers
    }

    fn take(&mut self, marker: u8, segment: &[u8]) {
        match (marker, segment) {
            (0xc4, _) => self.tables += tables(segment),
            (0xcc, _) => self.refused = Some(ARITHMETIC),
            (
                0xc0..=0xcf,
                [
                    precision,
                    height_high,
                    height_low,
                    _,
                    _,
                    count,
                    components @ ..,
                ],
            ) if marker != 0xc8 => {
                self.sequential = matches!(marker, 0xc0 | 0xc1);
                self.components = components
                    .chunks_exact(3)
                    .filter_map(|one| one.first().copied())
                    .collect();
                self.refused = self.refused.or(match marker {
                    0xc3 => Some("a lossless one"),
                    0xc5..=0xc7 | 0xcd..=0xcf => Some("one in a hierarchy of pictures"),
                    0xc9..=0xcb => Some(ARITHMETIC),
                    _ if *precision == 12 => Some("one of 12 bits a sample"),
                    _ if *height_high == 0 && *height_low == 0 => {
                        Some("one that says its height behind its pixels")
                    }
                    _ => match count {
                        2 => Some("one of two colours"),
                        4 => Some("one in CMYK, as for print"),
                        _ => None,
                    },
                });
            }
            (
                0xee,
                [
                    b'A',
                    b'd',
                    b'o',
                    b'b',
                    b'e',
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    transform,
                    ..,
                ],
            ) => {
                self.transform = Some(*transform);
            }
            _ => {}
        }
    }

    /// Whether the three components are red, green and blue: by Adobe's word, or by their names.
    fn is_rgb(&self) -> bool {
        self.components.len() == 3 && (self.transform == Some(0) || self.components == *b"RGB")
    }

    /// Whether the scan cannot do without the standard's example tables: two for luma, two for colour.
    fn lacks_tables(&self) -> bool {
        let needed = if self.components.len() == 1 || self.is_rgb() {
            2
        } else {
            4
        };
        self.sequential && self.tables < needed
    }
}

const ARITHMETIC: &str = "one in arithmetic coding";

/// How many tables a segment defines: of each, what it is, sixteen counts, and as many values as these say.
fn tables(mut segment: &[u8]) -> usize {
    let mut count = 0;
    while let Some((header, rest)) = segment.split_at_checked(17) {
        let values: usize = header
            .iter()
            .skip(1)
            .map(|&of_length| usize::from(of_length))
            .sum();
        segment = rest.get(values..).unwrap_or_default();
        count += 1;
    }
    count
}

/// The same picture as a frame of an AVI file, which is known to leave the standard's tables out: the decoder
/// then uses them wherever there is no other one.
fn with_standard_tables(bytes: &[u8]) -> Vec<u8> {
    let (start, rest) = bytes.split_at_checked(2).unwrap_or_default();
    [start, b"\xff\xe0\x00\x07AVI1\x00", rest].concat()
}

/// Red, green and blue to what a JPEG calls luma.
fn luma_of(rgb: &[u8]) -> Vec<u8> {
    let weighted = |pixel: &[u8]| {
        let weights = [19595, 38470, 7471];
        let sum: u32 = pixel
            .iter()
            .zip(weights)
            .map(|(&part, weight)| u32::from(part) * weight)
            .sum();
        ((sum + 0x8000) >> 16) as u8
    };
    rgb.chunks_exact(3).map(weighted).collect()
}
