//! Outputs that lie where something else does, without a sandbox around them, so that a checker of
//! memory can run these tests: CONTRIBUTING.md has the command.

use std::{path::Path, sync::Arc, thread, time::Duration};

use tollgate_nn::{
    Argument, BatchOptions, BatchPolicy, Data, Error, ErrorCode, Expected, Graph, GraphOptions,
    GraphRegistry, Prepared, Scratch, TensorType,
};

use crate::support::{self, case, has, model};

fn options(policy: BatchPolicy, rows: u32) -> GraphOptions {
    GraphOptions {
        batch: BatchOptions {
            policy,
            max: rows.try_into().expect("rows"),
            // Longer than any test: a batch is complete with its rows, and not before.
            delay: Duration::from_secs(600),
        },
        ..GraphOptions::default()
    }
}

fn load(path: &Path, options: &GraphOptions) -> Arc<Graph> {
    support::onnxruntime();
    let loaded = GraphRegistry::new().load_file("graph", path, options);
    loaded.expect("a graph")
}

fn plain(path: &Path) -> Arc<Graph> {
    load(path, &options(BatchPolicy::Off, 1))
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect()
}

/// How an inference is run.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// From tensors.
    Tensors,
    /// From bytes where they lie.
    Bytes,
    /// From bytes at an odd address.
    Odd,
}

/// Two-dimensional inputs in the graph's order; what the outputs are once the inputs are gone and their
/// memory has other values in it.
fn run(
    graph: &Graph,
    scratch: &mut Scratch,
    way: Way,
    inputs: &[(&[u32], &[f32])],
) -> Result<Vec<Vec<f32>>, Error> {
    let pad = usize::from(matches!(way, Way::Odd));
    let mut memory: Vec<Vec<u8>> = Vec::new();
    for (_, values) in inputs {
        memory.push([&vec![0; pad][..], &bytes(values)].concat());
    }
    let mut tensors = Vec::new();
    for ((dimensions, _), bytes) in inputs.iter().zip(&memory) {
        let mut tensor = scratch.tensor(TensorType::Fp32, dimensions)?;
        assert!(tensor.fill(&bytes[pad..]));
        tensors.push(tensor);
    }
    let arguments: Vec<Argument<'_>> = (0..inputs.len())
        .map(|place| Argument {
            name: None,
            data: match way {
                Way::Tensors => Data::Tensor(&tensors[place]),
                Way::Bytes | Way::Odd => Data::Bytes {
                    ty: TensorType::Fp32,
                    dimensions: inputs[place].0,
                    bytes: &memory[place][pad..],
                },
            },
        })
        .collect();
    let outcome = graph.run(scratch, &arguments, None)?;
    drop(arguments);
    memory.iter_mut().for_each(|memory| memory.fill(0x41));
    for mut tensor in tensors {
        tensor.bytes_mut().expect("ours alone").fill(0x41);
        scratch.recycle(tensor);
    }
    let outputs = outcome.outputs.iter().map(|output| floats(output.bytes()));
    let outputs = outputs.collect();
    outcome
        .outputs
        .into_iter()
        .for_each(|output| scratch.recycle(output));
    Ok(outputs)
}

/// The same by an inference that was made ready.
fn run_prepared(
    prepared: &mut Prepared,
    scratch: &mut Scratch,
    inputs: &[&[f32]],
) -> Result<Vec<Vec<f32>>, Error> {
    let mut memory: Vec<Vec<u8>> = inputs.iter().map(|values| bytes(values)).collect();
    let views: Vec<&[u8]> = memory.iter().map(Vec::as_slice).collect();
    prepared.run(scratch, &views, None)?;
    memory.iter_mut().for_each(|memory| memory.fill(0x41));
    Ok(prepared
        .take_outputs()
        .map(|elements| floats(&elements))
        .collect())
}

fn prepare(graph: &Arc<Graph>, dimensions: &[&[u32]]) -> Prepared {
    let expected: Vec<Expected<'_>> = dimensions
        .iter()
        .map(|dimensions| Expected {
            name: None,
            ty: TensorType::Fp32,
            dimensions,
        })
        .collect();
    Prepared::new(graph, &expected).expect("made ready")
}

/// The elements of each input, and of each output for them.
type Set<'a> = (&'a [&'a [f32]], &'a [&'a [f32]]);

/// Runs a graph in every way with one set of inputs after another, each with its right outputs.
fn gives(path: &Path, dimensions: &[&[u32]], sets: &[Set<'_>]) {
    let graph = plain(path);
    let (mut scratch, shown) = (Scratch::new().expect("a scratch"), path.display());
    for way in [Way::Tensors, Way::Bytes, Way::Odd] {
        for (inputs, outputs) in sets.iter().chain(sets) {
            let inputs: Vec<_> = dimensions
                .iter()
                .copied()
                .zip(inputs.iter().copied())
                .collect();
            let came = run(&graph, &mut scratch, way, &inputs).expect("a run");
            assert_eq!(came, *outputs, "{shown}: {way:?}");
        }
    }
    let mut prepared = prepare(&graph, dimensions);
    for (inputs, outputs) in sets.iter().chain(sets) {
        let came = run_prepared(&mut prepared, &mut scratch, inputs).expect("a run");
        assert_eq!(came, *outputs, "{shown}: prepared");
    }
}

#[test]
fn output_is_input() {
    let (first, second): (&[f32], &[f32]) = (&[1., 2., 3., 4.], &[5., 6., 7., 8.]);
    let (state, later): (&[f32], &[f32]) = (&[10., 20., 30., 40.], &[50., 60., 70., 80.]);
    for name in ["fixed", "dynamic", "unnamed", "identity-fixed"] {
        gives(
            &case(&format!("output-is-input/{name}.onnx")),
            &[&[1, 4], &[1, 4]],
            &[
                (&[first, state], &[&[2., 4., 6., 8.], state]),
                (&[second, later], &[&[10., 12., 14., 16.], later]),
            ],
        );
    }
    for name in ["pass-fixed", "pass-sym"] {
        let dimensions: &[u32] = if name == "pass-sym" { &[1, 4] } else { &[4] };
        gives(
            &case(&format!("hostile/models/{name}.onnx")),
            &[dimensions],
            &[(&[first], &[first, first]), (&[second], &[second, second])],
        );
    }
}

#[test]
fn outputs_that_share_memory_in_other_ways() {
    let one: &[&[u32]] = &[&[1, 2]];
    let (up, down): (&[f32], &[f32]) = (&[1., -2.], &[-3., 4.]);
    let (up_relu, down_relu): (&[f32], &[f32]) = (&[1., 0.], &[0., 4.]);
    let of = |name: &str, sets: &[Set<'_>]| gives(&model(name), one, sets);
    of(
        "alias-twice",
        &[
            (&[up], &[up_relu, up_relu]),
            (&[down], &[down_relu, down_relu]),
        ],
    );
    let (w, c): (&[f32], &[f32]) = (&[5., 6.], &[7., 8.]);
    of(
        "alias-constant",
        &[(&[up], &[up_relu, w, c]), (&[down], &[down_relu, w, c])],
    );
    of(
        "alias-chain",
        &[
            (&[up], &[up_relu, up, up, up]),
            (&[down], &[down_relu, down, down, down]),
        ],
    );
    of("alias-branch", &[(&[up], &[up]), (&[down], &[w])]);
    of("alias-loop", &[(&[up], &[up]), (&[down], &[down])]);
    of(
        "alias-boxed",
        &[(&[up], &[up, up]), (&[down], &[down, down])],
    );
    of(
        "alias-empty",
        &[(&[up], &[up, up_relu]), (&[down], &[down, down_relu])],
    );
    gives(&model("alias-empty"), &[&[0, 2]], &[(&[&[]], &[&[], &[]])]);
    of("optional-output", &[(&[up], &[&[6., 4.], w])]);
    gives(
        &model("optional-output"),
        &[&[1, 2], &[1, 2]],
        &[
            (&[up, down], &[&[-2., 2.], down]),
            (&[down, up], &[&[-2., 2.], up]),
        ],
    );
}

#[test]
fn copies_are_counted() {
    for (path, copied) in [
        (model("type-fp32"), 0),
        (case("output-is-input/fixed.onnx"), 1),
        (case("output-is-input/unnamed.onnx"), 2),
        (model("alias-twice"), 2),
    ] {
        let graph = plain(&path);
        let mut scratch = Scratch::new().expect("a scratch");
        let inputs = graph.inputs().iter().map(|info| {
            let fixed = info.dimensions.iter();
            let shape = fixed.map(|dimension| dimension.unwrap_or(1)).collect();
            tollgate_nn::Tensor::zeros(info.ty, shape).expect("memory")
        });
        let inputs: Vec<_> = inputs.collect();
        let arguments: Vec<_> = inputs
            .iter()
            .map(|tensor| Argument {
                name: None,
                data: Data::Tensor(tensor),
            })
            .collect();
        let ran = graph
            .run(&mut scratch, &arguments, None)
            .expect("a run")
            .ran;
        assert_eq!(ran.copies_out, copied, "{}", path.display());
    }
}

#[test]
fn outputs_outlive_the_graph() {
    let names = [
        "alias-constant",
        "alias-chain",
        "alias-branch",
        "alias-boxed",
    ];
    for name in names {
        let graph = plain(&model(name));
        let mut scratch = Scratch::new().expect("a scratch");
        let input = bytes(&[-1., 2.]);
        let data = Data::Bytes {
            ty: TensorType::Fp32,
            dimensions: &[1, 2],
            bytes: &input,
        };
        let outcome = graph.run(&mut scratch, &[Argument { name: None, data }], None);
        let outputs = outcome.expect("a run").outputs;
        let before: Vec<Vec<u8>> = outputs
            .iter()
            .map(|output| output.bytes().to_vec())
            .collect();
        drop((graph, scratch, input));
        for (output, before) in outputs.iter().zip(before) {
            assert_eq!(output.bytes(), before, "{name}");
        }
    }
}

#[test]
fn an_output_that_is_not_written_is_an_error() {
    let graph = plain(&model("unwritten"));
    let mut scratch = Scratch::new().expect("a scratch");
    let says = |error: Error| {
        assert_eq!(error.code(), ErrorCode::RuntimeError);
        has(&error.to_string(), &["`graph`", "output `y`", "unwritten"]);
    };
    for _ in 0..3 {
        says(
            run(&graph, &mut scratch, Way::Bytes, &[(&[1, 2], &[1., 2.])]).expect_err("no output"),
        );
    }
    let mut prepared = prepare(&graph, &[&[1, 2]]);
    says(run_prepared(&mut prepared, &mut scratch, &[&[1., 2.]]).expect_err("no output"));
}

#[test]
fn echoed_output_of_another_in_the_batch() {
    for round in 0..2 {
        let graph = load(
            &case("hostile/models/pass-sym.onnx"),
            &options(BatchPolicy::On, 8),
        );
        for turn in 0..3 {
            let came: Vec<_> = thread::scope(|scope| {
                let callers: Vec<_> = (0..8)
                    .map(|caller| {
                        let graph = &graph;
                        scope.spawn(move || {
                            let mut scratch = Scratch::new().expect("a scratch");
                            let values = [100 * caller + 10 * turn + round; 4].map(|v| v as f32);
                            let inputs = [(&[1, 4][..], &values[..])];
                            (run(graph, &mut scratch, Way::Bytes, &inputs), values)
                        })
                    })
                    .collect();
                callers
                    .into_iter()
                    .map(|caller| caller.join().expect("no panic"))
                    .collect()
            });
            for (came, values) in came {
                assert_eq!(came.expect("a run"), [values, values]);
            }
        }
    }
}

#[test]
fn scan_leak() {
    let leak = case("hostile/models/scan-leak.onnx");
    for (path, words) in [
        (leak, ["`Scan`", "`s`", "its own inputs"]),
        (model("body-input"), ["`Scan`", "`item`", "its own inputs"]),
        (model("body-twice"), ["`If`", "`else_first`", "two outputs"]),
    ] {
        support::onnxruntime();
        for policy in [BatchPolicy::Off, BatchPolicy::Auto, BatchPolicy::On] {
            let options = options(policy, 8);
            let registry = GraphRegistry::new();
            let bytes = std::fs::read(&path).expect("a model");
            for loaded in [
                registry.load_file("graph", &path, &options),
                registry.load_bytes("graph", &bytes, &options),
                GraphRegistry::load_private(&bytes, &options),
            ] {
                let error = loaded.expect_err("a body that is not written");
                assert_eq!(error.code(), ErrorCode::UnsupportedOperation);
                has(&error.to_string(), &words);
                has(&error.to_string(), &["Identity", "in the body"]);
            }
        }
    }
    // Only the name of a file says that it is in ONNX Runtime's own format.
    let mut bytes = std::fs::read(model("body-input")).expect("a model");
    let (version, rest) = (&[0x08, 9][..], bytes.split_off(2));
    assert_eq!(bytes, version);
    let disguised = [version, b"\x12\x04ORTM", &rest].concat();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("disguised.onnx");
    std::fs::write(&path, &disguised).expect("a file");
    let loaded = GraphRegistry::new().load_file("graph", &path, &options(BatchPolicy::Off, 1));
    let error = loaded.expect_err("a body that is not written");
    has(&error.to_string(), &["`Scan`", "`item`"]);
    // What the error says to do is enough.
    let (up, down): (&[f32], &[f32]) = (&[1., -2.], &[-3., 4.]);
    let (up_relu, down_relu): (&[f32], &[f32]) = (&[1., 0.], &[0., 4.]);
    gives(
        &model("body-kept"),
        &[&[1, 2]],
        &[
            (&[up], &[up, up, up_relu, up_relu]),
            (&[down], &[down, down, down_relu, down_relu]),
        ],
    );
}
