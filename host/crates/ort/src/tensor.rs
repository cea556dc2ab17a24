//! The element types of tensors, and how many bytes a tensor of given dimensions needs.
//!
//! Pure arithmetic, all of it checked for overflow.

use std::fmt;

/// The dimensions of a tensor, outermost first. Shared, since those of a graph are used again and again.
pub type Shape = std::sync::Arc<[u32]>;

/// An element type of the wasi-nn standard, in the standard's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TensorType {
    /// IEEE 754 half precision.
    Fp16,
    /// IEEE 754 single precision.
    Fp32,
    /// IEEE 754 double precision.
    Fp64,
    /// bfloat16: the upper half of a single.
    Bf16,
    /// Unsigned byte.
    U8,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
}

impl TensorType {
    /// All of them, in the standard's order.
    pub const ALL: [TensorType; 7] = [
        TensorType::Fp16,
        TensorType::Fp32,
        TensorType::Fp64,
        TensorType::Bf16,
        TensorType::U8,
        TensorType::I32,
        TensorType::I64,
    ];

    /// The type with this ordinal in the standard, if there is one.
    #[inline]
    pub fn from_ordinal(ordinal: u8) -> Option<Self> {
        Self::ALL.get(usize::from(ordinal)).copied()
    }

    /// The size of one element, in bytes. It is also the alignment that an element needs.
    #[inline]
    pub const fn size(self) -> usize {
        match self {
            TensorType::U8 => 1,
            TensorType::Fp16 | TensorType::Bf16 => 2,
            TensorType::Fp32 | TensorType::I32 => 4,
            TensorType::Fp64 | TensorType::I64 => 8,
        }
    }

    /// How many bytes a tensor of these dimensions has; none if an address space is smaller.
    #[inline]
    pub fn bytes_for(self, dimensions: &[u32]) -> Option<usize> {
        let mut bytes = self.size();
        for &dimension in dimensions {
            match bytes.checked_mul(dimension as usize) {
                Some(product) => bytes = product,
                // A dimension of zero makes the product zero, however large the others are.
                None => return dimensions.contains(&0).then_some(0),
            }
        }
        isize::try_from(bytes).is_ok().then_some(bytes)
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TensorType::Fp16 => "FP16",
            TensorType::Fp32 => "FP32",
            TensorType::Fp64 => "FP64",
            TensorType::Bf16 => "BF16",
            TensorType::U8 => "U8",
            TensorType::I32 => "I32",
            TensorType::I64 => "I64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_product_and_never_wrap() {
        assert_eq!(TensorType::Fp32.bytes_for(&[1, 3, 224, 224]), Some(602_112));
        assert_eq!(TensorType::Fp64.bytes_for(&[]), Some(8), "a scalar");
        assert_eq!(TensorType::U8.bytes_for(&[0, u32::MAX, u32::MAX]), Some(0));
        assert_eq!(
            TensorType::Fp32.bytes_for(&[u32::MAX, u32::MAX, 2]),
            None,
            "over the address space"
        );
    }

    #[test]
    fn ordinals_are_the_standards() {
        for (ordinal, ty) in TensorType::ALL.into_iter().enumerate() {
            assert_eq!(TensorType::from_ordinal(ordinal as u8), Some(ty));
            assert_eq!(ty as usize, ordinal);
        }
        assert_eq!(TensorType::from_ordinal(7), None);
    }
}
