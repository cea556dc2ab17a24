//! Reads protobuf's wire format as ONNX Runtime's own parser does, within bounds.
//!
//! It knows tags, lengths and groups, and no message of ONNX. It allocates nothing, and it never says
//! "nothing found" about bytes that it could not follow: those are [`Malformed`], and so is everything
//! after them. It may refuse bytes that protobuf reads (a tag that overflows 32 bits); it never reads
//! bytes differently.

/// Groups within groups, at most: protobuf's own bound on nesting.
const GROUPS: u32 = 100;

/// Bytes of one field, at most: protobuf's own bound.
const FIELD_BYTES: u64 = i32::MAX as u64;

/// Bytes that are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The value of one field, by its wire type. The contents of a group are skipped: no message of ONNX
/// has a group, so protobuf keeps them as unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
    Group,
}

/// The fields of a message, in order. It ends after the first field that is malformed.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let (field, wire) = tag(&mut self.rest)?;
        Ok((field, value(&mut self.rest, field, wire, 0)?))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

impl<'a> Value<'a> {
    /// The bytes of a length-delimited field.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text of a length-delimited field.
    pub(crate) fn text(self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    /// The number of a varint field.
    pub(crate) fn number(self) -> Option<i64> {
        match self {
            Value::Varint(number) => Some(number.cast_signed()),
            _ => None,
        }
    }

    /// Adds the numbers of a repeated field, packed or not; those of another wire type are no numbers
    /// of this field, as in protobuf.
    pub(crate) fn numbers(self, to: &mut Vec<i64>) -> Result<(), Malformed> {
        match self {
            Value::Varint(number) => to.push(number.cast_signed()),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    to.push(varint(&mut packed)?.cast_signed());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A field's number and wire type.
fn tag(bytes: &mut &[u8]) -> Result<(u32, u8), Malformed> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = first(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let tag = u32::try_from(value).map_err(|_| Malformed)?;
            let (field, wire) = (tag >> 3, tag & 7);
            return match field {
                0 => Err(Malformed),
                _ => Ok((field, wire as u8)),
            };
        }
    }
    Err(Malformed)
}

fn value<'a>(
    bytes: &mut &'a [u8],
    field: u32,
    wire: u8,
    depth: u32,
) -> Result<Value<'a>, Malformed> {
    Ok(match wire {
        0 => Value::Varint(varint(bytes)?),
        1 => Value::Fixed64(array(bytes)?),
        2 => {
            let length = varint(bytes)?;
            if length > FIELD_BYTES {
                return Err(Malformed);
            }
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let (body, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
            *bytes = rest;
            Value::Bytes(body)
        }
        3 if depth < GROUPS => {
            loop {
                match tag(bytes)? {
                    (end, 4) if end == field => break,
                    (_, 4) => return Err(Malformed),
                    (inner, wire) => {
                        value(bytes, inner, wire, depth + 1)?;
                    }
                }
            }
            Value::Group
        }
        5 => Value::Fixed32(array(bytes)?),
        // The end of a group that never began, and wire types that there are not.
        _ => return Err(Malformed),
    })
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = first(bytes)?;
        // What does not fit is dropped, as protobuf does.
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn first(bytes: &mut &[u8]) -> Result<u8, Malformed> {
    let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
    *bytes = rest;
    Ok(byte)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (array, rest) = bytes.split_first_chunk::<N>().ok_or(Malformed)?;
    *bytes = rest;
    Ok(*array)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn every_wire_type_is_followed() {
        let bytes = [
            &[0x08, 0x96, 0x01][..],
            &[0x11, 1, 0, 0, 0, 0, 0, 0, 0],
            &[0x1a, 2, b'h', b'i'],
            &[0x25, 1, 0, 0, 0],
            // Field 100 as a group: empty, and with a group of the same number in it.
            &[0xa3, 0x06, 0xa4, 0x06],
            &[0xa3, 0x06, 0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06, 0xa4, 0x06],
            // An overlong tag and an overlong number.
            &[0x88, 0x80, 0x00, 0x81, 0x80, 0x80, 0x00],
        ]
        .concat();
        let one = [1, 0, 0, 0, 0, 0, 0, 0];
        let expected = [
            (1, Value::Varint(150)),
            (2, Value::Fixed64(one)),
            (3, Value::Bytes(b"hi")),
            (4, Value::Fixed32([1, 0, 0, 0])),
            (100, Value::Group),
            (100, Value::Group),
            (1, Value::Varint(1)),
        ];
        assert_eq!(all(&bytes).unwrap(), expected);
        assert_eq!(all(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_followed_is_malformed() {
        let deep = [[0x0b; 101].as_slice(), &[0x0c; 101]].concat();
        for bytes in [
            &[0x00][..],
            &[0x08],
            &[0x06],
            &[0x07],
            &[0x0c],
            &[0x0b],
            &[0x0b, 0x14],
            &[0x0a, 5, 1],
            &[0x09, 1, 2],
            &[0x0d, 1],
            &[0x88, 0x80, 0x80, 0x80, 0x80, 0x00],
            &[0x88, 0x80, 0x80, 0x80, 0x10],
            &[
                0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00,
            ],
            &[0x0a, 0x80, 0x80, 0x80, 0x80, 0x08],
            &deep,
        ] {
            assert_eq!(all(bytes), Err(Malformed), "{bytes:x?}");
        }
        let nested = [[0x0b; 100].as_slice(), &[0x0c; 100]].concat();
        assert_eq!(all(&nested), Ok(vec![(1, Value::Group)]));
    }

    #[test]
    fn numbers_may_be_packed() {
        let mut numbers = Vec::new();
        Value::Bytes(&[1, 0x96, 1]).numbers(&mut numbers).unwrap();
        Value::Varint(u64::MAX).numbers(&mut numbers).unwrap();
        Value::Group.numbers(&mut numbers).unwrap();
        assert_eq!(numbers, [1, 150, -1]);
        assert_eq!(Value::Bytes(&[0x80]).numbers(&mut numbers), Err(Malformed));
    }
}
