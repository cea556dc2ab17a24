//! Tensors as text: `NAME:TYPE:DIMENSIONS[:BYTES]`, such as `x:FP32:1,3` or `x:FP32:2:7`.
//!
//! The elements count up from one; with a byte count the data is cut or padded to it.

use crate::bindings::wasi::nn::tensor::TensorType;

const ODD: usize = 17;

pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) ty: TensorType,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) data: Vec<u8>,
    odd: bool,
}

/// The graph's name, and the tensors after it.
pub(crate) fn parse(arguments: &str) -> (&str, Vec<Spec>) {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let graph = words.next().unwrap_or_default();
    (graph, words.map(Spec::parse).collect())
}

impl Spec {
    fn parse(word: &str) -> Self {
        let mut parts = word.split(':');
        let name = parts.next().unwrap_or_default().to_owned();
        let ty = parts.next().unwrap_or_default();
        let odd = ty.starts_with('@');
        let ty = match ty.trim_start_matches('@') {
            "FP16" => TensorType::Fp16,
            "FP64" => TensorType::Fp64,
            "BF16" => TensorType::Bf16,
            "U8" => TensorType::U8,
            "I32" => TensorType::I32,
            "I64" => TensorType::I64,
            _ => TensorType::Fp32,
        };
        let dimensions: Vec<u32> = parts
            .next()
            .unwrap_or_default()
            .split(',')
            .filter_map(|number| number.parse().ok())
            .collect();
        let bytes: Option<usize> = parts.next().and_then(|number| number.parse().ok());
        // Absurd dimensions are for the host to refuse; here they only must not be filled.
        let count = dimensions
            .iter()
            .try_fold(1usize, |product, &d| product.checked_mul(d as usize))
            .filter(|&count| count <= 1 << 24)
            .unwrap_or(0);
        let mut data: Vec<u8> = (1..=count).flat_map(|value| element(ty, value)).collect();
        if let Some(bytes) = bytes {
            data.resize(bytes, 0);
        }
        Self {
            name,
            ty,
            dimensions,
            data,
            odd,
        }
    }

    /// The data behind an odd number of bytes: the allocator's addresses are even.
    pub(crate) fn padded(&self) -> Vec<u8> {
        let mut padded = vec![0; ODD];
        padded.extend_from_slice(&self.data);
        padded
    }

    /// The data where it is, or in its padded copy, at an odd address.
    pub(crate) fn placed<'a>(&'a self, padded: &'a [u8]) -> &'a [u8] {
        if self.odd {
            padded.get(ODD..).unwrap_or_default()
        } else {
            &self.data
        }
    }
}

fn element(ty: TensorType, value: usize) -> Vec<u8> {
    let small = value as f32;
    match ty {
        TensorType::Fp32 => small.to_le_bytes().to_vec(),
        TensorType::Fp64 => f64::from(small).to_le_bytes().to_vec(),
        TensorType::Bf16 => ((small.to_bits() >> 16) as u16).to_le_bytes().to_vec(),
        // 1, 2, 4, 8, …: exact in half precision, with the exponent alone.
        TensorType::Fp16 => (((15 + value as u16 % 8) << 10) & 0x7c00)
            .to_le_bytes()
            .to_vec(),
        TensorType::U8 => vec![value as u8],
        TensorType::I32 => (value as i32).to_le_bytes().to_vec(),
        TensorType::I64 => (value as i64).to_le_bytes().to_vec(),
    }
}

/// Type, dimensions and elements, as hexadecimal bytes where there are few.
pub(crate) fn show(ty: TensorType, dimensions: &[u32], data: &[u8]) -> String {
    let bytes: String = data
        .iter()
        .take(64)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{ty:?}{dimensions:?}{bytes}")
}
