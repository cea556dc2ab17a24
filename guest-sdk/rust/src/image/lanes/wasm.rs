//! Wasm's 128-bit SIMD.

pub use core::arch::wasm32::v128 as Raw;

pub mod ops {
    use core::arch::wasm32::*;

    #[inline(always)]
    pub fn zip_low_8(a: v128, b: v128) -> v128 {
        u8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
    }

    #[inline(always)]
    pub fn zip_high_8(a: v128, b: v128) -> v128 {
        u8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
    }

    #[inline(always)]
    pub fn extend_low(a: v128) -> v128 {
        u16x8_extend_low_u8x16(a)
    }

    #[inline(always)]
    pub fn extend_high(a: v128) -> v128 {
        u16x8_extend_high_u8x16(a)
    }

    #[inline(always)]
    pub fn zip_low_16(a: v128, b: v128) -> v128 {
        u16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b)
    }

    #[inline(always)]
    pub fn zip_low_32(a: v128, b: v128) -> v128 {
        u32x4_shuffle::<0, 4, 1, 5>(a, b)
    }

    #[inline(always)]
    pub fn zip_high_32(a: v128, b: v128) -> v128 {
        u32x4_shuffle::<2, 6, 3, 7>(a, b)
    }

    #[inline(always)]
    pub fn zip_low_64(a: v128, b: v128) -> v128 {
        u64x2_shuffle::<0, 2>(a, b)
    }

    #[inline(always)]
    pub fn zip_high_64(a: v128, b: v128) -> v128 {
        u64x2_shuffle::<1, 3>(a, b)
    }

    #[inline(always)]
    pub fn dot(a: v128, b: v128) -> v128 {
        i32x4_dot_i16x8(a, b)
    }

    #[inline(always)]
    pub fn add(a: v128, b: v128) -> v128 {
        i32x4_add(a, b)
    }

    #[inline(always)]
    pub fn shift<const BITS: i32>(a: v128) -> v128 {
        i32x4_shr(a, BITS as u32)
    }

    #[inline(always)]
    pub fn threes(a: v128) -> v128 {
        u8x16_shuffle::<0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15>(a, a)
    }

    #[inline(always)]
    pub fn max_16(a: v128, b: v128) -> v128 {
        i16x8_max(a, b)
    }

    #[inline(always)]
    pub fn narrow_16(a: v128, b: v128) -> v128 {
        u8x16_narrow_i16x8(a, b)
    }

    #[inline(always)]
    pub fn narrow_32(a: v128, b: v128) -> v128 {
        i16x8_narrow_i32x4(a, b)
    }
}
