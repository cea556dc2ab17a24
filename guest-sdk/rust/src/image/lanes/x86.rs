//! SSE2, which every x86-64 has.

pub use safe_arch::m128i as Raw;

pub mod ops {
    use safe_arch::*;

    pub use safe_arch::{
        add_i32_m128i as add, max_i16_m128i as max_16, mul_i16_horizontal_add_m128i as dot,
        pack_i16_to_u8_m128i as narrow_16, pack_i32_to_i16_m128i as narrow_32,
        shr_imm_i32_m128i as shift, unpack_high_i8_m128i as zip_high_8,
        unpack_high_i32_m128i as zip_high_32, unpack_high_i64_m128i as zip_high_64,
        unpack_low_i8_m128i as zip_low_8, unpack_low_i16_m128i as zip_low_16,
        unpack_low_i32_m128i as zip_low_32, unpack_low_i64_m128i as zip_low_64,
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
    pub fn threes(a: m128i) -> m128i {
        // Moves six bytes together in each half, and then the halves.
        let lower: m128i = bytemuck::cast([0x00ff_ffff_u64; 2]);
        let upper: m128i = bytemuck::cast([0xffff_ff00_0000_u64; 2]);
        let first: m128i = bytemuck::cast([u64::MAX, 0]);
        let shifted = shr_imm_u64_m128i::<8>(a);
        let sixes = bitor_m128i(bitand_m128i(a, lower), bitand_m128i(shifted, upper));
        let second = byte_shr_imm_u128_m128i::<2>(bitandnot_m128i(first, sixes));
        bitor_m128i(bitand_m128i(sixes, first), second)
    }
}
