//! Trials of whether the rows of one run are independent: made-up frames, and a comparison of a frame's
//! result in a batch with its result alone. A trial can refute that rows are independent; it cannot prove it.
//!
//! Pure functions over bytes. The frames are the same every time.

use crate::TensorType;

/// The seed of the frames.
const SEED: u64 = 0x7011_6a7e;

/// How large the numbers of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As in a model's usual inputs.
    Any,
    /// Hundreds of times smaller.
    Small,
    /// All zero; in bytes, all at the largest value.
    Constant,
}

/// A small generator (splitmix64): frames must differ, but need not be unpredictable.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new() -> Self {
        Self(SEED)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Fills a tensor. With [`Scale::Any`], floating-point numbers are between -1 and 1, bytes are arbitrary,
    /// and wider integers are in the given range, since they are mostly indices into something.
    pub(crate) fn fill(
        &mut self,
        ty: TensorType,
        scale: Scale,
        to: &mut [u8],
        (least, most): (u32, u32),
    ) {
        if scale == Scale::Constant && !matches!(ty, TensorType::I32 | TensorType::I64) {
            to.fill(if ty == TensorType::U8 { u8::MAX } else { 0 });
            return;
        }
        for element in to.chunks_exact_mut(ty.size()) {
            let random = self.next();
            // 53 bits make a double between 0 and 1.
            let real = (random >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0;
            // Dividing by a power of two is exact in every type, so it adds no rounding.
            let real = if scale == Scale::Small {
                real / 256.0
            } else {
                real
            };
            let whole = u64::from(least) + random % (u64::from(most - least) + 1);
            let half_exponent = if scale == Scale::Small { 5 } else { 13 };
            let bytes = match ty {
                TensorType::Fp64 => real.to_le_bytes(),
                TensorType::Fp32 => widen((real as f32).to_bits().into()),
                // The upper half of a single.
                TensorType::Bf16 => widen(u64::from((real as f32).to_bits() >> 16)),
                // A sign, an exponent for 1/4 to 1, and any fraction.
                TensorType::Fp16 => {
                    widen((random & 0x83ff) | (half_exponent + (random >> 16) % 2) << 10)
                }
                TensorType::U8 if scale == Scale::Small => widen(random & 0x0f),
                TensorType::U8 => widen(random & 0xff),
                TensorType::I32 | TensorType::I64 => widen(whole),
            };
            for (to, byte) in element.iter_mut().zip(bytes) {
                *to = byte;
            }
        }
    }
}

fn widen(bits: u64) -> [u8; 8] {
    bits.to_le_bytes()
}

/// How much two results may differ, relative to their own size and to that of the output's largest element:
/// as much as summing in another order changes, and less than any quantisation does. None if they must be
/// equal.
const fn tolerance(ty: TensorType) -> Option<f64> {
    match ty {
        TensorType::Fp16 => Some(5e-3),
        TensorType::Bf16 => Some(3e-2),
        TensorType::Fp32 => Some(1e-4),
        TensorType::Fp64 => Some(1e-9),
        TensorType::U8 | TensorType::I32 | TensorType::I64 => None,
    }
}

/// Compares a frame's rows from a batch with those of the frame alone.
///
/// # Errors
///
/// The first difference, in words.
pub(crate) fn agree(ty: TensorType, alone: &[u8], merged: &[u8]) -> Result<(), String> {
    if alone.len() != merged.len() {
        return Err(format!("{} bytes instead of {}", merged.len(), alone.len()));
    }
    let Some(tolerance) = tolerance(ty) else {
        return if alone == merged {
            Ok(())
        } else {
            Err("other whole numbers".to_owned())
        };
    };
    let numbers = |bytes: &'_ [u8]| -> Vec<f64> {
        bytes
            .chunks_exact(ty.size())
            .map(|e| number(ty, e))
            .collect()
    };
    let (alone, merged) = (numbers(alone), numbers(merged));
    let largest = alone.iter().map(|number| number.abs());
    let largest = largest
        .filter(|number| number.is_finite())
        .fold(0.0, f64::max);
    let differ = alone.iter().zip(&merged).find(|&(&alone, &merged)| {
        let close =
            alone.is_finite() && (alone - merged).abs() <= tolerance * (alone.abs() + largest);
        !(close || alone == merged || alone.is_nan() && merged.is_nan())
    });
    match differ {
        Some((alone, merged)) => Err(format!("{merged} instead of {alone}")),
        None => Ok(()),
    }
}

fn number(ty: TensorType, element: &[u8]) -> f64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(element) {
        *to = *from;
    }
    let bits = u64::from_le_bytes(bytes);
    let single = |bits: u64| f64::from(f32::from_bits(u32::try_from(bits).unwrap_or_default()));
    match ty {
        TensorType::Fp64 => f64::from_bits(bits),
        TensorType::Fp32 => single(bits),
        TensorType::Bf16 => single(bits << 16),
        TensorType::Fp16 => half(bits),
        TensorType::U8 | TensorType::I32 | TensorType::I64 => bits as f64,
    }
}

/// The value of a half-precision number.
fn half(bits: u64) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = ((bits >> 10) & 0x1f, (bits & 0x3ff) as f64 / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction) * 2f64.powi(i32::try_from(exponent).unwrap_or(0) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_they_say_and_differ() {
        for ty in TensorType::ALL {
            let (mut first, mut second) = (vec![0; 64 * ty.size()], vec![0; 64 * ty.size()]);
            let mut seeded = Seeded::new();
            seeded.fill(ty, Scale::Any, &mut first, (1, 100));
            seeded.fill(ty, Scale::Any, &mut second, (1, 100));
            assert_ne!(first, second, "{ty}");
            for element in first.chunks_exact(ty.size()) {
                let number = number(ty, element);
                match ty {
                    TensorType::U8 => {}
                    TensorType::I32 | TensorType::I64 => {
                        assert!((1.0..=100.0).contains(&number), "{ty} {number}");
                    }
                    _ => assert!((-1.0..=1.0).contains(&number), "{ty} {number}"),
                }
            }
            let largest = |bytes: &[u8]| {
                let numbers = bytes.chunks_exact(ty.size()).map(|e| number(ty, e).abs());
                numbers.fold(0.0, f64::max)
            };
            if !matches!(ty, TensorType::I32 | TensorType::I64) {
                let any = largest(&first);
                seeded.fill(ty, Scale::Small, &mut second, (1, 100));
                assert!((0.0..any / 10.0).contains(&largest(&second)), "{ty}");
                seeded.fill(ty, Scale::Constant, &mut second, (1, 100));
                assert!(second.windows(2).all(|pair| pair[0] == pair[1]), "{ty}");
            }
        }
    }

    #[test]
    fn halves_are_read_right() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 2f64.powi(-24)),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn rounding_is_forgiven_and_mixing_is_not() {
        let bytes = |numbers: &[f32]| -> Vec<u8> {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect()
        };
        let alone = bytes(&[1.0, -20.0, 0.0, f32::NAN, f32::INFINITY]);
        let check = |numbers: &[f32]| agree(TensorType::Fp32, &alone, &bytes(numbers));
        let nan = f32::NAN;
        let infinite = f32::INFINITY;
        assert_eq!(check(&[1.0001, -20.001, 0.001, nan, infinite]), Ok(()));
        assert!(
            check(&[1.5, -20.0, 0.0, nan, infinite])
                .unwrap_err()
                .contains("1.5")
        );
        assert!(check(&[1.0, -20.0, 0.0, 0.0, infinite]).is_err());
        assert!(check(&[1.0, -20.0, 0.0, nan, 3.0]).is_err());
        assert!(check(&[1.0]).is_err());
    }

    #[test]
    fn whole_numbers_must_be_equal() {
        let (one, other) = (5i64.to_le_bytes(), 6i64.to_le_bytes());
        assert_eq!(agree(TensorType::I64, &one, &one), Ok(()));
        assert!(agree(TensorType::I64, &one, &other).is_err());
        assert!(agree(TensorType::U8, &[1], &[2]).is_err());
    }
}
