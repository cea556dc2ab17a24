//! SSE2, which every x86-64 has.

pub use safe_arch::m128i as Raw;

pub mod ops {
    use safe_arch::*;

    pub use safe_arch::{
        add_i32_m128i as add, max_i16_m128i as max_16, mul_i16_horizontal_add_m128i as dot,
        pack_i16_to_u8_m128i as narrow_16, pack_i32_to_i16_m128i as narrow_32,
        unpack_high_i8_m128i as zip_high_8, unpack_high_i32_m128i as zip_high_32,
        unpack_high_i64_m128i as zip_high_64, unpack_low_i8_m128i as zip_low_8,
        unpack_low_i16_m128i as zip_low_16, unpack_low_i32_m128i as zip_low_32,
        unpack_low_i64_m128i as zip_low_64,
    };

    #[inline(always)]
    pub fn extend_low(a: m128i) -> m128i {
        unpack_low_i8_m128i(a, zeroed_m128i())
    }

    #[inline(always)]
    pub fn extend_high(a: m128i) -> m128i {
        unpack_high_i8_m128i(a, zeroed_m128i())
    }

    #[inline(always)]
    pub fn shift(a: m128i, bits: u32) -> m128i {
        shr_all_i32_m128i(a, set_i64_m128i_s(bits.into()))
    }
}
