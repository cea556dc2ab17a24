//! What a graph takes and gives, and whether a caller's tensors are that.
//!
//! Everything is checked here, before ONNX Runtime sees it, so that a guest's mistake gets a
//! sentence that names the tensor instead of an exception from native code.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{Error, TensorType, error::show_dimensions};

/// One input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: Arc<str>,
    /// The type of its elements.
    pub ty: TensorType,
    /// Its dimensions, outermost first; none for one that may differ from run to run.
    pub dimensions: Vec<Option<u32>>,
    /// For each dimension the number of its symbol, where the model gives it a name.
    pub(crate) symbols: Vec<Option<usize>>,
    /// Its index in the model, whose order counts what wasi-nn cannot name as well.
    pub(crate) index: usize,
    /// Whether ONNX Runtime gives it back in memory that is not its own, and writes to none that is
    /// handed over for it: an output that is an input too, or whose name stands twice.
    pub(crate) shares: bool,
}

/// What the symbols of a graph stand for in one run.
pub(crate) struct Bindings(SmallVec<[Binding; 8]>);

#[derive(Clone, Copy, PartialEq)]
enum Binding {
    Free,
    Bound(u32),
    /// Two inputs disagree. ONNX Runtime does not mind, so neither do we; but then the outputs'
    /// dimensions are not known beforehand.
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
    /// Holds an argument against this input: type, rank, dimensions, byte count.
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
        // ONNX Runtime describes an input of unknown rank like a scalar, so rank zero is no rule.
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

    /// The dimensions of the memory that is handed over for this output, where that can be: they are
    /// known before the run, and ONNX Runtime writes to it.
    pub(crate) fn foresee(&self, bindings: &Bindings) -> Option<SmallVec<[u32; 8]>> {
        if self.shares {
            return None;
        }
        self.resolve(bindings)
    }

    /// The dimensions that this output will have, where they are known before the run.
    pub(crate) fn resolve(&self, bindings: &Bindings) -> Option<SmallVec<[u32; 8]>> {
        // As above: rank zero may mean that nobody knows.
        if self.dimensions.is_empty() {
            return None;
        }
        self.dimensions
            .iter()
            .zip(&self.symbols)
            .map(|(dimension, symbol)| {
                dimension.or_else(|| symbol.and_then(|symbol| bindings.get(symbol)))
            })
            .collect()
    }
}

/// Whether bytes make a tensor of a type and dimensions.
///
/// # Errors
///
/// [`Error::Bytes`] where they are too many or too few, [`Error::TooLarge`] where nothing could
/// hold them.
pub fn check_tensor(ty: TensorType, dimensions: &[u32], bytes: usize) -> Result<(), Error> {
    check_bytes(|| "a tensor".to_owned(), ty, dimensions, bytes)
}

/// Whether a tensor has as many bytes as its dimensions and type ask for.
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
