//! How a picture is to be turned to be upright, as cameras say in EXIF's field `Orientation`.
//!
//! The field is read as browsers read it: from the first directory, in either byte order, a single short number
//! from 1 to 8. Anything else counts as 1, upright. Bounded by the directory's own count, of two bytes.

/// What is done to the pixels as they are stored: first a swap of columns with rows, then the mirrors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation {
    /// Rows become columns.
    swapped: bool,
    /// Right becomes left.
    mirrored: bool,
    /// Bottom becomes top.
    flipped: bool,
}

/// The field's number, its type and count as its entry has them.
const FIELD: u16 = 0x0112;
const SHORT: u16 = 3;
const ONE: u32 = 1;
/// Bytes of a directory's entry: field, type, count, value.
const ENTRY: usize = 12;

impl Orientation {
    /// By the field's value.
    fn of_value(value: u16) -> Self {
        let (swapped, mirrored, flipped) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => return Self::default(),
        };
        Self {
            swapped,
            mirrored,
            flipped,
        }
    }

    /// Of a picture with this EXIF data, which begins with a TIFF header.
    pub fn of_exif(tiff: &[u8]) -> Self {
        Self::of_value(value(tiff).unwrap_or(1))
    }

    /// A picture, upright: width, height and pixels.
    pub fn upright(self, width: usize, height: usize, pixels: Vec<u8>) -> (usize, usize, Vec<u8>) {
        if self == Self::default() || width == 0 {
            return (width, height, pixels);
        }
        let (across, down) = if self.swapped {
            (height, width)
        } else {
            (width, height)
        };
        let mut turned = Vec::with_capacity(pixels.len());
        for y in 0..down {
            let y = if self.flipped { down - 1 - y } else { y };
            for x in 0..across {
                let x = if self.mirrored { across - 1 - x } else { x };
                let place = if self.swapped {
                    x * width + y
                } else {
                    y * width + x
                };
                turned.push(pixels.get(place).copied().unwrap_or_default());
            }
        }
        (across, down, turned)
    }
}

/// The field's value, where it is there and what it should be.
fn value(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.first_chunk()? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let long = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    if short(2)? != 42 {
        return None;
    }
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = directory.checked_add(2)?;
    for place in 0..usize::from(short(directory)?) {
        let entry = entries.checked_add(place * ENTRY)?;
        if short(entry)? == FIELD {
            let is_one_short = short(entry + 2)? == SHORT && long(entry + 4)? == ONE;
            return is_one_short.then(|| short(entry + 8)).flatten();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF data with one entry before the one that counts.
    fn exif(little: bool, field: u16, ty: u16, count: u32, value: u16) -> Vec<u8> {
        let short = |number: u16| {
            if little {
                number.to_le_bytes()
            } else {
                number.to_be_bytes()
            }
        };
        let long = |number: u32| {
            if little {
                number.to_le_bytes()
            } else {
                number.to_be_bytes()
            }
        };
        let mut bytes = if little {
            b"II".to_vec()
        } else {
            b"MM".to_vec()
        };
        bytes.extend(short(42));
        bytes.extend(long(8));
        bytes.extend(short(2));
        for (field, ty, count, value) in [(0x010f, 2, 4, 0), (field, ty, count, value)] {
            bytes.extend(short(field));
            bytes.extend(short(ty));
            bytes.extend(long(count));
            bytes.extend(short(value));
            bytes.extend([0, 0]);
        }
        bytes
    }

    #[test]
    fn all_eight_are_turned_upright() {
        // Three columns, two rows; what each way of holding the camera makes of them.
        let stored = vec![1, 2, 3, 4, 5, 6];
        for (value, expected) in [
            (1, (3, 2, [1, 2, 3, 4, 5, 6])),
            (2, (3, 2, [3, 2, 1, 6, 5, 4])),
            (3, (3, 2, [6, 5, 4, 3, 2, 1])),
            (4, (3, 2, [4, 5, 6, 1, 2, 3])),
            (5, (2, 3, [1, 4, 2, 5, 3, 6])),
            (6, (2, 3, [4, 1, 5, 2, 6, 3])),
            (7, (2, 3, [6, 3, 5, 2, 4, 1])),
            (8, (2, 3, [3, 6, 2, 5, 1, 4])),
        ] {
            for little in [true, false] {
                let found = Orientation::of_exif(&exif(little, FIELD, SHORT, ONE, value));
                let (width, height, pixels) = found.upright(3, 2, stored.clone());
                assert_eq!(
                    (width, height, pixels.as_slice()),
                    (expected.0, expected.1, &expected.2[..]),
                    "{value}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_is_upright() {
        for bytes in [
            exif(true, FIELD, SHORT, ONE, 0),
            exif(true, FIELD, SHORT, ONE, 9),
            exif(true, FIELD, SHORT, 2, 6),
            exif(true, FIELD, 4, ONE, 6),
            exif(true, FIELD + 1, SHORT, ONE, 6),
            b"II*\0\xff\xff\xff\xff".to_vec(),
            b"XX".to_vec(),
            vec![],
        ] {
            assert_eq!(
                Orientation::of_exif(&bytes),
                Orientation::default(),
                "{bytes:?}"
            );
        }
        let whole = exif(false, FIELD, SHORT, ONE, 6);
        for end in 0..whole.len() - 2 {
            assert_eq!(
                Orientation::of_exif(&whole[..end]),
                Orientation::default(),
                "{end} bytes"
            );
        }
        assert_ne!(Orientation::of_exif(&whole), Orientation::default());
    }
}
