//! The native path: ONNX Runtime alone, which is the lower bound for all other paths.
//!
//! For each frame it runs the same graph as often as the plugin does, on tensors of the same type
//! and dimensions. Their contents are drawn from a seed, since no kernel of a network is faster for
//! other numbers between 0 and 1. The dimensions are computed from three facts: the bytes of
//! tensors that crossed for a frame, the number of its inferences, and the model's own description
//! of its inputs. That has one solution for one graph with at most one open dimension, usually the
//! batch. Where it has none, the path is refused with the reason; nothing is guessed.

use std::sync::Arc;

use tollgate_nn::{
    Argument, Data, Graph, GraphRegistry, Scratch, Tensor, TensorType, clock::Deadline,
};

use super::{Error, subject::FirstPass};

/// What to run for each frame.
#[derive(Debug)]
pub struct Plan {
    graph: Arc<Graph>,
    /// The different sets of dimensions; each has an entry for each input.
    shapes: Vec<Vec<Vec<u32>>>,
    /// For each frame the number of inferences, and the set of dimensions that they use.
    frames: Vec<(u64, usize)>,
}

impl Plan {
    /// Computes the plan from the first pass.
    ///
    /// # Errors
    ///
    /// [`Error::Native`] where the facts have no single solution.
    pub fn new(registry: &GraphRegistry, first_pass: &FirstPass) -> Result<Self, Error> {
        let names = registry.names();
        let [name] = &names[..] else {
            return Err(unknown(format!(
                "there are {} models, and which one an inference went to is not recorded",
                names.len()
            )));
        };
        let graph = registry
            .get(name)
            .ok_or_else(|| unknown(format!("the graph `{name}` is gone")))?;
        let mut plan = Self {
            graph,
            shapes: Vec::new(),
            frames: Vec::new(),
        };
        for &(inferences, bytes) in &first_pass.frames {
            let set = plan.set(inferences, bytes)?;
            plan.frames.push((inferences, set));
        }
        Ok(plan)
    }

    /// The set of dimensions for each inference of a frame that makes `inferences` with `bytes`
    /// together.
    fn set(&mut self, inferences: u64, bytes: u64) -> Result<usize, Error> {
        if inferences == 0 {
            return Err(unknown(
                "the plugin makes no inference for a frame".to_owned(),
            ));
        }
        let inputs: Vec<Input> = self
            .graph
            .inputs()
            .iter()
            .map(|info| Input {
                ty: info.ty,
                dimensions: info.dimensions.clone(),
            })
            .collect();
        let shapes = solve(&inputs, inferences, bytes).ok_or_else(|| {
            unknown(format!(
                "{inferences} inferences with {bytes} bytes of tensors fit no dimensions of `{}`",
                self.graph.name()
            ))
        })?;
        let known = self.shapes.iter().position(|known| *known == shapes);
        Ok(known.unwrap_or_else(|| {
            self.shapes.push(shapes);
            self.shapes.len() - 1
        }))
    }
}

fn unknown(reason: String) -> Error {
    Error::Native { reason }
}

/// What the model declares for one input.
struct Input {
    ty: TensorType,
    dimensions: Vec<Option<u32>>,
}

/// The dimensions of each input if `inferences` inferences share `bytes` equally and all open
/// dimensions are the same number.
fn solve(inputs: &[Input], inferences: u64, bytes: u64) -> Option<Vec<Vec<u32>>> {
    if !bytes.is_multiple_of(inferences) {
        return None;
    }
    let each = bytes / inferences;
    let (mut fixed, mut a_row) = (0u64, 0u64);
    for input in inputs {
        let known: Vec<u32> = input.dimensions.iter().filter_map(|&one| one).collect();
        let bytes = u64::try_from(input.ty.bytes_for(&known)?).ok()?;
        match input.dimensions.len() - known.len() {
            0 => fixed = fixed.checked_add(bytes)?,
            1 => a_row = a_row.checked_add(bytes)?,
            _ => return None,
        }
    }
    let open = each.checked_sub(fixed)?;
    let rows = match a_row {
        0 if open == 0 => 0,
        0 => return None,
        a_row if open.is_multiple_of(a_row) => u32::try_from(open / a_row).ok()?,
        _ => return None,
    };
    let shape = |input: &Input| {
        let dimensions = input.dimensions.iter();
        dimensions.map(|one| one.unwrap_or(rows)).collect()
    };
    Some(inputs.iter().map(shape).collect())
}

/// The tensors and scratch memory of one caller.
pub struct Native {
    plan: Arc<Plan>,
    scratch: Scratch,
    /// The tensors for each set of dimensions.
    tensors: Vec<Vec<Tensor>>,
}

impl Native {
    /// Makes the tensors.
    ///
    /// # Errors
    ///
    /// There is no memory for them, here or in ONNX Runtime.
    pub fn new(plan: Arc<Plan>, seed: u64) -> Result<Self, tollgate_nn::Error> {
        let mut scratch = Scratch::new()?;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut tensors = Vec::new();
        for shapes in &plan.shapes {
            let mut set = Vec::new();
            for (info, shape) in plan.graph.inputs().iter().zip(shapes) {
                let mut tensor = scratch.tensor(info.ty, shape)?;
                if let Some(bytes) = tensor.bytes_mut() {
                    fill(info.ty, bytes, &mut random);
                }
                set.push(tensor);
            }
            tensors.push(set);
        }
        Ok(Self {
            plan,
            scratch,
            tensors,
        })
    }

    /// Runs a frame's inferences and returns the nanoseconds spent inside ONNX Runtime.
    ///
    /// # Errors
    ///
    /// ONNX Runtime fails a run.
    pub fn run(
        &mut self,
        frame: usize,
        deadline: Option<Deadline>,
    ) -> Result<u64, tollgate_nn::Error> {
        let (inferences, set) = self.plan.frames.get(frame).copied().unwrap_or_default();
        let tensors = self.tensors.get(set).map(Vec::as_slice).unwrap_or_default();
        let arguments: Vec<Argument<'_>> = tensors
            .iter()
            .map(|tensor| Argument {
                name: None,
                data: Data::Tensor(tensor),
            })
            .collect();
        let mut infer_ns = 0;
        for _ in 0..inferences {
            let outcome = self
                .plan
                .graph
                .run(&mut self.scratch, &arguments, deadline)?;
            infer_ns += outcome.ran.ended.nanos_since(outcome.ran.started);
            for output in outcome.outputs {
                self.scratch.recycle(output);
            }
        }
        Ok(infer_ns)
    }
}

/// Fills with numbers from 0 to 1 for floats, and small whole numbers for other types.
fn fill(ty: TensorType, bytes: &mut [u8], random: &mut fastrand::Rng) {
    for element in bytes.chunks_exact_mut(ty.size()) {
        match ty {
            TensorType::Fp32 => element.copy_from_slice(&random.f32().to_ne_bytes()),
            TensorType::Fp64 => element.copy_from_slice(&random.f64().to_ne_bytes()),
            // A bfloat16 is the upper half of an f32, so each number between 0 and 1 is valid.
            TensorType::Bf16 => {
                let bits = (random.f32().to_bits() >> 16) as u16;
                element.copy_from_slice(&bits.to_ne_bytes());
            }
            // Exponents from 2^-8 to 2^-1, with any mantissa.
            TensorType::Fp16 => {
                let bits = (random.u16(7..15) << 10) | random.u16(0..1024);
                element.copy_from_slice(&bits.to_ne_bytes());
            }
            TensorType::U8 => element.copy_from_slice(&[random.u8(..)]),
            TensorType::I32 => element.copy_from_slice(&random.i32(0..2).to_ne_bytes()),
            TensorType::I64 => element.copy_from_slice(&random.i64(0..2).to_ne_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(dimensions: &[Option<u32>]) -> Input {
        Input {
            ty: TensorType::Fp32,
            dimensions: dimensions.to_vec(),
        }
    }

    #[test]
    fn rows_follow_from_the_bytes() {
        let digits = [input(&[None, Some(1), Some(16), Some(16)])];
        assert_eq!(solve(&digits, 1, 5 * 1024), Some(vec![vec![5, 1, 16, 16]]));
        assert_eq!(solve(&digits, 5, 5 * 1024), Some(vec![vec![1, 1, 16, 16]]));
        let fixed = [input(&[Some(1), Some(64)])];
        assert_eq!(solve(&fixed, 3, 3 * 256), Some(vec![vec![1, 64]]));
        let two = [input(&[None, Some(4)]), input(&[Some(2)])];
        assert_eq!(solve(&two, 1, 3 * 16 + 8), Some(vec![vec![3, 4], vec![2]]));
    }

    #[test]
    fn what_has_no_single_answer_has_none() {
        let digits = [input(&[None, Some(1), Some(16), Some(16)])];
        assert_eq!(solve(&digits, 1, 1000), None, "part of a row");
        assert_eq!(solve(&digits, 2, 1025), None, "not the same for both");
        assert_eq!(solve(&[input(&[None, None])], 1, 64), None);
        assert_eq!(
            solve(&[input(&[Some(4)])], 1, 32),
            None,
            "more than it takes"
        );
        assert_eq!(
            solve(&[input(&[Some(4)])], 1, 8),
            None,
            "less than it takes"
        );
    }

    #[test]
    fn seeded_elements_are_numbers() {
        for ty in TensorType::ALL {
            let mut bytes = vec![0xff; 64 * ty.size()];
            fill(ty, &mut bytes, &mut fastrand::Rng::with_seed(1));
            let other = bytes.clone();
            fill(ty, &mut bytes, &mut fastrand::Rng::with_seed(1));
            assert_eq!(bytes, other, "{ty}");
            if ty == TensorType::Fp32 {
                for element in bytes.chunks_exact(4) {
                    let number = f32::from_ne_bytes(element.try_into().unwrap());
                    assert!((0.0..1.0).contains(&number));
                }
            }
        }
    }
}
