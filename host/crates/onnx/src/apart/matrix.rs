//! Products of matrices. Rows stay apart where they are rows of the left matrix, or where each row has
//! a matrix of its own.

use super::{
    Refusal,
    call::{Call, Given, one, unknown},
    pointwise::broadcast_dims,
    value::{Dim, Value},
};

pub(super) fn matmul(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    one(product(call.dims(0)?, call.dims(1)?)?)
}

/// `MatMulInteger`: with zero points, of which a left one may be one for each row of a matrix.
pub(super) fn matmul_integer(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    call.fixed_from(2)?;
    if call.optional(2).is_some_and(|zero| !zero.is_single()) {
        return unknown("its left zero point is no single number");
    }
    one(product(call.dims(0)?, call.dims(1)?)?)
}

/// `QLinearMatMul`: a, its scale, its zero point, b, its scale, its zero point, the output's.
pub(super) fn qlinear_matmul(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    for place in [1, 2, 6, 7] {
        if !call.input(place)?.is_single() {
            return unknown("its scales are no single numbers");
        }
    }
    if call.input(4)?.has_rows() || call.input(5)?.has_rows() {
        return unknown("its scales have rows");
    }
    one(product(call.dims(0)?, call.dims(3)?)?)
}

/// `Gemm`: rows of the left matrix, a constant right one, and a constant that is the same for each row.
pub(super) fn gemm(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let (a, b) = (call.dims(0)?, call.dims(1)?);
    let (&[m, k], &[first, second]) = (a, b) else {
        return unknown("its inputs are no matrices");
    };
    if call.input(1)?.has_rows() {
        return unknown("its right matrix has rows");
    }
    let m = match (call.whole("transA", 0)?, m) {
        (0, m) => m,
        (_, Dim::Rows) => return unknown("its left matrix is transposed"),
        _ => k,
    };
    let n = if call.whole("transB", 0)? == 0 {
        second
    } else {
        first
    };
    if call.optional(2).is_none() {
        return one(vec![m, n]);
    }
    let out = broadcast_dims(&[&[m, n], call.dims(2)?])?;
    if out.len() != 2 || out.first() != Some(&m) {
        return unknown("its constant has more rows than its input");
    }
    one(vec![m, n])
}

/// What a product of two has for dimensions, as `MatMul` says it.
fn product(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, Refusal> {
    let has_rows = |dims: &[Dim]| dims.first() == Some(&Dim::Rows);
    let (a_rows, b_rows) = (has_rows(a), has_rows(b));
    // The first axis of the left one is summed over if it is a vector; that of the right one if it is
    // a vector or a matrix.
    if a_rows && a.len() < 2 || b_rows && b.len() < 3 {
        return unknown("it sums over the first axis");
    }
    if a_rows && a.len() == 2 && b.len() > 2 {
        return unknown("it multiplies all rows with each of many matrices");
    }
    let (Some((batch_a, m)), Some((batch_b, n))) = (split(a, true), split(b, false)) else {
        return unknown("its inputs have no dimensions");
    };
    let mut out = broadcast_dims(&[batch_a, batch_b])?;
    out.extend(m);
    out.extend(n);
    Ok(out)
}

/// The dimensions of a factor that stay: those in front of the matrix, and one of the matrix's.
fn split(dims: &[Dim], left: bool) -> Option<(&[Dim], Option<Dim>)> {
    match dims {
        [] => None,
        [_] => Some((&[], None)),
        [batch @ .., m, n] => Some((batch, Some(if left { *m } else { *n }))),
    }
}

/// Whether a value can be the weights of a convolution with an input of this rank.
pub(super) fn weights(value: &Value, rank: usize) -> Result<&[Dim], Refusal> {
    match &value.dims {
        Some(dims) if dims.len() == rank && !value.has_rows() => Ok(dims),
        _ => unknown("its weights do not fit its input"),
    }
}
