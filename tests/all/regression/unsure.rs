//! Graphs that look as if their rows stayed apart, and that ONNX Runtime reads otherwise: not merged.

use super::{
    batching::{giving, one, refused},
    onnx::{Attribute, FLOAT, Model, list, node, reals, text, whole, wholes},
};

#[test]
fn a_constant_with_several_values_is_not_read() {
    // ONNX Runtime takes the first in the file, which is the axis of the rows.
    let model = Model::new(&[-1, 3], &[-1, 3])
        .opset(18)
        .with(
            "Constant",
            &[],
            &["axes"],
            &[wholes("value_ints", &[0]), whole("value_int", 1)],
        )
        .node("ReduceMax", &["x", "axes"], &["most"])
        .node("Add", &["x", "most"], &["y"]);
    refused(&model, &["Constant", "several values"]);
}

#[test]
fn no_axes_to_squeeze_are_all_of_one_element() {
    let attribute = one("Squeeze", &[wholes("axes", &[])]).opset(11);
    refused(&giving(FLOAT, attribute), &["Squeeze"]);
    let input = Model::new(&[-1, 3], &[-1, 3])
        .constant(list("none", &[]))
        .node("Squeeze", &["x", "none"], &["y"]);
    refused(&giving(FLOAT, input), &["Squeeze"]);
}

#[test]
fn what_works_along_the_rows_with_a_weight_of_zero_is_refused() {
    for mode in ["linear", "cubic"] {
        let model = one("Resize", &[text("mode", mode)]);
        let mut model = giving(FLOAT, model).constant(reals("scales", &[2], &[1.0, 2.0]));
        model.nodes = vec![node(
            "Resize",
            &["x", "", "scales"],
            &["y"],
            &[text("mode", mode)],
        )];
        refused(&model, &["Resize", "first axis"]);
    }
}

/// Dimensions that are foretold otherwise than ONNX Runtime has them, read by a node behind them.
#[test]
fn dimensions_that_are_not_sure_prove_nothing() {
    let pool = |size: i64, attributes: &[Attribute]| {
        Model::new(&[-1, 1, size], &[-1, 2])
            .with("MaxPool", &["x"], &["p"], attributes)
            .constant(list("shape", &[-1, 2]))
            .node("Reshape", &["p", "shape"], &["y"])
    };
    let valid = [
        wholes("kernel_shape", &[1]),
        wholes("strides", &[3]),
        whole("ceil_mode", 1),
        text("auto_pad", "VALID"),
    ];
    refused(&pool(2, &valid), &["Reshape"]);
    let same = [
        wholes("kernel_shape", &[3]),
        wholes("strides", &[3]),
        wholes("dilations", &[2]),
        text("auto_pad", "SAME_UPPER"),
    ];
    refused(&pool(6, &same), &["Reshape"]);
    let resized = Model::new(&[-1, 1, 1, 25], &[-1, 1])
        .constant(reals("scales", &[4], &[1.0, 1.0, 1.0, 0.08]))
        .node("Resize", &["x", "", "scales"], &["r"])
        .constant(list("shape", &[-1, 1]))
        .node("Reshape", &["r", "shape"], &["y"]);
    refused(&resized, &["Reshape"]);
}
