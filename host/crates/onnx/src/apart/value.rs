//! What is known of a value between two nodes before any run: its dimensions, and its elements where
//! they are few whole numbers that shapes are made of.
//!
//! A value *has rows* if its first dimension is the number of rows of the run, and each of its rows
//! comes from the same row of the inputs alone. Any other value is *fixed*: the same for every caller
//! that may share a run, because it comes from constants and from open dimensions that those callers
//! have in common. The one thing between them is a list of whole numbers with the number of rows in it,
//! which only operators that read shapes may take.

use super::Refusal;
use crate::{Dimension, Tensor};

/// The most dimensions, and the most elements of a list that makes a shape: far more than ONNX Runtime has
/// kernels for.
pub(super) const MOST_DIMS: usize = 64;

/// Dimensions and elements that are kept of all values of a graph together, at most: a hundred times what the
/// largest models have.
pub(super) const MOST_KEPT: usize = 1 << 21;

/// One dimension of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dim {
    /// The number of rows.
    Rows,
    Known(u64),
    /// Any number that does not depend on the rows.
    Open,
}

/// One whole number of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// The number of rows.
    Rows,
    Known(i64),
    /// Any number that does not depend on the rows.
    Open,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    /// None where not even the rank is known.
    pub(super) dims: Option<Vec<Dim>>,
    /// The elements of a short list, in order.
    pub(super) wholes: Option<Vec<Whole>>,
    pub(super) reals: Option<Vec<f32>>,
}

impl Value {
    pub(super) fn of(dims: Vec<Dim>) -> Self {
        Self {
            dims: Some(dims),
            ..Self::default()
        }
    }

    /// A list of whole numbers.
    pub(super) fn list(wholes: Vec<Whole>) -> Self {
        Self {
            dims: Some(vec![Dim::Known(wholes.len() as u64)]),
            wholes: Some(wholes),
            reals: None,
        }
    }

    pub(super) fn constant(tensor: &Tensor<'_>) -> Self {
        let dims = tensor.dimensions.iter().map(|&dim| Dim::Known(dim));
        let wholes = tensor.wholes();
        Self {
            dims: Some(dims.collect()),
            wholes: wholes.map(|wholes| wholes.into_iter().map(Whole::Known).collect()),
            reals: tensor.reals(),
        }
    }

    /// An input of a graph: with rows, or as one caller would give it alone; open dimensions are
    /// `open` where that is given.
    pub(super) fn input(dimensions: &[Dimension], rows: bool, open: Option<u64>) -> Self {
        let dims = dimensions.iter().enumerate();
        let dims = dims.map(|(axis, dimension)| match (axis, dimension) {
            (0, _) if rows => Dim::Rows,
            (_, Dimension::Fixed(number)) => Dim::Known(*number),
            (0, Dimension::Open) => Dim::Known(1),
            (_, Dimension::Open) => open.map_or(Dim::Open, Dim::Known),
        });
        Self::of(dims.collect())
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.dims
            .as_ref()
            .is_none_or(|dims| dims.len() <= MOST_DIMS)
    }

    /// Forgets elements of what is too long to make a shape.
    pub(super) fn bound(&mut self) -> Result<(), Refusal> {
        if !self.is_bounded() {
            return Err(Refusal("what it gives has too many dimensions".to_owned()));
        }
        let is_long = |count: usize| count > MOST_DIMS;
        if self
            .wholes
            .as_ref()
            .is_some_and(|wholes| is_long(wholes.len()))
        {
            if self.counts_rows() {
                return Err(Refusal(
                    "it makes a long list with the number of rows".to_owned(),
                ));
            }
            self.wholes = None;
        }
        if self
            .reals
            .as_ref()
            .is_some_and(|reals| is_long(reals.len()))
        {
            self.reals = None;
        }
        Ok(())
    }

    /// How much of it is kept.
    pub(super) fn kept(&self) -> usize {
        let dims = self.dims.as_ref().map_or(0, Vec::len);
        let wholes = self.wholes.as_ref().map_or(0, Vec::len);
        1 + dims + wholes + self.reals.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn has_rows(&self) -> bool {
        let first = self.dims.as_ref().and_then(|dims| dims.first());
        first == Some(&Dim::Rows)
    }

    /// Whether its elements tell how many rows the run has.
    pub(super) fn counts_rows(&self) -> bool {
        let wholes = self.wholes.iter().flatten();
        wholes.into_iter().any(|whole| *whole == Whole::Rows)
    }

    /// Its elements for one row of the run; none where that is not known.
    pub(super) fn elements(&self) -> Option<u64> {
        self.dims
            .as_ref()?
            .iter()
            .try_fold(1u64, |all, dim| match dim {
                Dim::Rows => Some(all),
                Dim::Known(number) => all.checked_mul(*number),
                Dim::Open => None,
            })
    }

    /// Its whole numbers, those that are not known as open; none where not even their number is.
    pub(super) fn whole_numbers(&self) -> Option<Vec<Whole>> {
        match (&self.wholes, self.elements()) {
            (Some(wholes), _) => Some(wholes.clone()),
            (None, Some(count)) if count <= 16 && !self.has_rows() => {
                Some(vec![Whole::Open; count as usize])
            }
            _ => None,
        }
    }

    /// Its whole numbers, all of which must be known.
    pub(super) fn known(&self) -> Option<Vec<i64>> {
        let known = self.wholes.as_ref()?.iter().map(|whole| match whole {
            Whole::Known(number) => Some(*number),
            Whole::Rows | Whole::Open => None,
        });
        known.collect()
    }

    /// Whether it is one number, in whatever rank.
    pub(super) fn is_single(&self) -> bool {
        self.elements() == Some(1) && !self.has_rows()
    }
}

impl Dim {
    /// What two dimensions are after broadcasting; none where they do not fit.
    pub(super) fn with(self, other: Dim) -> Option<Dim> {
        Some(match (self, other) {
            (Dim::Known(1), dim) | (dim, Dim::Known(1)) => dim,
            (Dim::Rows, Dim::Rows) => Dim::Rows,
            (Dim::Rows, _) | (_, Dim::Rows) => return None,
            (Dim::Known(one), Dim::Known(other)) if one != other => return None,
            (Dim::Known(one), _) | (_, Dim::Known(one)) => Dim::Known(one),
            (Dim::Open, Dim::Open) => Dim::Open,
        })
    }

    pub(super) fn map(self, change: impl FnOnce(u64) -> Option<u64>) -> Dim {
        match self {
            Dim::Known(number) => change(number).map_or(Dim::Open, Dim::Known),
            other => other,
        }
    }

    pub(super) fn whole(self) -> Whole {
        match self {
            Dim::Rows => Whole::Rows,
            Dim::Known(number) => i64::try_from(number).map_or(Whole::Open, Whole::Known),
            Dim::Open => Whole::Open,
        }
    }
}
