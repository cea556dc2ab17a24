//! One node with what is known of its inputs: how the tables of operators read both.

use super::{
    Refusal,
    value::{Dim, MOST_DIMS, Value, Whole},
};
use crate::{Attribute, Node};

/// What an operator gives, one value an output; or why it is not known to keep rows apart.
pub(super) type Given = Result<Vec<Value>, Refusal>;

pub(super) struct Call<'a> {
    pub(super) node: &'a Node<'a>,
    pub(super) opset: i64,
    /// None for an input that is left out.
    pub(super) inputs: Vec<Option<&'a Value>>,
}

/// The operator is not known to keep rows apart here.
pub(super) fn unknown<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// The one output of an operator, with these dimensions.
pub(super) fn one(dims: Vec<Dim>) -> Given {
    Ok(vec![Value::of(dims)])
}

impl<'a> Call<'a> {
    pub(super) fn optional(&self, place: usize) -> Option<&'a Value> {
        self.inputs.get(place).copied().flatten()
    }

    pub(super) fn input(&self, place: usize) -> Result<&'a Value, Refusal> {
        let input = self.optional(place);
        input.map_or_else(|| unknown("an input of it is left out"), Ok)
    }

    /// The dimensions of an input, whose rank must be known.
    pub(super) fn dims(&self, place: usize) -> Result<&'a [Dim], Refusal> {
        match &self.input(place)?.dims {
            Some(dims) => Ok(dims),
            None => unknown("the rank of an input of it is not known"),
        }
    }

    /// All inputs from a place on must be fixed.
    pub(super) fn fixed_from(&self, place: usize) -> Result<(), Refusal> {
        let mut others = self.inputs.iter().skip(place).flatten();
        if others.any(|input| input.has_rows()) {
            return unknown("an input that it takes for weights has rows");
        }
        Ok(())
    }

    /// Whether any input has rows.
    pub(super) fn has_rows(&self) -> bool {
        self.inputs.iter().flatten().any(|input| input.has_rows())
    }

    /// No more outputs than these.
    pub(super) fn outputs(&self, most: usize) -> Result<(), Refusal> {
        let mut more = self.node.outputs.iter().skip(most);
        if more.any(|output| !output.is_empty()) {
            return unknown("it has more outputs than are known of it");
        }
        Ok(())
    }

    fn attribute(&self, name: &str) -> Option<&'a Attribute<'a>> {
        self.node.attributes.get(name)
    }

    pub(super) fn whole(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Whole(number)) => Ok(*number),
            Some(_) => unknown(format!("its `{name}` is no whole number")),
        }
    }

    pub(super) fn wholes(&self, name: &str) -> Result<Option<&'a [i64]>, Refusal> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Wholes(numbers)) => Ok(Some(numbers)),
            Some(_) => unknown(format!("its `{name}` are no whole numbers")),
        }
    }

    pub(super) fn text(&self, name: &str, default: &'static str) -> Result<&'a [u8], Refusal> {
        match self.attribute(name) {
            None => Ok(default.as_bytes()),
            Some(Attribute::Text(text)) => Ok(text),
            Some(_) => unknown(format!("its `{name}` is no text")),
        }
    }

    /// Axes that came as an attribute up to some version of ONNX, and come as an input since.
    pub(super) fn axes(&self, name: &str, place: usize) -> Result<Option<Vec<i64>>, Refusal> {
        let axes = match (self.wholes(name)?, self.optional(place)) {
            (Some(axes), _) => axes.to_vec(),
            (None, None) => return Ok(None),
            (None, Some(input)) => match input.known() {
                Some(axes) => axes,
                None => return unknown(format!("its `{name}` are not constant")),
            },
        };
        // Pads are two for an axis; parts of a split may be more than that, and are not looked into.
        if axes.len() > 2 * MOST_DIMS {
            return unknown(format!("its `{name}` are too many"));
        }
        Ok(Some(axes))
    }

    /// The whole numbers of an input that makes a shape.
    pub(super) fn shape(&self, place: usize) -> Result<Vec<Whole>, Refusal> {
        let input = self.input(place)?;
        match input.whole_numbers() {
            Some(wholes) => Ok(wholes),
            None if input.has_rows() => unknown("what its inputs hold decides its dimensions"),
            None => unknown("its dimensions are not known"),
        }
    }

    /// The one input with rows, which must be the first; all others are fixed.
    pub(super) fn rows_first(&self) -> Result<&'a [Dim], Refusal> {
        self.fixed_from(1)?;
        self.dims(0)
    }
}

/// An axis counted from the front.
pub(super) fn resolve(axis: i64, rank: usize) -> Result<usize, Refusal> {
    let from_front = if axis < 0 {
        axis.checked_add(rank as i64)
    } else {
        Some(axis)
    };
    match from_front.and_then(|axis| usize::try_from(axis).ok()) {
        Some(axis) if axis < rank.max(1) => Ok(axis),
        _ => unknown(format!("it has no axis {axis}")),
    }
}

/// An axis that an operator may work along: any of a fixed value, any but the rows' of another.
pub(super) fn inner(axis: i64, dims: &[Dim]) -> Result<usize, Refusal> {
    let axis = resolve(axis, dims.len())?;
    match dims.get(axis) {
        Some(Dim::Rows) => unknown("it works along the first axis"),
        _ => Ok(axis),
    }
}
