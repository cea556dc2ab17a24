//! Operators that make one element, or some, of all along an axis: any axis but the first.

use super::{
    call::{Call, Given, inner, one, unknown},
    value::{Dim, Value},
};

/// `ReduceSum` and its like.
pub(super) fn reduce(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let axes = call.axes("axes", 1)?.unwrap_or_default();
    if axes.is_empty() {
        if call.whole("noop_with_empty_axes", 0)? != 0 {
            return one(dims.to_vec());
        }
        if call.has_rows() {
            return unknown("it takes all elements together");
        }
    }
    let along = axes.iter().map(|axis| inner(*axis, dims));
    let mut along: Vec<usize> = along.collect::<Result<_, _>>()?;
    if along.is_empty() {
        along = (0..dims.len()).collect();
    }
    one(reduced(dims, &along, call.whole("keepdims", 1)? != 0))
}

/// `ArgMax` and `ArgMin`, by default along the first axis.
pub(super) fn arg(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let axis = inner(call.whole("axis", 0)?, dims)?;
    one(reduced(dims, &[axis], call.whole("keepdims", 1)? != 0))
}

fn reduced(dims: &[Dim], along: &[usize], keep: bool) -> Vec<Dim> {
    let kept =
        dims.iter()
            .enumerate()
            .filter_map(|(axis, dim)| match (along.contains(&axis), keep) {
                (false, _) => Some(*dim),
                (true, true) => Some(Dim::Known(1)),
                (true, false) => None,
            });
    kept.collect()
}

/// `TopK`, by default along the last axis.
pub(super) fn top_k(call: &Call<'_>) -> Given {
    call.outputs(2)?;
    let dims = call.rows_first()?;
    let axis = inner(call.whole("axis", -1)?, dims)?;
    let most = match call.optional(1) {
        Some(most) => most.known().and_then(|most| most.first().copied()),
        None => Some(call.whole("k", -1)?),
    };
    let Some(Ok(most)) = most.map(u64::try_from) else {
        return unknown("how many it takes is not constant");
    };
    let mut out = dims.to_vec();
    if let Some(dim) = out.get_mut(axis) {
        *dim = Dim::Known(most);
    }
    Ok(vec![Value::of(out); 2])
}

/// `CumSum`: the axis is an input.
pub(super) fn cum_sum(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    match call.input(1)?.known().as_deref() {
        Some(&[axis]) => inner(axis, dims)?,
        _ => return unknown("its axis is not constant"),
    };
    one(dims.to_vec())
}
