//! Graphs of operators that keep rows apart, drawn at random: merged, each caller gets what it gets alone.

use std::{thread, time::Duration};

use tollgate_nn::{Argument, BatchPolicy, Data, Graph, Scratch, TensorType};

use super::{
    batching::load,
    onnx::{FLOAT, Model, list, reals, value, whole, wholes},
};

/// A small generator (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }

    fn real(&mut self) -> f32 {
        self.below(2001) as f32 / 1000.0 - 1.0
    }

    fn reals(&mut self, count: i64) -> Vec<f32> {
        (0..count).map(|_| self.real()).collect()
    }
}

/// A graph of operators that keep rows apart, drawn at random.
struct Drawn {
    model: Model,
    /// The value that was made last, and its dimensions without the rows'.
    now: String,
    dims: Vec<i64>,
    names: usize,
}

impl Drawn {
    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn constant(&mut self, make: impl FnOnce(&str) -> Vec<u8>) -> String {
        let name = self.fresh();
        self.model.constants.push(make(&name));
        name
    }

    fn real(&mut self, random: &mut Random, dims: &[i64]) -> String {
        let values = random.reals(dims.iter().product());
        self.constant(|name| reals(name, dims, &values))
    }

    fn list(&mut self, values: &[i64]) -> String {
        self.constant(|name| list(name, values))
    }

    fn step(&mut self, operator: &str, inputs: &[&str], attributes: &[super::onnx::Attribute]) {
        let name = self.fresh();
        let node = super::onnx::node(operator, inputs, &[&name], attributes);
        self.model.nodes.push(node);
        self.now = name;
    }

    /// Adds one operator, where it fits.
    fn draw(&mut self, random: &mut Random) {
        let now = self.now.clone();
        let dims = self.dims.clone();
        let rank = dims.len() as i64 + 1;
        let last = *dims.last().unwrap_or(&1);
        let all: i64 = dims.iter().product();
        match random.below(20) {
            0 => {
                let unary = ["Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Identity", "Erf"];
                self.step(unary[random.below(unary.len())], &[&now], &[]);
            }
            1 => {
                let constant = self.real(random, &[last]);
                self.step("Add", &[&now, &constant], &[]);
            }
            2 => {
                let constant = self.real(random, &[&[1][..], &dims].concat());
                self.step("Sub", &[&constant, &now], &[]);
            }
            3 => self.step("Mul", &[&now, &now], &[]),
            4 => self.step("Softmax", &[&now], &[whole("axis", -1)]),
            5 if !dims.is_empty() && rank > 2 => {
                let keep = random.below(2) as i64;
                let attributes = [wholes("axes", &[-1]), whole("keepdims", keep)];
                let operator = ["ReduceMax", "ReduceMean", "ReduceL2"][random.below(3)];
                self.step(operator, &[&now], &attributes);
                self.dims.pop();
                if keep == 1 {
                    self.dims.push(1);
                }
            }
            6 if rank > 2 => {
                let mut order: Vec<i64> = (1..rank).rev().collect();
                order.insert(0, 0);
                self.step("Transpose", &[&now], &[wholes("perm", &order)]);
                self.dims.reverse();
            }
            7 => {
                self.step("Flatten", &[&now], &[whole("axis", 1)]);
                self.dims = vec![all];
            }
            8 => {
                let shape = self.list(&[0, -1]);
                self.step("Reshape", &[&now, &shape], &[]);
                self.dims = vec![all];
            }
            9 => {
                let shape = self.list(&[-1, 1, all]);
                self.step("Reshape", &[&now, &shape], &[]);
                self.dims = vec![1, all];
            }
            10 => {
                let (zero, rest) = (self.list(&[0]), self.list(&[-1]));
                self.step("Shape", &[&now], &[]);
                let shape = self.now.clone();
                self.step("Gather", &[&shape, &zero], &[]);
                let rows = self.now.clone();
                self.step("Concat", &[&rows, &rest], &[whole("axis", 0)]);
                let target = self.now.clone();
                self.step("Reshape", &[&now, &target], &[]);
                self.dims = vec![all];
            }
            11 if rank < 4 => {
                let axes = self.list(&[-1]);
                self.step("Unsqueeze", &[&now, &axes], &[]);
                self.dims.push(1);
            }
            12 if all < 200 => {
                self.step("Concat", &[&now, &now], &[whole("axis", -1)]);
                *self.dims.last_mut().expect("a dimension") *= 2;
            }
            13 if last > 1 => {
                let (a, b, c) = (self.list(&[0]), self.list(&[last - 1]), self.list(&[-1]));
                self.step("Slice", &[&now, &a, &b, &c], &[]);
                *self.dims.last_mut().expect("a dimension") -= 1;
            }
            14 => {
                let places = self.list(&[last - 1, 0]);
                self.step("Gather", &[&now, &places], &[whole("axis", rank - 1)]);
                *self.dims.last_mut().expect("a dimension") = 2;
            }
            15 => {
                let weights = self.real(random, &[last, 5]);
                self.step("MatMul", &[&now, &weights], &[]);
                *self.dims.last_mut().expect("a dimension") = 5;
            }
            16 if rank == 2 => {
                let (weights, bias) = (self.real(random, &[4, last]), self.real(random, &[4]));
                self.step("Gemm", &[&now, &weights, &bias], &[whole("transB", 1)]);
                self.dims = vec![4];
            }
            17 if rank == 4 => {
                let weights = self.real(random, &[3, dims[0], 1, 1]);
                self.step("Conv", &[&now, &weights], &[]);
                self.dims[0] = 3;
            }
            18 if rank == 4 => {
                self.step("GlobalAveragePool", &[&now], &[]);
                self.dims = vec![dims[0], 1, 1];
            }
            19 => {
                let (scale, bias) = (self.real(random, &[last]), self.real(random, &[last]));
                self.step(
                    "LayerNormalization",
                    &[&now, &scale, &bias],
                    &[whole("axis", -1)],
                );
            }
            _ => self.step("Tanh", &[&now], &[]),
        }
    }
}

fn drawn(random: &mut Random) -> (Model, i64) {
    let takes = [&[6][..], &[3, 4], &[2, 4, 3]][random.below(3)];
    let mut drawn = Drawn {
        model: Model::new(&[&[-1][..], takes].concat(), &[]),
        now: "x".to_owned(),
        dims: takes.to_vec(),
        names: 0,
    };
    for _ in 0..3 + random.below(5) {
        drawn.draw(random);
    }
    let now = drawn.now.clone();
    drawn
        .model
        .nodes
        .push(super::onnx::node("Identity", &[&now], &["y"], &[]));
    let mut gives = vec![-1];
    gives.extend(&drawn.dims);
    drawn.model.outputs = vec![value("y", FLOAT, &gives)];
    let count = takes.iter().product();
    (drawn.model, count)
}

fn run(graph: &Graph, dimensions: &[u32], values: &[f32]) -> Vec<f32> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let argument = Argument {
        name: None,
        data: Data::Bytes {
            ty: TensorType::Fp32,
            dimensions,
            bytes: &bytes,
        },
    };
    let mut scratch = Scratch::new().expect("a scratch");
    let ran = graph.run(&mut scratch, &[argument], None).expect("a run");
    let bytes = ran.outputs[0].bytes();
    let numbers = bytes
        .chunks_exact(4)
        .map(|one| f32::from_le_bytes(one.try_into().expect("four")));
    numbers.collect()
}

#[test]
fn what_is_proven_gives_merged_what_it_gives_alone() {
    let mut random = Random(0x7011);
    for graph in 0..40 {
        let (model, count) = drawn(&mut random);
        let bytes = model.bytes();
        let merging = load(&bytes, BatchPolicy::On, 3, Duration::from_secs(600));
        let alone = load(&bytes, BatchPolicy::Off, 1, Duration::ZERO);
        assert!(
            merging.batching().proven,
            "graph {graph} is of known operators only"
        );
        // A row of ones, a thousand times smaller ones, zeros: as different as can be.
        let scales = [1.0, 0.001, 0.0];
        let callers = scales.map(|scale| -> Vec<f32> {
            random
                .reals(count)
                .into_iter()
                .map(|real| real * scale)
                .collect()
        });
        let dimensions: Vec<u32> = merging.inputs()[0]
            .dimensions
            .iter()
            .map(|size| size.unwrap_or(1))
            .collect();
        let merged: Vec<Vec<f32>> = thread::scope(|scope| {
            let threads: Vec<_> = callers
                .iter()
                .map(|values| scope.spawn(|| run(&merging, &dimensions, values)))
                .collect();
            let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
            joined.map(|ran| ran.expect("no panic")).collect()
        });
        for (values, merged) in callers.iter().zip(merged) {
            let expected = run(&alone, &dimensions, values);
            assert_eq!(expected.len(), merged.len(), "graph {graph}");
            for (expected, merged) in expected.iter().zip(&merged) {
                let close = (expected - merged).abs() <= 1e-4 * (1.0 + expected.abs());
                let same = expected == merged || expected.is_nan() && merged.is_nan();
                assert!(
                    close || same,
                    "graph {graph}: {merged} instead of {expected}"
                );
            }
        }
    }
}
