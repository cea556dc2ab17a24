//! Operators that move elements and compute none: rows stay apart where the first axis stays the first
//! and whole. Shapes that are made from other shapes at run time are followed through these.

use super::{
    Refusal,
    call::{Call, Given, inner, one, resolve, unknown},
    value::{Dim, Value, Whole},
};

/// Dimensions that whole numbers stand for.
pub(super) fn dims_of(wholes: &[Whole]) -> Result<Vec<Dim>, Refusal> {
    let dims = wholes.iter().map(|whole| match whole {
        Whole::Rows => Some(Dim::Rows),
        Whole::Open => Some(Dim::Open),
        Whole::Known(number) => u64::try_from(*number).ok().map(Dim::Known),
    });
    let dims: Option<Vec<Dim>> = dims.collect();
    let dims = dims.map_or_else(|| unknown("it has a negative dimension"), Ok)?;
    if dims.iter().skip(1).any(|dim| *dim == Dim::Rows) {
        return unknown("the number of rows makes another axis than the first");
    }
    Ok(dims)
}

/// `Shape`: the dimensions as a list, from `start` to `end`.
pub(super) fn shape(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.dims(0)?;
    let rank = dims.len() as i64;
    let clamp = |place: i64| {
        if place < 0 {
            place.saturating_add(rank)
        } else {
            place
        }
        .clamp(0, rank)
    };
    let start = clamp(call.whole("start", 0)?) as usize;
    let end = clamp(call.whole("end", rank)?) as usize;
    let wholes = dims.get(start..end.max(start)).unwrap_or_default();
    Ok(vec![Value::list(
        wholes.iter().map(|dim| dim.whole()).collect(),
    )])
}

pub(super) fn flatten(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.dims(0)?;
    let axis = match call.whole("axis", 1)? {
        // Behind the last axis is a place as well.
        axis if axis == dims.len() as i64 => dims.len(),
        axis => resolve(axis, dims.len())?,
    };
    let (front, back) = dims.split_at_checked(axis).unwrap_or((dims, &[]));
    if call.has_rows() && front.len() != 1 {
        return unknown("it makes one axis of the first and others");
    }
    one(vec![product(front), product(back)])
}

/// All in one axis; one dimension stays itself.
fn product(dims: &[Dim]) -> Dim {
    match dims {
        [dim] => *dim,
        _ => dims
            .iter()
            .fold(Dim::Known(1), |all, dim| match (all, dim) {
                (Dim::Known(all), Dim::Known(dim)) => {
                    all.checked_mul(*dim).map_or(Dim::Open, Dim::Known)
                }
                _ => Dim::Open,
            }),
    }
}

pub(super) fn reshape(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.dims(0)?;
    let keeps_zero = call.whole("allowzero", 0)? != 0;
    let mut wholes = call.shape(1)?;
    for (place, whole) in wholes.iter_mut().enumerate() {
        if *whole == Whole::Known(0) && !keeps_zero {
            let Some(dim) = dims.get(place) else {
                return unknown("it copies a dimension that is not there");
            };
            *whole = dim.whole();
        }
    }
    let of_row = |dims: &[Dim]| match product(dims) {
        Dim::Known(all) => Some(all),
        _ => None,
    };
    let rest = if call.has_rows() {
        dims.get(1..).unwrap_or_default()
    } else {
        dims
    };
    let elements = match rest {
        [] => Some(1),
        rest => of_row(rest),
    };
    // The one dimension that is whatever is left.
    let left = wholes.iter().position(|whole| *whole == Whole::Known(-1));
    if let Some(left) = left {
        let others = wholes
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != left);
        let others = others.filter(|(_, whole)| **whole != Whole::Rows);
        let mut others = others.map(|(_, whole)| match whole {
            Whole::Known(number) => u64::try_from(*number).ok(),
            _ => None,
        });
        let others = others.try_fold(1u64, |all, one| all.checked_mul(one?));
        let counts = wholes.contains(&Whole::Rows);
        let whole = match (elements, others) {
            // What is left when each row fills the other dimensions is the rows.
            (Some(all), Some(others)) if call.has_rows() && !counts => {
                if left != 0 || all != others || all == 0 {
                    return unknown("it spreads the first axis over others");
                }
                Whole::Rows
            }
            _ if call.has_rows() && !counts => {
                return unknown("it is not known to keep the first axis");
            }
            (Some(all), Some(others @ 1..)) if all % others == 0 => {
                i64::try_from(all / others).map_or(Whole::Open, Whole::Known)
            }
            _ => Whole::Open,
        };
        if let Some(place) = wholes.get_mut(left) {
            *place = whole;
        }
    }
    if call.has_rows() && wholes.first() != Some(&Whole::Rows) {
        return unknown("it does not keep the first axis");
    }
    if !call.has_rows() && wholes.contains(&Whole::Rows) {
        return unknown("it makes rows of what has none");
    }
    let mut value = Value::of(dims_of(&wholes)?);
    if !call.has_rows() {
        value.wholes = call.input(0)?.wholes.clone();
    }
    Ok(vec![value])
}

pub(super) fn transpose(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.dims(0)?;
    let order: Vec<i64> = match call.wholes("perm")? {
        Some(order) => order.to_vec(),
        None => (0..dims.len() as i64).rev().collect(),
    };
    if order.len() != dims.len() {
        return unknown("its `perm` does not fit its input");
    }
    let places = order.iter().map(|axis| resolve(*axis, dims.len()));
    let places: Vec<usize> = places.collect::<Result<_, _>>()?;
    if call.has_rows() && places.first() != Some(&0) {
        return unknown("it moves the first axis elsewhere");
    }
    let mut seen = vec![false; dims.len()];
    for place in &places {
        if seen
            .get_mut(*place)
            .is_none_or(|seen| std::mem::replace(seen, true))
        {
            return unknown("its `perm` names an axis twice");
        }
    }
    one(places
        .iter()
        .filter_map(|place| dims.get(*place).copied())
        .collect())
}

pub(super) fn squeeze(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.dims(0)?;
    // To ONNX Runtime no axes are all that have one element.
    let axes = call.axes("axes", 1)?.filter(|axes| !axes.is_empty());
    let axes = match axes {
        Some(axes) => axes,
        None if call.has_rows() => {
            return unknown("it drops the first axis where there is one row");
        }
        None if dims.contains(&Dim::Open) => return unknown("its axes are not known"),
        None => {
            let ones = dims
                .iter()
                .enumerate()
                .filter(|(_, dim)| **dim == Dim::Known(1));
            ones.map(|(axis, _)| axis as i64).collect()
        }
    };
    let axes = axes.iter().map(|axis| inner(*axis, dims));
    let axes: Vec<usize> = axes.collect::<Result<_, _>>()?;
    let kept = dims
        .iter()
        .enumerate()
        .filter(|(axis, _)| !axes.contains(axis));
    Ok(vec![Value {
        dims: Some(kept.map(|(_, dim)| *dim).collect()),
        ..call.input(0)?.clone()
    }])
}

pub(super) fn unsqueeze(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.dims(0)?;
    let Some(axes) = call.axes("axes", 1)? else {
        return unknown("its axes are not known");
    };
    let rank = dims.len() + axes.len();
    let axes = axes.iter().map(|axis| resolve(*axis, rank));
    let axes: Vec<usize> = axes.collect::<Result<_, _>>()?;
    if call.has_rows() && axes.contains(&0) {
        return unknown("it puts an axis in front of the first");
    }
    let mut left = dims.iter().copied();
    let mut out = Vec::new();
    for axis in 0..rank {
        if axes.contains(&axis) {
            out.push(Dim::Known(1));
        } else {
            match left.next() {
                Some(dim) => out.push(dim),
                None => return unknown("its axes do not fit its input"),
            }
        }
    }
    if left.next().is_some() {
        return unknown("it names an axis twice");
    }
    Ok(vec![Value {
        dims: Some(out),
        ..call.input(0)?.clone()
    }])
}

pub(super) fn concat(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let Some(Ok(axis)) = call
        .node
        .attributes
        .contains_key("axis")
        .then(|| call.whole("axis", 0))
    else {
        return unknown("it has no `axis`");
    };
    let first = call.dims(0)?;
    let axis = inner(axis, first)?;
    let mut out = first.to_vec();
    let mut wholes = Some(Vec::new());
    for place in 0..call.inputs.len() {
        let (value, dims) = (call.input(place)?, call.dims(place)?);
        if dims.len() != first.len() || value.has_rows() != call.has_rows() {
            return unknown("some of its inputs have rows, and some have none");
        }
        if place > 0 {
            let pairs = out.iter_mut().zip(dims).enumerate();
            for (at, (out, dim)) in pairs {
                *out = match (*out, dim) {
                    (Dim::Known(one), Dim::Known(other)) if at == axis => {
                        one.checked_add(*other).map_or(Dim::Open, Dim::Known)
                    }
                    _ if at == axis => Dim::Open,
                    (Dim::Open, dim) => *dim,
                    (out, _) => out,
                };
            }
        }
        let more = if first.len() == 1 {
            value.whole_numbers()
        } else {
            None
        };
        wholes = wholes.zip(more).map(|(mut wholes, more)| {
            wholes.extend(more);
            wholes
        });
    }
    Ok(vec![Value {
        dims: Some(out),
        wholes,
        reals: None,
    }])
}

pub(super) fn pad(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let Some(pads) = call.axes("pads", 1)? else {
        return unknown("its pads are not constant");
    };
    let axes = match call.axes("axes", 3)? {
        Some(axes) => axes,
        None => (0..dims.len() as i64).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return unknown("its pads do not fit its input");
    }
    let (before, after) = pads.split_at_checked(axes.len()).unwrap_or_default();
    let mut out = dims.to_vec();
    for (axis, (before, after)) in axes.iter().zip(before.iter().zip(after)) {
        let axis = resolve(*axis, dims.len())?;
        let Some(dim) = out.get_mut(axis) else {
            continue;
        };
        if *dim == Dim::Rows && (*before, *after) != (0, 0) {
            return unknown("it pads the first axis");
        }
        *dim = dim.map(|size| {
            let size = i128::from(size) + i128::from(*before) + i128::from(*after);
            u64::try_from(size).ok()
        });
    }
    one(out)
}

/// `Expand`: to a shape, as by broadcasting.
pub(super) fn expand(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let shape = dims_of(&call.shape(1)?)?;
    let dims = call.dims(0)?;
    one(super::pointwise::broadcast_dims(&[dims, &shape])?)
}

pub(super) fn tile(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let times = call.shape(1)?;
    if times.len() != dims.len() {
        return unknown("its repeats do not fit its input");
    }
    let mut out = Vec::new();
    for (dim, times) in dims.iter().zip(times) {
        out.push(match (dim, times) {
            (dim, Whole::Known(1)) => *dim,
            (Dim::Rows, _) => return unknown("it repeats the first axis"),
            (Dim::Known(size), Whole::Known(times)) => {
                let times = u64::try_from(times).ok();
                let size = times.and_then(|times| size.checked_mul(times));
                size.map_or(Dim::Open, Dim::Known)
            }
            _ => Dim::Open,
        });
    }
    one(out)
}

/// `ConstantOfShape`: the same element everywhere.
pub(super) fn constant_of_shape(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    one(dims_of(&call.shape(0)?)?)
}

/// `Range` between constants.
pub(super) fn range(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    call.fixed_from(0)?;
    let known = [0, 1, 2].map(|place| call.input(place).ok()?.known()?.first().copied());
    let [Some(start), Some(limit), Some(step @ 1..)] = known else {
        return one(vec![Dim::Open]);
    };
    let count = (i128::from(limit) - i128::from(start) + i128::from(step) - 1) / i128::from(step);
    one(vec![u64::try_from(count).map_or(Dim::Known(0), Dim::Known)])
}

/// `Trilu`: of the last two axes.
pub(super) fn trilu(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    if call.has_rows() && dims.len() < 3 {
        return unknown("it works along the first axis");
    }
    one(dims.to_vec())
}
