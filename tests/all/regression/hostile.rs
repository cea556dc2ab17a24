//! Models that would take the host's memory or time before ONNX Runtime sees them, and what a prepared
//! inference keeps of outputs that nobody counted.

use std::{fmt::Write as _, time::Duration};

use tollgate_nn::{BatchPolicy, Expected, Prepared, Scratch, TensorType, model_size};

use super::{
    batching::load,
    onnx::{Attribute, FLOAT, INT64, Model, list, node, value, varint, whole, wholes},
};

fn prepared(model: &Model) -> Prepared {
    let graph = load(&model.bytes(), BatchPolicy::Off, 1, Duration::ZERO);
    let expected = Expected {
        name: None,
        ty: TensorType::I64,
        dimensions: &[1],
    };
    Prepared::new(&graph, &[expected]).expect("made ready")
}

/// From `x`, i64 [1], to an output of as many elements.
fn filled(outputs: &[Vec<u8>]) -> Model {
    let mut model = Model::new(&[1], &[1]).node("ConstantOfShape", &["x"], &["y"]);
    model.inputs = vec![value("x", INT64, &[1])];
    model.outputs = outputs.to_vec();
    model
}

#[test]
fn an_output_that_is_larger_than_declared_is_not_kept() {
    let mut prepared = prepared(&filled(&[value("y", FLOAT, &[1])]));
    let mut scratch = Scratch::new().expect("a scratch");
    for elements in [20_i64, 1, 30] {
        prepared
            .run(&mut scratch, &[&elements.to_le_bytes()], None)
            .expect("it runs");
        let lengths: Vec<usize> = prepared.take_outputs().map(|y| y.len()).collect();
        assert_eq!(lengths, [4 * elements as usize]);
        if elements > 1 {
            assert_eq!(prepared.take_outputs().count(), 0, "it is not counted");
        }
    }
}

#[test]
fn nothing_is_kept_of_a_run_whose_second_output_is_too_large() {
    let model = filled(&[value("y", FLOAT, &[-1]), value("z", FLOAT, &[-1])])
        .node("Add", &["x", "x"], &["xx"])
        .node("ConstantOfShape", &["xx"], &["z"]);
    let mut prepared = prepared(&model);
    let mut scratch = Scratch::new().expect("a scratch");
    scratch.allow(100);
    let ran = prepared.run(&mut scratch, &[&20_i64.to_le_bytes()], None);
    assert!(ran.is_err(), "80 bytes and 160 of 100");
    assert_eq!(prepared.take_outputs().count(), 0);
    prepared
        .run(&mut scratch, &[&2_i64.to_le_bytes()], None)
        .expect("8 bytes and 16");
    assert_eq!(prepared.take_outputs().count(), 2);
}

/// Lists that are joined with themselves, so that each is twice as long as the last.
#[test]
fn lists_that_double_take_no_memory() {
    let elements: Vec<i64> = (0..64).collect();
    let mut model = Model::new(&[-1, 3], &[-1, 3])
        .node("Relu", &["x"], &["y"])
        .constant(list("c0", &elements));
    for step in 0..40 {
        let (from, to) = (format!("c{step}"), format!("c{}", step + 1));
        model = model.with("Concat", &[&from, &from], &[&to], &[whole("axis", 0)]);
    }
    // That their elements are many is foretold all the same.
    assert!(model_size(&model.bytes()) > 1 << 40);
}

#[test]
fn a_shape_of_a_hundred_thousand_axes_is_not_followed() {
    let axes: Vec<i64> = (0..100_000).collect();
    let model = Model::new(&[-1, 3], &[-1, 3])
        .constant(list("c", &[7]))
        .opset(12)
        .with("Unsqueeze", &["c"], &["wide"], &[wholes("axes", &axes)])
        .node("Relu", &["x"], &["y"]);
    let bytes = model.bytes();
    assert_eq!(model_size(&bytes), bytes.len() as u64);
}

#[test]
fn sizes_beyond_all_bounds_are_no_overflow() {
    let huge = [1, 1, i64::MAX];
    let attributes = |names: [&str; 2]| names.map(|name| wholes(name, &[i64::MAX]));
    let model = Model::new(&[-1, 3], &[-1, 3])
        .constant(list("shape", &huge))
        .node("ConstantOfShape", &["shape"], &["one"])
        .with("Concat", &["one", "one"], &["x2"], &[whole("axis", 2)])
        .node("Relu", &["x"], &["y"]);
    for operator in ["ConvTranspose", "Conv"] {
        for inputs in [["x2", "x2"], ["one", "one"]] {
            let mut model = Model {
                nodes: model.nodes.clone(),
                constants: model.constants.clone(),
                inputs: model.inputs.clone(),
                outputs: model.outputs.clone(),
                ..model
            };
            let attributes: [Attribute; 2] = attributes(["strides", "dilations"]);
            let pads = wholes("pads", &[i64::MIN, i64::MAX]);
            let attributes = [&attributes[..], &[pads]].concat();
            model
                .nodes
                .push(node(operator, &inputs, &["c"], &attributes));
            assert!(model_size(&model.bytes()) > 0);
        }
    }
}

#[test]
fn a_model_with_ten_thousand_outputs_is_refused() {
    crate::support::onnxruntime();
    let mut model = Model::new(&[-1, 3], &[-1, 3]);
    model.outputs.clear();
    for place in 0..10_000 {
        let mut name = String::new();
        write!(name, "y{place}").expect("a text");
        model = model.node("Relu", &["x"], &[&name]);
        model.outputs.push(value(&name, FLOAT, &[-1, 3]));
    }
    let registry = tollgate_nn::GraphRegistry::new();
    let options = tollgate_nn::GraphOptions::default();
    let refused = registry.load_bytes("wide", &model.bytes(), &options);
    let refused = refused.expect_err("too many").to_string();
    crate::support::has(&refused, &["10000", "at most 4096"]);
}

#[test]
fn types_in_one_group_are_counted_each() {
    const TYPES: usize = 600_000;
    let group = [
        &[1, 0x4e][..],
        &varint(TYPES as u64),
        &[0x60, 0, 0].repeat(TYPES),
    ]
    .concat();
    let section = [&[1][..], &varint(group.len() as u64), &group].concat();
    let module = [&b"\0asm\x01\0\0\0"[..], &section].concat();
    let part = [&[1][..], &varint(module.len() as u64), &module].concat();
    let component = [&b"\0asm\x0d\0\x01\0"[..], &part, &part].concat();
    let refused = tollgate_wasm::check_outline(&component);
    let refused = refused.expect_err("1.2 million types").to_string();
    crate::support::has(&refused, &["items in its sections", "1000000"]);
    let one = [&b"\0asm\x0d\0\x01\0"[..], &part].concat();
    tollgate_wasm::check_outline(&one).expect("0.6 million types");
}
