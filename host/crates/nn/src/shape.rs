//! The inputs and outputs of a graph, and the check of a caller's tensors against them.
//!
//! Everything is checked here, before ONNX Runtime sees it. So a guest's mistake leads to an error that names
//! the tensor, and not to an exception in native code.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{Error, TensorType, show_dimensions};

/// One input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: Arc<str>,
    /// The type of its elements.
    pub ty: TensorType,
    /// Its dimensions, outermost first; none for one that may change from run to run.
    pub dimensions: Vec<Option<u32>>,
    /// For each dimension the number of its symbol, if the model gives it a name.
    pub(crate) symbols: Vec<Option<usize>>,
    /// Its index in the model, which also counts those that wasi-nn has no tensor for.
    pub(crate) index: usize,
    /// Whether ONNX Runtime returns this output in shared memory and does not write to memory that is
    /// passed for it: it is also an input, or its name occurs twice.
    pub(crate) shares: bool,
}

/// The values of a graph's symbols in one run.
pub(crate) struct Bindings(SmallVec<[Binding; 8]>);

#[derive(Clone, Copy, PartialEq)]
enum Binding {
    Free,
    Bound(u32),
    /// Two inputs have different values for it. ONNX Runtime accepts that, so it is accepted here; but then
    /// the outputs' dimensions are not known before the run.
    Torn,
}

impl Bindings {
    pub(crate) fn new(symbols: usize) -> Self {
        Self(SmallVec::from_elem(Binding::Free, symbols))
    }

    fn bind(&mut self, symbol: usize, value: u32) {
        if let Some(binding) = self.0.get_mut(symbol) {
            *binding = match *binding {
                Binding::Free => Binding::Bound(value),
                Binding::Bound(other) if other == value => Binding::Bound(value),
                _ => Binding::Torn,
            };
        }
    }

    fn get(&self, symbol: usize) -> Option<u32> {
        match self.0.get(symbol) {
            Some(Binding::Bound(value)) => Some(*value),
            _ => None,
        }
    }
}

impl TensorInfo {
    /// Checks an argument against this input: type, rank, dimensions, byte count.
    pub(crate) fn check(
        &self,
        ty: TensorType,
        dimensions: &[u32],
        bytes: usize,
        bindings: &mut Bindings,
    ) -> Result<(), Error> {
        if ty != self.ty {
            return Err(Error::Type {
                input: self.name.to_string(),
                expected: self.ty,
                came: ty,
            });
        }
        // ONNX Runtime describes an input of unknown rank like a scalar, so rank zero allows any rank.
        let fits = self.dimensions.is_empty()
            || self.dimensions.len() == dimensions.len()
                && self
                    .dimensions
                    .iter()
                    .zip(dimensions)
                    .all(|(expected, came)| expected.is_none_or(|expected| expected == *came));
        if !fits {
            return Err(Error::Dimensions {
                input: self.name.to_string(),
                expected: show_dimensions(self.dimensions.iter().copied()),
                came: show_dimensions(dimensions.iter().copied().map(Some)),
            });
        }
        check_bytes(|| format!("input `{}`", self.name), ty, dimensions, bytes)?;
        for (symbol, &value) in self.symbols.iter().zip(dimensions) {
            if let Some(symbol) = *symbol {
                bindings.bind(symbol, value);
            }
        }
        Ok(())
    }

    /// The dimensions of the memory that is passed for this output, if some can be: they must be known
    /// before the run, and ONNX Runtime must write to that memory.
    #[inline(always)]
    pub(crate) fn foresee(&self, bindings: &Bindings) -> Option<SmallVec<[u32; 8]>> {
        if self.shares {
            return None;
        }
        self.resolve(bindings)
    }

    /// The dimensions that this output will have, if they are known before the run.
    #[inline(always)]
    pub(crate) fn resolve(&self, bindings: &Bindings) -> Option<SmallVec<[u32; 8]>> {
        // As above: rank zero may mean that the rank is unknown.
        if self.dimensions.is_empty() {
            return None;
        }
        let mut resolved = SmallVec::new();
        for (&dimension, &symbol) in self.dimensions.iter().zip(&self.symbols) {
            resolved.push(match dimension {
                Some(dimension) => dimension,
                None => bindings.get(symbol?)?,
            });
        }
        Some(resolved)
    }
}

/// Whether this number of bytes is right for a tensor of this type and these dimensions.
///
/// # Errors
///
/// [`Error::Bytes`] if they are too many or too few, [`Error::TooLarge`] if the tensor is larger than an
/// address space.
pub fn check_tensor(ty: TensorType, dimensions: &[u32], bytes: usize) -> Result<(), Error> {
    check_bytes(|| "a tensor".to_owned(), ty, dimensions, bytes)
}

/// Whether a tensor has as many bytes as its dimensions and type need.
fn check_bytes(
    tensor: impl Fn() -> String,
    ty: TensorType,
    dimensions: &[u32],
    bytes: usize,
) -> Result<(), Error> {
    match ty.bytes_for(dimensions) {
        Some(expected) if expected == bytes => Ok(()),
        Some(expected) => Err(Error::Bytes {
            tensor: tensor(),
            dimensions: show_dimensions(dimensions.iter().copied().map(Some)),
            ty,
            expected,
            came: bytes,
        }),
        None => Err(Error::TooLarge {
            what: format!(
                "{} of dimensions {}",
                tensor(),
                show_dimensions(dimensions.iter().copied().map(Some))
            ),
            graph: None,
            limit: isize::MAX.unsigned_abs(),
            came: "more than an address space".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(dimensions: &[Option<u32>], symbols: &[Option<usize>]) -> TensorInfo {
        TensorInfo {
            name: "x".into(),
            ty: TensorType::Fp32,
            dimensions: dimensions.to_vec(),
            symbols: symbols.to_vec(),
            index: 0,
            shares: false,
        }
    }

    #[test]
    fn every_mistake_is_named() {
        let input = info(&[None, Some(3)], &[Some(0), None]);
        let check = |ty, dimensions: &[u32], bytes| {
            input
                .check(ty, dimensions, bytes, &mut Bindings::new(1))
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(TensorType::Fp32, &[2, 3], 24), Ok(()));
        let says = |result: Result<(), String>, words: &[&str]| {
            let message = result.unwrap_err();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        };
        says(check(TensorType::I64, &[2, 3], 48), &["`x`", "FP32", "I64"]);
        says(check(TensorType::Fp32, &[3], 12), &["[?, 3]", "[3]"]);
        says(check(TensorType::Fp32, &[2, 4], 32), &["[?, 3]", "[2, 4]"]);
        says(
            check(TensorType::Fp32, &[2, 3], 23),
            &["24 bytes", "23 came"],
        );
    }

    #[test]
    fn outputs_follow_the_symbols_of_the_inputs() {
        let (input, output) = (
            info(&[None, Some(3)], &[Some(0), None]),
            info(&[None, Some(10)], &[Some(0), None]),
        );
        let mut bindings = Bindings::new(1);
        assert_eq!(output.resolve(&bindings), None, "nothing bound yet");
        input
            .check(TensorType::Fp32, &[5, 3], 60, &mut bindings)
            .unwrap();
        assert_eq!(output.resolve(&bindings).as_deref(), Some(&[5, 10][..]));
        input
            .check(TensorType::Fp32, &[6, 3], 72, &mut bindings)
            .unwrap();
        assert_eq!(output.resolve(&bindings), None, "torn");
    }
}
