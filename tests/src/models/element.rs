//! Types of elements, with their numbers in ONNX, and how values of theirs are kept.

use tollgate_nn::TensorType;

use super::random::Random;

/// A type of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Element {
    #[default]
    Fp32 = 1,
    U8 = 2,
    I8 = 3,
    U16 = 4,
    I16 = 5,
    I32 = 6,
    I64 = 7,
    Text = 8,
    Bool = 9,
    Fp16 = 10,
    Fp64 = 11,
    U32 = 12,
    U64 = 13,
    Bf16 = 16,
}

/// All of them.
pub(super) const ALL: [Element; 14] = [
    Element::Fp32,
    Element::U8,
    Element::I8,
    Element::U16,
    Element::I16,
    Element::I32,
    Element::I64,
    Element::Text,
    Element::Bool,
    Element::Fp16,
    Element::Fp64,
    Element::U32,
    Element::U64,
    Element::Bf16,
];

impl Element {
    /// Its number in ONNX.
    pub(super) fn number(self) -> i64 {
        self as i64
    }

    /// The type in the table, of one name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "f32" => Self::Fp32,
            "u8" => Self::U8,
            "i8" => Self::I8,
            "u16" => Self::U16,
            "i16" => Self::I16,
            "i32" => Self::I32,
            "i64" => Self::I64,
            "s" => Self::Text,
            "b" => Self::Bool,
            "f16" => Self::Fp16,
            "f64" => Self::Fp64,
            "u32" => Self::U32,
            "u64" => Self::U64,
            "bf16" => Self::Bf16,
            _ => return None,
        })
    }

    /// The type that wasi-nn has for it.
    pub(super) fn tensor_type(self) -> Option<TensorType> {
        Some(match self {
            Self::Fp32 => TensorType::Fp32,
            Self::U8 => TensorType::U8,
            Self::I32 => TensorType::I32,
            Self::I64 => TensorType::I64,
            Self::Fp16 => TensorType::Fp16,
            Self::Fp64 => TensorType::Fp64,
            Self::Bf16 => TensorType::Bf16,
            _ => return None,
        })
    }

    /// What a caller gives where wasi-nn has no such type: values of this one, which a model casts.
    pub(super) fn carrier(self) -> (Self, TensorType) {
        match self.tensor_type() {
            Some(ty) => (self, ty),
            None if self == Self::Bool => (Self::U8, TensorType::U8),
            None => (Self::I32, TensorType::I32),
        }
    }

    /// The size of one, in bytes; of a text, what one costs at least.
    pub(super) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 | Self::Fp16 | Self::Bf16 => 2,
            Self::Fp32 | Self::I32 | Self::U32 => 4,
            Self::I64 | Self::Fp64 | Self::U64 | Self::Text => 8,
        }
    }

    /// Appends a value; one that is too large is cut.
    pub(super) fn append(self, to: &mut Vec<u8>, value: Number) {
        let (int, float) = (value.int(), value.float());
        match self {
            Self::U8 | Self::I8 => to.push(int as u8),
            Self::Bool => to.push(u8::from(int != 0)),
            Self::U16 | Self::I16 => to.extend((int as u16).to_le_bytes()),
            Self::I32 | Self::U32 => to.extend((int as u32).to_le_bytes()),
            Self::I64 | Self::U64 => to.extend(int.to_le_bytes()),
            Self::Fp32 => to.extend((float as f32).to_le_bytes()),
            Self::Fp64 => to.extend(float.to_le_bytes()),
            Self::Bf16 => to.extend(
                ((float as f32).to_bits() >> 16)
                    .to_le_bytes()
                    .iter()
                    .take(2),
            ),
            Self::Fp16 => to.extend(half(float as f32).to_le_bytes()),
            // Texts have no bytes of a fixed size: `write.rs` asks for them one by one.
            Self::Text => (),
        }
    }
}

/// A value, before it has a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Default for Number {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl Number {
    pub(super) fn int(self) -> i64 {
        match self {
            Self::Int(value) => value,
            Self::Float(value) => value as i64,
        }
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// A value that most operators do something with.
    pub(super) fn small(random: &mut Random) -> Self {
        if random.chance(50) {
            Self::Int(random.below(4) as i64)
        } else {
            Self::Float(random.below(33) as f64 / 8.0 - 2.0)
        }
    }

    /// A value at an end of some type, or none at all.
    pub(super) fn extreme(random: &mut Random) -> Self {
        if random.chance(60) {
            Self::Int(random.pick(&EXTREMES))
        } else {
            Self::Float(random.pick(&[
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MAX,
                f64::MIN_POSITIVE,
                -0.0,
                1e30,
                -1e30,
                65505.0,
            ]))
        }
    }
}

/// Numbers at the ends of types, and what is just beyond plausible.
pub(super) const EXTREMES: [i64; 18] = [
    0,
    -1,
    1,
    2,
    3,
    -2,
    7,
    100,
    255,
    65_536,
    i64::MIN,
    i64::MAX,
    1 << 31,
    (1 << 31) - 1,
    -(1 << 31),
    1 << 32,
    1 << 62,
    i64::MIN + 1,
];

/// Half precision, of values that are not too small for it.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    let rest = match magnitude {
        0x7f80_0001.. => 0x7e00,
        // 65536 and more.
        0x4780_0000.. => 0x7c00,
        // From the smallest that is normal on.
        0x3880_0000.. => ((magnitude - 0x3800_0000) >> 13) as u16,
        _ => 0,
    };
    sign | rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_bytes_that_their_type_has_for_them() {
        for (value, bits) in [
            (0.0, 0),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (0.125, 0x3000),
            (65504.0, 0x7bff),
            (1e30, 0x7c00),
        ] {
            assert_eq!(half(value), bits, "{value}");
        }
        for element in ALL.into_iter().filter(|one| *one != Element::Text) {
            let mut bytes = Vec::new();
            element.append(&mut bytes, Number::Float(1.0));
            assert_eq!(bytes.len(), element.size(), "{element:?}");
        }
    }
}
