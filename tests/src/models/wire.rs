//! Protobuf's wire format, as far as models need it.

/// A message that is being written.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number.
    pub(super) fn int(mut self, field: u64, value: i64) -> Self {
        varint(&mut self.0, field << 3);
        varint(&mut self.0, value.cast_unsigned());
        self
    }

    /// A number in four bytes.
    pub(super) fn float(mut self, field: u64, value: f32) -> Self {
        varint(&mut self.0, field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Bytes, a text or numbers that are packed.
    pub(super) fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        varint(&mut self.0, field << 3 | 2);
        varint(&mut self.0, value.len() as u64);
        self.0.extend(value);
        self
    }

    /// A message within this one.
    pub(super) fn message(self, field: u64, value: Message) -> Self {
        self.bytes(field, &value.0)
    }

    /// A message for each of these.
    pub(super) fn messages(self, field: u64, values: impl IntoIterator<Item = Message>) -> Self {
        values
            .into_iter()
            .fold(self, |whole, value| whole.message(field, value))
    }

    /// A text for each of these.
    pub(super) fn texts<T: AsRef<[u8]>>(
        self,
        field: u64,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        values
            .into_iter()
            .fold(self, |whole, value| whole.bytes(field, value.as_ref()))
    }

    /// Numbers in one field.
    pub(super) fn packed(self, field: u64, values: &[i64]) -> Self {
        let mut packed = Vec::new();
        for value in values {
            varint(&mut packed, value.cast_unsigned());
        }
        self.bytes(field, &packed)
    }
}

/// Appends a number of seven bits a byte.
pub(super) fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Takes a number from the front of these bytes.
pub(super) fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
