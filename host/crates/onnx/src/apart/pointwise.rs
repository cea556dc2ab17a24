//! Operators that make each element of their output from the elements at the same place of their
//! inputs, or along axes other than the first.

use super::{
    Refusal,
    call::{Call, Given, inner, one, unknown},
    value::{Dim, Value, Whole},
};

/// One input, and one output of its dimensions.
pub(super) fn unary(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    one(call.rows_first()?.to_vec())
}

/// `Identity`.
pub(super) fn same(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    Ok(vec![call.input(0)?.clone()])
}

/// `Cast`: whole numbers that make shapes stay what they are in whole numbers of 32 and 64 bits.
pub(super) fn cast(call: &Call<'_>) -> Given {
    const INT32: i64 = 6;
    const INT64: i64 = 7;
    call.outputs(1)?;
    let value = call.input(0)?;
    let fits = |whole: &Whole| match whole {
        Whole::Known(number) => i32::try_from(*number).is_ok(),
        // Both are dimensions, which have 32 bits here.
        Whole::Rows | Whole::Open => true,
    };
    let kept = match call.whole("to", 0)? {
        INT64 => true,
        INT32 => value.wholes.iter().flatten().all(fits),
        _ => false,
    };
    Ok(vec![Value {
        wholes: value.wholes.clone().filter(|_| kept),
        reals: None,
        ..value.clone()
    }])
}

/// Inputs that are broadcast to each other.
pub(super) fn broadcast(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let inputs: Vec<&Value> = call.inputs.iter().flatten().copied().collect();
    one(together(&inputs)?)
}

/// The dimensions of values that are broadcast to each other. The rows stay apart where every value
/// with rows has the full rank, and every other value of that rank has one row for all.
pub(super) fn together(values: &[&Value]) -> Result<Vec<Dim>, Refusal> {
    let mut all = Vec::new();
    for value in values {
        match &value.dims {
            Some(dims) => all.push(&dims[..]),
            None => return unknown("the rank of an input of it is not known"),
        }
    }
    broadcast_dims(&all)
}

pub(super) fn broadcast_dims(all: &[&[Dim]]) -> Result<Vec<Dim>, Refusal> {
    let rank = all.iter().map(|dims| dims.len()).max().unwrap_or(0);
    let mut out = vec![Dim::Known(1); rank];
    for dims in all {
        if dims.first() == Some(&Dim::Rows) && dims.len() < rank {
            return unknown("it lays the first axis of one input along another axis of the other");
        }
        let skip = rank - dims.len();
        for (out, dim) in out.iter_mut().skip(skip).zip(dims.iter()) {
            *out = match out.with(*dim) {
                Some(dim) => dim,
                None if *out == Dim::Rows || *dim == Dim::Rows => {
                    return unknown("it has a constant for each row");
                }
                None => return unknown("its inputs do not fit together"),
            };
        }
    }
    Ok(out)
}

/// `Clip`: the bounds are single numbers.
pub(super) fn clip(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    if call
        .inputs
        .iter()
        .skip(1)
        .flatten()
        .all(|bound| bound.is_single())
    {
        return one(dims.to_vec());
    }
    unknown("its bounds are no single numbers")
}

/// `Dropout`, which does nothing in an inference.
pub(super) fn dropout(call: &Call<'_>) -> Given {
    call.outputs(2)?;
    let dims = call.rows_first()?;
    if call.optional(2).is_some() {
        return unknown("it may be in training mode");
    }
    Ok(vec![
        Value::of(dims.to_vec());
        call.node.outputs.len().max(1)
    ])
}

/// `Softmax` and its like. Up to version 12 the axis and all behind it are one, by default from the
/// second on.
pub(super) fn softmax(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let default = if call.opset < 13 { 1 } else { -1 };
    along(call, default)
}

/// An operator along one axis, which gives the dimensions of its input.
pub(super) fn along(call: &Call<'_>, default: i64) -> Given {
    let dims = call.rows_first()?;
    inner(call.whole("axis", default)?, dims)?;
    one(dims.to_vec())
}

/// `LayerNormalization` and `RMSNormalization`: over an axis and all behind it. Scale and bias are
/// broadcast to the input.
pub(super) fn layer_norm(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    inner(call.whole("axis", -1)?, dims)?;
    let inputs: Vec<&Value> = call.inputs.iter().flatten().copied().collect();
    let out = together(&inputs)?;
    if out.len() != dims.len() {
        return unknown("its scale has more dimensions than its input");
    }
    one(dims.to_vec())
}

/// Normalisations of channels with constants of each channel, by picture or by constant statistics.
pub(super) fn channel_norm(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    if call.whole("training_mode", 0)? != 0 {
        return unknown("it is in training mode");
    }
    if dims.len() < 2 {
        return unknown("its input has no channels");
    }
    one(dims.to_vec())
}

/// `MeanVarianceNormalization`: by default over pictures as well.
pub(super) fn mean_variance(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let axes = call.wholes("axes")?.unwrap_or(&[0, 2, 3]);
    for &axis in axes {
        inner(axis, dims)?;
    }
    if axes.is_empty() && call.has_rows() {
        return unknown("it takes the mean of everything");
    }
    one(dims.to_vec())
}

/// `QuantizeLinear` and `DequantizeLinear`: by one scale, or by one for each place of an axis.
pub(super) fn quantize(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let scale = call.input(1)?;
    if !scale.is_single() && call.has_rows() {
        if call.dims(1)?.len() != 1 || call.whole("block_size", 0)? != 0 {
            return unknown("its scales are of blocks");
        }
        inner(call.whole("axis", 1)?, dims)?;
    }
    one(dims.to_vec())
}

/// `QLinearAdd` and `QLinearMul`: two tensors, each with a scale and a zero point.
pub(super) fn qlinear_pair(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let scales = [1, 2, 4, 5, 6, 7].map(|place| call.optional(place));
    if !scales.iter().flatten().all(|scale| scale.is_single()) {
        return unknown("its scales are no single numbers");
    }
    one(together(&[call.input(0)?, call.input(3)?])?)
}
