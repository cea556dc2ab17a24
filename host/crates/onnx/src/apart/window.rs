//! Convolutions and pools: windows over the axes behind the first two. Each picture stays by itself.

use super::{
    Refusal,
    call::{Call, Given, one, unknown},
    matrix::weights,
    value::{Dim, Value, Whole},
};

/// `Conv`, `ConvInteger`, `QLinearConv`: the input, and where its weights stand.
pub(super) fn conv(call: &Call<'_>, weight: usize) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    if weight != 1 {
        // The input's scale and zero point.
        for place in [1, 2] {
            if !call.input(place)?.is_single() {
                return unknown("its scales are no single numbers");
            }
        }
    }
    let [rows, _, spatial @ ..] = dims else {
        return unknown("its input is no picture");
    };
    let kernel = weights(call.input(weight)?, dims.len())?;
    let [channels, _, kernel @ ..] = kernel else {
        return unknown("its weights do not fit its input");
    };
    let mut out = vec![*rows, *channels];
    out.extend(windows(call, spatial, kernel, false)?);
    one(out)
}

/// `ConvTranspose`, whose output is as large as one of these windows over it asks for.
pub(super) fn conv_transpose(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    let [rows, _, spatial @ ..] = dims else {
        return unknown("its input is no picture");
    };
    let weight = weights(call.input(1)?, dims.len())?;
    let [_, channels, kernel @ ..] = weight else {
        return unknown("its weights do not fit its input");
    };
    let group = u64::try_from(call.whole("group", 1)?).unwrap_or(0);
    let mut out = vec![*rows, channels.map(|channels| channels.checked_mul(group))];
    let settled = call.wholes("output_shape")?.is_none()
        && matches!(call.text("auto_pad", "NOTSET")?, b"NOTSET" | b"VALID");
    for (axis, (size, kernel)) in spatial.iter().zip(kernel).enumerate() {
        let (Dim::Known(size), Dim::Known(kernel), true) = (size, kernel, settled) else {
            out.push(Dim::Open);
            continue;
        };
        let stride = at(call, "strides", axis, 1)?;
        let dilation = at(call, "dilations", axis, 1)?;
        let pads = at(call, "pads", axis, 0)? + at(call, "pads", axis + spatial.len(), 0)?;
        let more = at(call, "output_padding", axis, 0)?;
        let (size, kernel) = (i128::from(*size), i128::from(*kernel));
        let size = stride * (size - 1) + more + (kernel - 1) * dilation + 1 - pads;
        out.push(u64::try_from(size).map_or(Dim::Open, Dim::Known));
    }
    one(out)
}

/// `MaxPool` and its like. A second output, places within all pictures at once, is not known.
pub(super) fn pool(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let [rows, channels, spatial @ ..] = call.rows_first()? else {
        return unknown("its input is no picture");
    };
    let Some(kernel) = call.wholes("kernel_shape")? else {
        return unknown("it has no `kernel_shape`");
    };
    let kernel = kernel.iter().map(|&size| u64::try_from(size));
    let kernel: Vec<Dim> = kernel
        .map(|size| size.map_or(Dim::Open, Dim::Known))
        .collect();
    let ceil = call.whole("ceil_mode", 0)? != 0;
    let mut out = vec![*rows, *channels];
    out.extend(windows(call, spatial, &kernel, ceil)?);
    one(out)
}

/// A pool over all of each channel.
pub(super) fn global_pool(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let [rows, channels, spatial @ ..] = call.rows_first()? else {
        return unknown("its input is no picture");
    };
    let mut out = vec![*rows, *channels];
    out.extend(spatial.iter().map(|_| Dim::Known(1)));
    one(out)
}

/// How many windows fit along each axis.
fn windows(
    call: &Call<'_>,
    spatial: &[Dim],
    kernel: &[Dim],
    ceil: bool,
) -> Result<Vec<Dim>, Refusal> {
    if spatial.is_empty() || spatial.len() != kernel.len() {
        return unknown("its windows do not fit its input");
    }
    let same = match call.text("auto_pad", "NOTSET")? {
        b"NOTSET" | b"" => None,
        b"VALID" => Some(false),
        b"SAME_UPPER" | b"SAME_LOWER" => Some(true),
        _ => return unknown("its `auto_pad` is not known"),
    };
    let mut out = Vec::new();
    for (axis, (size, kernel)) in spatial.iter().zip(kernel).enumerate() {
        let stride = at(call, "strides", axis, 1)?;
        let (Dim::Known(size), Dim::Known(kernel)) = (size, kernel) else {
            out.push(Dim::Open);
            continue;
        };
        let dilation = at(call, "dilations", axis, 1)?;
        let pads = match same {
            None => at(call, "pads", axis, 0)? + at(call, "pads", axis + spatial.len(), 0)?,
            Some(_) => 0,
        };
        if stride < 1 || dilation < 1 {
            return unknown("its strides are not known");
        }
        let (size, kernel) = (i128::from(*size), i128::from(*kernel));
        let room = size + pads - (dilation * (kernel - 1) + 1);
        let count = match (same, ceil) {
            (Some(true), _) => (size + stride - 1) / stride,
            (_, true) => (room + stride - 1) / stride + 1,
            (_, false) => room / stride + 1,
        };
        // A window more than fits may be left out where it would begin in the padding.
        let sure = match same {
            // Pools count the windows between by a rule of their own where they are dilated.
            Some(true) => dilation == 1,
            Some(false) | None => !ceil || room % stride == 0,
        };
        let count = u64::try_from(count).ok().filter(|_| room >= 0 && sure);
        out.push(count.map_or(Dim::Open, Dim::Known));
    }
    Ok(out)
}

fn at(call: &Call<'_>, name: &str, place: usize, default: i64) -> Result<i128, Refusal> {
    let numbers = call.wholes(name)?;
    let number = numbers.and_then(|numbers| numbers.get(place).copied());
    // So that sums and products with any dimension fit.
    match i32::try_from(number.unwrap_or(default)) {
        Ok(number) => Ok(i128::from(number)),
        Err(_) => unknown(format!("its `{name}` are out of range")),
    }
}

/// `DepthToSpace` and `SpaceToDepth`.
pub(super) fn depth(call: &Call<'_>, to_space: bool) -> Given {
    call.outputs(1)?;
    let &[rows, channels, height, width] = call.rows_first()? else {
        return unknown("its input is no picture");
    };
    let Ok(block @ 1..) = u64::try_from(call.whole("blocksize", 0)?) else {
        return unknown("its `blocksize` is not known");
    };
    let times = |dim: Dim, by: u64| dim.map(|size| size.checked_mul(by));
    let over = |dim: Dim, by: u64| dim.map(|size| size.checked_div(by));
    let area = block.saturating_mul(block);
    one(if to_space {
        vec![
            rows,
            over(channels, area),
            times(height, block),
            times(width, block),
        ]
    } else {
        vec![
            rows,
            times(channels, area),
            over(height, block),
            over(width, block),
        ]
    })
}

/// `Resize` and `Upsample`: the first axis keeps its size.
pub(super) fn resize(call: &Call<'_>) -> Given {
    call.outputs(1)?;
    let dims = call.rows_first()?;
    if call.wholes("axes")?.is_some()
        || call.text("keep_aspect_ratio_policy", "stretch")? != b"stretch"
    {
        return unknown("it resizes some axes by rules that are not looked into");
    }
    // It crops every axis by a region, the first one too.
    if call.text("coordinate_transformation_mode", "half_pixel")? == b"tf_crop_and_resize" {
        return unknown("it crops");
    }
    // Below four dimensions ONNX Runtime works along the first axis as well: what it takes of other rows has the
    // weight 0, and is no number where they are not finite.
    if call.has_rows() && dims.len() < 4 && call.text("mode", "nearest")? != b"nearest" {
        return unknown("it works along the first axis");
    }
    let (scales, sizes) = match (call.node.operator, call.opset) {
        ("Upsample", ..9) => return unknown("its scales are an attribute"),
        ("Upsample", _) | (_, ..11) => (call.optional(1), None),
        _ => (call.optional(2), call.optional(3)),
    };
    let sizes = sizes.filter(|sizes: &&Value| sizes.elements() != Some(0));
    if let Some(sizes) = sizes {
        let sizes = sizes.whole_numbers().unwrap_or_default();
        let first = dims.first().map(|dim| dim.whole());
        let kept =
            sizes.first().copied() == first || !call.has_rows() && !sizes.contains(&Whole::Rows);
        if sizes.len() != dims.len() || !kept {
            return unknown("its sizes are not known to keep the first axis");
        }
        return one(super::layout::dims_of(&sizes)?);
    }
    let scales = scales.and_then(|scales| scales.reals.as_ref());
    let Some(scales) = scales.filter(|scales| scales.len() == dims.len()) else {
        return unknown("its scales are not constant");
    };
    if call.has_rows() && scales.first() != Some(&1.0) {
        return unknown("it resizes the first axis");
    }
    let scaled = dims.iter().zip(scales).map(|(dim, scale)| {
        // Sizes far below 2^52, and a scale that makes nonsense of them is nothing that is known.
        dim.map(|size| {
            // ONNX Runtime rounds the product to single precision first.
            let exact = (size as f64 * f64::from(*scale)).floor();
            let rounded = f64::from((size as f32 * *scale).floor());
            ((0.0..1e12).contains(&exact) && exact == rounded).then_some(exact as u64)
        })
    });
    one(scaled.collect())
}
