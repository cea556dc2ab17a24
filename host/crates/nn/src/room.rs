//! How many bytes of tensors one inference may take. A tensor of known size is checked before it is allocated,
//! and an output that ONNX Runtime allocated before it is copied.
//!
//! Pure arithmetic, all of it checked for overflow. ONNX Runtime's own memory is not counted.

use std::fmt;

use crate::{Error, TensorType, show_dimensions};

/// The bytes that are left for one inference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    limit: usize,
    left: usize,
}

impl Room {
    pub(crate) fn of(bytes: usize) -> Self {
        Self {
            limit: bytes,
            left: bytes,
        }
    }

    /// Counts a tensor of a graph.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if there are not enough bytes left.
    #[inline(always)]
    pub(crate) fn take(
        &mut self,
        graph: &str,
        what: fmt::Arguments<'_>,
        ty: TensorType,
        dimensions: &[u32],
    ) -> Result<(), Error> {
        let bytes = ty.bytes_for(dimensions);
        match bytes.and_then(|bytes| self.left.checked_sub(bytes)) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.refusal(graph, what, ty, dimensions)),
        }
    }

    /// The bytes that are left.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Counts these bytes no longer.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes);
        // What a prepared inference keeps was counted elsewhere, before this limit was set.
        self.limit = self.limit.max(self.left);
    }

    #[cold]
    fn refusal(
        &self,
        graph: &str,
        what: fmt::Arguments<'_>,
        ty: TensorType,
        dimensions: &[u32],
    ) -> Error {
        let taken = self.limit - self.left;
        let bytes = ty.bytes_for(dimensions);
        let bytes = bytes.and_then(|bytes| bytes.checked_add(taken));
        let dimensions = show_dimensions(dimensions.iter().copied().map(Some));
        Error::TooLarge {
            what: format!("{what} with dimensions {dimensions}"),
            graph: Some(graph.to_owned()),
            limit: self.limit,
            came: bytes.map_or_else(
                || "more than an address space".to_owned(),
                |bytes| bytes.to_string(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_adds_up_and_never_wraps() {
        let mut room = Room::of(100);
        let mut take = |dimensions: &[u32]| {
            room.take(
                "g",
                format_args!("output `y`"),
                TensorType::Fp32,
                dimensions,
            )
            .map_err(|error| error.to_string())
        };
        assert_eq!(take(&[5, 4]), Ok(()));
        assert_eq!(take(&[0, u32::MAX]), Ok(()));
        let error = take(&[6]).unwrap_err();
        for words in ["output `y`", "`g`", "[6]", "at most 100 bytes", "104 came"] {
            assert!(error.contains(words), "{error}");
        }
        let error = take(&[u32::MAX, u32::MAX, 2]).unwrap_err();
        assert!(error.contains("an address space"), "{error}");
        assert_eq!(take(&[5]), Ok(()), "what was refused takes no room");
    }
}
