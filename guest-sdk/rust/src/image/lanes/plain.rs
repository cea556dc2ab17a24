//! Plain arrays, for machines without an own version here; compilers turn most of them into
//! vectors.

/// Sixteen bytes, in the byte order of x86-64 and Wasm.
pub type Raw = [u8; 16];

pub mod ops {
    use super::Raw;

    /// Elements of both arrays in alternation, beginning at index `from`.
    #[inline(always)]
    fn zip<T: bytemuck::Pod, const LANES: usize>(a: Raw, b: Raw, from: usize) -> Raw
    where
        [T; LANES]: bytemuck::Pod,
    {
        let (a, b): ([T; LANES], [T; LANES]) = (bytemuck::cast(a), bytemuck::cast(b));
        let mut lanes = a.into_iter().zip(b).skip(from).flat_map(|(a, b)| [a, b]);
        bytemuck::cast([(); LANES].map(|()| lanes.next().unwrap_or(T::zeroed())))
    }

    pub fn zip_low_8(a: Raw, b: Raw) -> Raw {
        zip::<u8, 16>(a, b, 0)
    }

    pub fn zip_high_8(a: Raw, b: Raw) -> Raw {
        zip::<u8, 16>(a, b, 8)
    }

    pub fn extend_low(a: Raw) -> Raw {
        zip_low_8(a, [0; 16])
    }

    pub fn extend_high(a: Raw) -> Raw {
        zip_high_8(a, [0; 16])
    }

    pub fn zip_low_16(a: Raw, b: Raw) -> Raw {
        zip::<u16, 8>(a, b, 0)
    }

    pub fn zip_low_32(a: Raw, b: Raw) -> Raw {
        zip::<u32, 4>(a, b, 0)
    }

    pub fn zip_high_32(a: Raw, b: Raw) -> Raw {
        zip::<u32, 4>(a, b, 2)
    }

    pub fn zip_low_64(a: Raw, b: Raw) -> Raw {
        zip::<u64, 2>(a, b, 0)
    }

    pub fn zip_high_64(a: Raw, b: Raw) -> Raw {
        zip::<u64, 2>(a, b, 1)
    }

    pub fn dot(a: Raw, b: Raw) -> Raw {
        let (a, b): ([[i16; 2]; 4], [[i16; 2]; 4]) = (bytemuck::cast(a), bytemuck::cast(b));
        let mut pairs = a.into_iter().zip(b);
        bytemuck::cast([(); 4].map(|()| {
            let ([a, b], [c, d]) = pairs.next().unwrap_or_default();
            (i32::from(a) * i32::from(c)).wrapping_add(i32::from(b) * i32::from(d))
        }))
    }

    pub fn add(a: Raw, b: Raw) -> Raw {
        let (mut a, b): ([i32; 4], [i32; 4]) = (bytemuck::cast(a), bytemuck::cast(b));
        a.iter_mut()
            .zip(b)
            .for_each(|(a, b)| *a = a.wrapping_add(b));
        bytemuck::cast(a)
    }

    pub fn shift<const BITS: i32>(a: Raw) -> Raw {
        let a: [i32; 4] = bytemuck::cast(a);
        bytemuck::cast(a.map(|a| a.wrapping_shr(BITS as u32)))
    }

    pub fn threes([r, g, b, _, s, h, c, _, t, i, d, _, u, j, e, _]: Raw) -> Raw {
        [r, g, b, s, h, c, t, i, d, u, j, e, 0, 0, 0, 0]
    }

    pub fn max_16(a: Raw, b: Raw) -> Raw {
        let (mut a, b): ([i16; 8], [i16; 8]) = (bytemuck::cast(a), bytemuck::cast(b));
        a.iter_mut().zip(b).for_each(|(a, b)| *a = (*a).max(b));
        bytemuck::cast(a)
    }

    pub fn narrow_16(a: Raw, b: Raw) -> Raw {
        let words: [i16; 16] = bytemuck::cast([a, b]);
        words.map(|word| word.clamp(0, 255) as u8)
    }

    pub fn narrow_32(a: Raw, b: Raw) -> Raw {
        let sums: [i32; 8] = bytemuck::cast([a, b]);
        bytemuck::cast(sums.map(|sum| sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16))
    }
}
