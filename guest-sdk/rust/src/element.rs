//! The types of a tensor's elements, and the two 16-bit floats that Rust lacks.
//!
//! A conversion is exact if the value fits. Otherwise it rounds to the nearest, ties to even, as in
//! IEEE 754. A value that is too large becomes infinite, and a NaN stays a NaN.

use std::fmt;

/// The element types of wasi-nn, in the standard's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TensorType {
    /// IEEE 754 half precision: [`F16`].
    Fp16,
    /// `f32`.
    Fp32,
    /// `f64`.
    Fp64,
    /// The upper half of an `f32`: [`Bf16`].
    Bf16,
    /// `u8`.
    U8,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
}

impl TensorType {
    /// The size of one element in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::Fp16 | Self::Bf16 => 2,
            Self::Fp32 | Self::I32 => 4,
            Self::Fp64 | Self::I64 => 8,
        }
    }

    /// The type with this index in the standard's list.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn from_ordinal(ordinal: u8) -> Option<Self> {
        Some(match ordinal {
            0 => Self::Fp16,
            1 => Self::Fp32,
            2 => Self::Fp64,
            3 => Self::Bf16,
            4 => Self::U8,
            5 => Self::I32,
            6 => Self::I64,
            _ => return None,
        })
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fp16 => "fp16",
            Self::Fp32 => "fp32",
            Self::Fp64 => "fp64",
            Self::Bf16 => "bf16",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::I64 => "i64",
        })
    }
}

/// A Rust type with the memory layout of a tensor's element.
pub trait Element: bytemuck::Pod + sealed::Sealed {
    /// Its name in wasi-nn.
    const TYPE: TensorType;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($rust:ty => $name:ident),* $(,)?) => {$(
        impl sealed::Sealed for $rust {}
        impl Element for $rust {
            const TYPE: TensorType = TensorType::$name;
        }
    )*};
}

elements! {
    F16 => Fp16,
    f32 => Fp32,
    f64 => Fp64,
    Bf16 => Bf16,
    u8 => U8,
    i32 => I32,
    i64 => I64,
}

/// An IEEE 754 half precision float, as its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct F16(pub u16);

impl F16 {
    /// The nearest half to `value`, ties to even.
    pub fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        let sign = (bits >> 16) & 0x8000;
        let magnitude = bits & 0x7fff_ffff;
        let half = if magnitude > 0x7f80_0000 {
            // A NaN keeps the part of its payload that fits, and the bit that makes it quiet.
            0x7e00 | ((magnitude >> 13) & 0x3ff)
        } else if magnitude >= 0x477f_f000 {
            // At least halfway between the largest half and the next power of two: infinite.
            0x7c00
        } else if magnitude < 0x3880_0000 {
            // Below the smallest normal half. Near 0.5 an f32 has steps of 2^-24, which is also the
            // smallest half, so the addition itself rounds correctly.
            (f32::from_bits(magnitude) + 0.5).to_bits() - 0x3f00_0000
        } else {
            (magnitude - 0x3800_0000 + 0xfff + ((magnitude >> 13) & 1)) >> 13
        };
        Self((sign | half) as u16)
    }

    /// The same value, exactly.
    pub fn to_f32(self) -> f32 {
        let sign = u32::from(self.0 & 0x8000) << 16;
        let magnitude = u32::from(self.0 & 0x7fff);
        let bits = if magnitude >= 0x7c00 {
            0x7f80_0000 | ((magnitude & 0x3ff) << 13)
        } else if magnitude >= 0x0400 {
            (magnitude << 13) + 0x3800_0000
        } else {
            // Below the smallest normal half: a multiple of 2^-24, which an f32 represents exactly.
            (magnitude as f32 * f32::from_bits(0x3380_0000)).to_bits()
        };
        f32::from_bits(sign | bits)
    }
}

/// The upper half of an `f32`, as its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Bf16(pub u16);

impl Bf16 {
    /// The nearest value to `value`, ties to even.
    pub fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        if value.is_nan() {
            return Self((bits >> 16) as u16 | 0x40);
        }
        // At most infinity, whose bits are far from overflowing the sum.
        Self(((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16)
    }

    /// The same value, exactly.
    pub fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}
