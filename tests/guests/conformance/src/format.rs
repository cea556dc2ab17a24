//! Tensors as bytes, read and written; what the format is stands in `lib.rs`. What is cut short is
//! nothing, never a guess.

use crate::bindings::wasi::nn::tensor::TensorType;

const TYPES: [TensorType; 7] = [
    TensorType::Fp16,
    TensorType::Fp32,
    TensorType::Fp64,
    TensorType::Bf16,
    TensorType::U8,
    TensorType::I32,
    TensorType::I64,
];

/// Where ONNX Runtime puts its own tensors. Sums are vectorised from the first aligned element on, so
/// that at other addresses their last digits differ.
const ALIGNMENT: usize = 64;

pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) ty: TensorType,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) data: Vec<u8>,
}

/// Bytes at an address that is a multiple of [`ALIGNMENT`].
pub(crate) struct Aligned {
    padded: Vec<u8>,
    start: usize,
}

impl Aligned {
    pub(crate) fn copy(data: &[u8]) -> Self {
        let mut padded: Vec<u8> = Vec::with_capacity(data.len() + ALIGNMENT);
        let start = padded.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        padded.resize(start, 0);
        padded.extend_from_slice(data);
        Self { padded, start }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.padded.get(self.start..).unwrap_or_default()
    }
}

/// The bytes that are still to be read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.number()?;
        self.take(count as usize)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| item(self)).collect()
    }

    pub(crate) fn tensors(&mut self) -> Option<Vec<Tensor>> {
        self.list(|reader| {
            Some(Tensor {
                name: String::from_utf8(reader.bytes()?.to_vec()).ok()?,
                ty: *TYPES.get(usize::from(reader.byte()?))?,
                dimensions: reader.list(Self::number)?,
                data: reader.bytes()?.to_vec(),
            })
        })
    }
}

pub(crate) fn write(tensors: &[Tensor]) -> Vec<u8> {
    let mut written = Vec::new();
    let number = |written: &mut Vec<u8>, value: usize| {
        // The memory that it counts is addressed with 32 bits.
        written.extend_from_slice(&(value as u32).to_le_bytes());
    };
    number(&mut written, tensors.len());
    for tensor in tensors {
        number(&mut written, tensor.name.len());
        written.extend_from_slice(tensor.name.as_bytes());
        written.push(
            TYPES
                .iter()
                .position(|&ty| ty == tensor.ty)
                .map_or(u8::MAX, |at| at as u8),
        );
        number(&mut written, tensor.dimensions.len());
        for &dimension in &tensor.dimensions {
            number(&mut written, dimension as usize);
        }
        number(&mut written, tensor.data.len());
        written.extend_from_slice(&tensor.data);
    }
    written
}
