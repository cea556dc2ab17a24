//! Which graphs are merged, and that merging never changes what an inference gives.

use std::{sync::Arc, time::Duration};

use tollgate_nn::{BatchOptions, BatchPolicy, Graph, GraphOptions, GraphRegistry};

use super::onnx::{
    FLOAT, INT32, INT64, Model, UINT8, graph, list, node_of, reals, scalar, text, unranked, value,
    whole, wholes,
};
use crate::support::{self, case, has};

pub fn load(bytes: &[u8], policy: BatchPolicy, max: u32, delay: Duration) -> Arc<Graph> {
    support::onnxruntime();
    let options = GraphOptions {
        batch: BatchOptions {
            policy,
            max: max.try_into().expect("rows"),
            delay,
        },
        ..GraphOptions::default()
    };
    let loaded = GraphRegistry::new().load_bytes("g", bytes, &options);
    loaded.expect("a model that loads")
}

fn auto(model: &Model) -> Arc<Graph> {
    load(&model.bytes(), BatchPolicy::Auto, 8, Duration::ZERO)
}

/// A model by which rows depend on each other, or may: it is not merged, and says where that is.
#[track_caller]
pub fn refused(model: &Model, words: &[&str]) {
    let graph = auto(model);
    let batching = graph.batching();
    let off = batching.off.as_deref().unwrap_or("nothing");
    assert!(!batching.proven, "{words:?}: {off}");
    assert_eq!(batching.max, 1, "{words:?}");
    // Where ONNX Runtime infers dimensions that cannot be rows, that is said first.
    if off.contains("stay apart") {
        has(off, words);
    } else {
        has(off, &["dimension", "first"]);
    }
}

#[track_caller]
fn proven(what: &str, model: &Model) {
    let graph = auto(model);
    assert!(
        graph.batching().proven,
        "{what}: {:?}",
        graph.batching().off
    );
}

/// The first operator, from `x` f32 [n,3] to `y`.
pub fn one(operator: &str, attributes: &[super::onnx::Attribute]) -> Model {
    Model::new(&[-1, 3], &[-1, 3]).with(operator, &["x"], &["y"], attributes)
}

/// The same model, whose output has elements of this type and whatever dimensions.
pub fn giving(ty: i64, mut model: Model) -> Model {
    model.outputs = vec![unranked("y", ty)];
    model
}

#[test]
fn batch_mixes() {
    let weights: Vec<f32> = (0..784 * 10)
        .map(|place| (place % 17) as f32 / 17.0)
        .collect();
    let mut model = Model::new(&[], &[-1, 10])
        .with("Cast", &["x"], &["f"], &[whole("to", FLOAT)])
        .with("ReduceMax", &["f"], &["most"], &[whole("keepdims", 1)])
        .node("Div", &["f", "most"], &["scaled"])
        .with("Flatten", &["scaled"], &["flat"], &[whole("axis", 1)])
        .node("MatMul", &["flat", "w"], &["y"])
        .constant(reals("w", &[784, 10], &weights));
    model.inputs = vec![value("x", UINT8, &[-1, 1, 28, 28])];
    refused(&model, &["ReduceMax", "most"]);
}

#[test]
fn every_operator_that_mixes_rows_is_refused() {
    let closed = |operator: &str, attributes: &[_]| {
        let ty = match operator {
            "ArgMax" | "NonZero" | "Shape" | "Size" => INT64,
            "Multinomial" => INT32,
            _ => FLOAT,
        };
        refused(&giving(ty, one(operator, attributes)), &[operator]);
    };
    closed("Softmax", &[whole("axis", 0)]);
    closed("Softmax", &[whole("axis", -2)]);
    closed("LogSoftmax", &[whole("axis", 0)]);
    closed("ReduceSum", &[whole("keepdims", 1)]);
    closed("ReduceMean", &[wholes("axes", &[0])]);
    closed("ReduceMax", &[wholes("axes", &[1, -2])]);
    closed("ReduceL2", &[]);
    closed("ArgMax", &[whole("axis", 0)]);
    closed("Transpose", &[]);
    closed("LpNormalization", &[whole("axis", 0)]);
    closed("Squeeze", &[]);
    closed("RandomNormalLike", &[]);
    closed("Multinomial", &[]);
    closed("Bernoulli", &[]);
    closed("NonZero", &[]);
    closed("Size", &[]);
    closed("Shape", &[]);
    closed("Einsum", &[text("equation", "ij->ij")]);
    closed("Hardmax", &[whole("axis", 0)]);
    closed("Flatten", &[whole("axis", 0)]);
    closed("Flatten", &[whole("axis", 2)]);
    closed("Concat", &[whole("axis", 0)]);

    let with = |operator: &str, inputs: &[&str], attributes: &[_], constants: &[Vec<u8>]| {
        let (ty, gives) = match operator {
            "QuantizeLinear" => (UINT8, &["y"][..]),
            "TopK" => (FLOAT, &["y", "places"][..]),
            _ => (FLOAT, &["y"][..]),
        };
        let mut model = Model::new(&[-1, 3], &[]).with(operator, inputs, gives, attributes);
        model.constants.extend_from_slice(constants);
        refused(&giving(ty, model), &[operator]);
    };
    let ones = |dimensions: &[i64]| {
        let count = dimensions.iter().product::<i64>() as usize;
        reals("c", dimensions, &vec![1.0; count])
    };
    // A constant for each row, and one whose own axes are in front of the rows'.
    with("Add", &["x", "c"], &[], &[ones(&[2, 3])]);
    with("Add", &["c", "x"], &[], &[ones(&[1, 1, 3])]);
    with("PRelu", &["x", "c"], &[], &[ones(&[2, 3])]);
    with("MatMul", &["c", "x"], &[], &[ones(&[2, 2])]);
    with("MatMul", &["c", "x"], &[], &[ones(&[2])]);
    with("MatMul", &["x", "c"], &[], &[ones(&[2, 3, 3])]);
    with("Gemm", &["x", "c"], &[whole("transA", 1)], &[ones(&[2, 3])]);
    with("Gemm", &["c", "x"], &[], &[ones(&[2, 2])]);
    with("Gemm", &["x", "x"], &[whole("transB", 1)], &[]);
    with(
        "Gemm",
        &["x", "c", "d"],
        &[],
        &[ones(&[3, 3]), reals("d", &[2, 3], &[0.0; 6])],
    );
    with("Expand", &["x", "s"], &[], &[list("s", &[2, 3])]);
    with("Expand", &["x", "s"], &[], &[list("s", &[1, 1, 3])]);
    with("Tile", &["x", "s"], &[], &[list("s", &[2, 1])]);
    with("Reshape", &["x", "s"], &[], &[list("s", &[-1])]);
    with("Reshape", &["x", "s"], &[], &[list("s", &[3, -1])]);
    with("Reshape", &["x", "s"], &[], &[list("s", &[1, -1, 3])]);
    with("Reshape", &["x", "s"], &[], &[list("s", &[-1, 1])]);
    with(
        "Gather",
        &["x", "s"],
        &[whole("axis", 0)],
        &[list("s", &[0])],
    );
    with(
        "Gather",
        &["x", "s"],
        &[whole("axis", -2)],
        &[list("s", &[0])],
    );
    with("Unsqueeze", &["x", "s"], &[], &[list("s", &[0])]);
    with("CumSum", &["x", "s"], &[], &[scalar("s", 0)]);
    with("Pad", &["x", "s"], &[], &[list("s", &[1, 0, 0, 0])]);
    with("TopK", &["x", "s"], &[whole("axis", 0)], &[list("s", &[1])]);
    with("ReduceSum", &["x", "s"], &[], &[list("s", &[0])]);
    with("ReduceSum", &["x", "s"], &[], &[list("s", &[])]);
    with(
        "Slice",
        &["x", "a", "b"],
        &[],
        &[list("a", &[0]), list("b", &[1])],
    );
    with(
        "LayerNormalization",
        &["x", "c"],
        &[whole("axis", 0)],
        &[ones(&[3])],
    );
    with(
        "QuantizeLinear",
        &["x", "c"],
        &[whole("axis", 0)],
        &[ones(&[2])],
    );
    let split = Model::new(&[-1, 3], &[-1, 3]).with("Split", &["x"], &["y", "z"], &[]);
    refused(&split, &["Split"]);
    let dynamic = Model::new(&[-1, 3], &[-1, 3])
        .node("DynamicQuantizeLinear", &["x"], &["q", "s", "z"])
        .node("DequantizeLinear", &["q", "s", "z"], &["y"]);
    refused(&dynamic, &["DynamicQuantizeLinear"]);
    let mut normal = Model::new(&[-1, 3, 4], &[-1, 3, 4]);
    for name in ["a", "b", "c", "d"] {
        normal = normal.constant(reals(name, &[3], &[1.0; 3]));
    }
    let training = &[whole("training_mode", 1)];
    let inputs = ["x", "a", "b", "c", "d"];
    let normal = normal.with("BatchNormalization", &inputs, &["y", "m", "v"], training);
    refused(&normal, &["BatchNormalization"]);
    // Places within all pictures at once.
    let mut pool = Model::new(&[-1, 1, 4, 4], &[-1, 1, 2, 2]);
    pool.outputs.push(value("p", INT64, &[-1, 1, 2, 2]));
    let attributes = [wholes("kernel_shape", &[2, 2]), wholes("strides", &[2, 2])];
    refused(
        &pool.with("MaxPool", &["x"], &["y", "p"], &attributes),
        &["MaxPool"],
    );
}

#[test]
fn what_depends_on_the_number_of_rows_is_refused() {
    let counted = |model: Model| model.node("Shape", &["x"], &["s"]);
    // The mean over all rows, by hand: the sum of each divided by their number.
    let divided = counted(Model::new(&[-1, 3], &[-1, 3]))
        .with("Gather", &["s", "zero"], &["n"], &[whole("axis", 0)])
        .with("Cast", &["n"], &["f"], &[whole("to", FLOAT)])
        .node("Div", &["x", "f"], &["y"])
        .constant(scalar("zero", 0));
    refused(&divided, &["Cast"]);
    // A row's place in the run.
    let placed = counted(Model::new(&[-1], &[-1]))
        .node("Squeeze", &["s"], &["n"])
        .node("Range", &["zero", "n", "one"], &["places"])
        .with("Cast", &["places"], &["f"], &[whole("to", FLOAT)])
        .node("Add", &["x", "f"], &["y"])
        .constant(scalar("zero", 0))
        .constant(scalar("one", 1));
    refused(&placed, &["Range"]);
    // The number of rows as another axis than the first.
    let turned = counted(Model::new(&[-1, 3], &[3, -1]))
        .with("Gather", &["s", "turned"], &["t"], &[whole("axis", 0)])
        .node("Reshape", &["x", "t"], &["y"])
        .constant(list("turned", &[1, 0]));
    refused(&turned, &["Reshape"]);
    // The number of rows through a type that cannot hold it.
    let wrapped = counted(Model::new(&[-1, 3], &[-1, 3]))
        .with("Cast", &["s"], &["small"], &[whole("to", UINT8)])
        .with("Cast", &["small"], &["t"], &[whole("to", INT64)])
        .node("Reshape", &["x", "t"], &["y"]);
    refused(&wrapped, &["Cast"]);
    let mut sizes = counted(Model::new(&[-1, 3], &[-1]));
    sizes.outputs = vec![value("s", INT64, &[-1])];
    refused(&sizes, &["`s`"]);
}

#[test]
fn what_is_not_read_from_the_graph_is_refused() {
    let mut own = Model::new(&[-1, 3], &[-1, 3]);
    own.nodes = vec![node_of(
        "com.microsoft",
        "DynamicTimeWarping",
        &["x"],
        &["y"],
        &[],
    )];
    refused(
        &Model {
            nodes: vec![node_of("com.microsoft", "Inverse", &["x"], &["y"], &[])],
            ..Model::new(&[-1, 3, 3], &[-1, 3, 3])
        },
        &["Inverse"],
    );
    // A graph within the graph.
    let branch = Model {
        inputs: Vec::new(),
        ..Model::new(&[], &[-1, 3]).node("Relu", &["x"], &["y"])
    }
    .graph();
    let attributes = [graph("then_branch", &branch), graph("else_branch", &branch)];
    let chosen = Model::new(&[-1, 3], &[-1, 3])
        .with("If", &["yes"], &["y"], &attributes)
        .constant(super::onnx::constant("yes", 9, &[], &[1]));
    refused(&chosen, &["If"]);
    // A function of its own, by the name of an operator.
    let function = super::onnx::field(
        25,
        &[
            super::onnx::field(1, b"Twice"),
            super::onnx::field(10, b"own"),
            super::onnx::field(4, b"a"),
            super::onnx::field(5, b"b"),
            super::onnx::field(7, &super::onnx::node("Add", &["a", "a"], &["b"], &[])),
            super::onnx::field(
                9,
                &[super::onnx::field(1, b""), super::onnx::number(2, 17)].concat(),
            ),
        ]
        .concat(),
    );
    let mut called = Model::new(&[-1, 3], &[-1, 3]);
    called.nodes = vec![node_of("own", "Twice", &["x"], &["y"], &[])];
    let version = [super::onnx::field(1, b"own"), super::onnx::number(2, 1)].concat();
    let bytes = [called.bytes(), super::onnx::field(8, &version), function].concat();
    let graph = load(&bytes, BatchPolicy::Auto, 8, Duration::ZERO);
    assert!(!graph.batching().proven);
    has(
        graph.batching().off.as_deref().unwrap_or_default(),
        &["functions"],
    );
    // A constant that may be given another value.
    let mut given = Model::new(&[-1, 3], &[-1, 3]).node("Add", &["x", "w"], &["y"]);
    given.inputs.push(value("w", FLOAT, &[3]));
    let given = given.constant(reals("w", &[3], &[1.0; 3]));
    refused(&given, &["`w`"]);
    // The rank of an input.
    let mut open = Model::new(&[-1, 3], &[-1, 3]).node("Relu", &["x"], &["y"]);
    open.inputs = vec![unranked("x", FLOAT)];
    let graph = auto(&open);
    assert!(!graph.batching().proven && graph.batching().off.is_some());
}

#[test]
fn usual_graphs_are_known_to_keep_rows_apart() {
    proven("softmax", &one("Softmax", &[whole("axis", 1)]));
    proven("softmax, by default", &one("Softmax", &[]));
    proven("softmax before 13", &one("Softmax", &[]).opset(11));
    proven("reduction", &one("ReduceMean", &[wholes("axes", &[-1])]));
    let taken = Model::new(&[-1, 8], &[-1, 2])
        .with("TopK", &["x", "k"], &["y", "places"], &[whole("axis", -1)])
        .constant(list("k", &[2]));
    proven("the largest of each row", &taken);
    // What exporters write for `x.view(x.size(0), -1)`.
    let viewed = Model::new(&[-1, 2, 4], &[-1, 8])
        .node("Shape", &["x"], &["s"])
        .with("Gather", &["s", "zero"], &["n"], &[whole("axis", 0)])
        .node("Unsqueeze", &["n", "axes"], &["rows"])
        .with("Concat", &["rows", "rest"], &["t"], &[whole("axis", 0)])
        .node("Reshape", &["x", "t"], &["y"])
        .constant(scalar("zero", 0))
        .constant(list("axes", &[0]))
        .constant(list("rest", &[-1]));
    proven("a view by its size", &viewed);
    // A constant row in front of each, as vision transformers have.
    let headed = Model::new(&[-1, 2, 3], &[-1, 3, 3])
        .node("Shape", &["x"], &["s"])
        .node("Slice", &["s", "begin", "end"], &["n"])
        .with("Concat", &["n", "rest"], &["t"], &[whole("axis", 0)])
        .node("Expand", &["head", "t"], &["heads"])
        .with("Concat", &["heads", "x"], &["y"], &[whole("axis", 1)])
        .constant(list("begin", &[0]))
        .constant(list("end", &[1]))
        .constant(list("rest", &[1, 3]))
        .constant(reals("head", &[1, 1, 3], &[1.0, 2.0, 3.0]));
    proven("a constant row before each", &headed);
    let attention = Model::new(&[-1, 4, 6], &[-1, 4, 6])
        .with("Transpose", &["x"], &["k"], &[wholes("perm", &[0, 2, 1])])
        .node("MatMul", &["x", "k"], &["scores"])
        .with("Softmax", &["scores"], &["weights"], &[whole("axis", -1)])
        .node("MatMul", &["weights", "x"], &["y"]);
    proven("attention", &attention);
    // Before version 4 of the format every constant is an input as well.
    let mut old = Model::new(&[-1, 3], &[-1, 3]).node("Add", &["x", "w"], &["y"]);
    old.inputs.push(value("w", FLOAT, &[3]));
    let mut old = old.constant(reals("w", &[3], &[1.0; 3]));
    (old.ir, old.opset) = (3, 8);
    proven("an old file", &old);
}

#[test]
fn the_models_of_tests_and_examples_are_still_merged() {
    support::onnxruntime();
    for path in [
        "examples/meter-reader/models/digits.onnx",
        "examples/meter-reader/models/digits.fp16.onnx",
        "examples/meter-reader/models/digits.int8.onnx",
        "tests/models/mlp.onnx",
        "tests/models/pair.onnx",
        "tests/models/open.onnx",
        "tests/models/lookup.onnx",
        "tests/models/rows-bf16.onnx",
        "target/models/mobilenet_v2.onnx",
    ] {
        let options = GraphOptions::default();
        let loaded = GraphRegistry::new().load_file("g", &support::file(path), &options);
        let batching = loaded.expect(path).batching().clone();
        assert!(batching.proven, "{path}: {:?}", batching.off);
        assert!(!batching.curve.is_empty(), "{path} was measured");
        // From its bytes it is the same.
        let bytes = std::fs::read(support::file(path)).expect("a file");
        assert!(
            load(&bytes, BatchPolicy::Auto, 4, Duration::ZERO)
                .batching()
                .proven
        );
    }
}

#[test]
fn shape_inputs() {
    for name in ["z8x16", "z5x1"] {
        let bytes = std::fs::read(case(&format!("shape-inputs/{name}.onnx"))).expect("a case");
        for policy in [BatchPolicy::Auto, BatchPolicy::Off] {
            let graph = load(&bytes, policy, 8, Duration::ZERO);
            assert!(
                graph.batching().curve.is_empty(),
                "{name} {policy}: nothing was tried"
            );
        }
    }
    // Whole numbers with rows that become a shape, and a real number that becomes one.
    let shaped = |ty: i64, to: i64| {
        let mut model = Model::new(&[], &[-1])
            .with("Cast", &["x"], &["t"], &[whole("to", to)])
            .node("ConstantOfShape", &["t"], &["y"]);
        model.inputs = vec![value("x", ty, &[-1])];
        model
    };
    for model in [shaped(INT64, INT64), shaped(FLOAT, INT64)] {
        assert!(auto(&model).batching().curve.is_empty());
        let options = GraphOptions {
            batch: BatchOptions {
                policy: BatchPolicy::On,
                ..BatchOptions::default()
            },
            ..GraphOptions::default()
        };
        let error = GraphRegistry::new().load_bytes("g", &model.bytes(), &options);
        has(&error.expect_err("no trial").to_string(), &["memory"]);
    }
    // Nothing is tried whose values or inputs are large: 16 GiB here.
    for model in [
        Model::new(&[-1, 65536], &[-1])
            .with("Unsqueeze", &["x", "axes"], &["column"], &[])
            .with("Unsqueeze", &["x", "other"], &["row"], &[])
            .node("MatMul", &["column", "row"], &["all"])
            .node("ReduceMax", &["all", "both"], &["y"])
            .constant(list("axes", &[2]))
            .constant(list("other", &[1]))
            .constant(list("both", &[1, 2]))
            .opset(20),
        Model::new(&[-1, 65536, 65536], &[-1, 65536, 65536]).node("Relu", &["x"], &["y"]),
        Model::new(&[65536, 65536], &[65536, 65536]).node("Relu", &["x"], &["y"]),
    ] {
        assert!(auto(&model).batching().curve.is_empty());
    }
}

#[test]
fn without_batches_nothing_is_tried() {
    let model = one("Relu", &[]);
    let graph = load(&model.bytes(), BatchPolicy::Off, 8, Duration::ZERO);
    assert!(graph.batching().curve.is_empty());
}
