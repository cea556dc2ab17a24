//! Operators that take some places of an axis: rows stay apart where that is any axis but the first.

use super::{
    Refusal,
    call::{Call, Given, inner, one, resolve, unknown},
    value::{Dim, Value},
};

pub(super) fn split(call: &Call<'_>) -> Given {
    let dims = call.dims(0)?;
    let axis = inner(call.whole("axis", 0)?, dims)?;
    call.fixed_from(1)?;
    let count = call.node.outputs.len() as u64;
    let sizes = call.axes("split", 1)?;
    let parts = u64::try_from(call.whole("num_outputs", 0)?).unwrap_or(0);
    let parts = if parts == 0 { count } else { parts };
    let all = dims.get(axis).copied().unwrap_or(Dim::Open);
    let outputs = (0..count).map(|output| {
        let size = match &sizes {
            Some(sizes) => {
                let size = sizes.get(output as usize).copied().unwrap_or(-1);
                u64::try_from(size).map_or(Dim::Open, Dim::Known)
            }
            None => all.map(|all| (all % parts == 0).then(|| all / parts)),
        };
        let mut out = dims.to_vec();
        if let Some(dim) = out.get_mut(axis) {
            *dim = size;
        }
        Value::of(out)
    });
    Ok(outputs.collect())
}

/// Where one axis is cut: begin, end and step.
type Cut = (i64, i64, i64);

fn cuts(call: &Call<'_>) -> Result<Vec<(i64, Cut)>, Refusal> {
    let needed = |numbers: Option<Vec<i64>>| {
        numbers.map_or_else(|| unknown("where it cuts is not constant"), Ok)
    };
    let starts = needed(call.axes("starts", 1)?)?;
    let ends = needed(call.axes("ends", 2)?)?;
    let axes = call.axes("axes", 3)?;
    let steps = call
        .axes("steps", 4)?
        .unwrap_or_else(|| vec![1; starts.len()]);
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return unknown("where it cuts does not fit together");
    }
    let cuts = starts.into_iter().zip(ends).zip(steps);
    let cuts = cuts.map(|((start, end), step)| (start, end, step));
    Ok(axes.into_iter().zip(cuts).collect())
}

/// The places of an axis of a known size that a cut takes.
fn places((start, end, step): Cut, size: u64) -> Option<Vec<usize>> {
    let size = i64::try_from(size).ok()?;
    if step != 1 {
        return None;
    }
    let clamp = |place: i64| {
        if place < 0 {
            place.saturating_add(size)
        } else {
            place
        }
        .clamp(0, size)
    };
    Some((clamp(start) as usize..clamp(end) as usize).collect())
}

pub(super) fn slice(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let (value, dims) = (call.input(0)?, call.dims(0)?);
    let cuts = cuts(call)?;
    if let ([_], Some(wholes), [(0 | -1, cut)]) = (dims, &value.wholes, &cuts[..]) {
        let Some(places) = places(*cut, wholes.len() as u64) else {
            return unknown("it takes dimensions by steps");
        };
        let taken = places
            .iter()
            .filter_map(|place| wholes.get(*place).copied());
        return Ok(vec![Value::list(taken.collect())]);
    }
    let mut out = dims.to_vec();
    for (axis, cut) in cuts {
        let axis = resolve(axis, dims.len())?;
        let whole = matches!(cut, (0, end, 1) if end >= i64::from(i32::MAX));
        let Some(dim) = out.get_mut(axis) else {
            continue;
        };
        if whole {
            continue;
        }
        if *dim == Dim::Rows {
            return unknown("it cuts the first axis");
        }
        // The number alone: an axis may be long.
        let (start, end, step) = cut;
        *dim = dim.map(|size| {
            let size = i64::try_from(size).ok().filter(|_| step == 1)?;
            let clamp = |place: i64| {
                if place < 0 {
                    place.saturating_add(size)
                } else {
                    place
                }
                .clamp(0, size)
            };
            u64::try_from(clamp(end) - clamp(start)).ok().or(Some(0))
        });
    }
    one(out)
}

pub(super) fn gather(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let (dims, places) = (call.dims(0)?, call.dims(1)?);
    let axis = resolve(call.whole("axis", 0)?, dims.len())?;
    if let (Some(wholes), [_]) = (&data.wholes, dims) {
        let picked = indices.known().and_then(|picked| {
            let picked = picked.iter().map(|place| {
                let place = resolve(*place, wholes.len()).ok()?;
                wholes.get(place).copied()
            });
            picked.collect::<Option<Vec<_>>>()
        });
        if let Some(picked) = picked {
            return Ok(vec![Value {
                dims: Some(places.to_vec()),
                wholes: Some(picked),
                reals: None,
            }]);
        }
        if data.counts_rows() {
            return unknown("which dimension it takes is not constant");
        }
    }
    match (data.has_rows(), indices.has_rows()) {
        (true, true) => return unknown("it takes rows by their numbers"),
        (true, false) if axis == 0 => return unknown("it takes places of the first axis"),
        (false, true) if axis != 0 => return unknown("it moves the first axis elsewhere"),
        _ => {}
    }
    let (front, back) = dims.split_at_checked(axis).unwrap_or((dims, &[]));
    let back = back.get(1..).unwrap_or_default();
    one([front, places, back].concat())
}

/// `GatherElements`: each row of places belongs to the same row of the data.
pub(super) fn gather_elements(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let (data, places) = (call.dims(0)?, call.dims(1)?);
    inner(call.whole("axis", 0)?, data)?;
    if data.len() != places.len() || data.first() != places.first() && call.has_rows() {
        return unknown("its places are not of the rows of its data");
    }
    one(places.to_vec())
}

pub(super) fn one_hot(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let depth = call.input(1)?.known();
    let depth = depth.and_then(|depth| u64::try_from(*depth.first()?).ok());
    let axis = resolve(call.whole("axis", -1)?, dims.len() + 1)?;
    if call.has_rows() && axis == 0 {
        return unknown("it puts an axis in front of the first");
    }
    let mut out = dims.to_vec();
    out.insert(axis.min(out.len()), depth.map_or(Dim::Open, Dim::Known));
    one(out)
}
