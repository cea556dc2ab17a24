//! The work itself, by whichever bindings stand beside it: one input, kept ready, and inferences of it.

use crate::bindings::wasi::nn::errors::Error;
use crate::bindings::wasi::nn::graph::{Graph, load_by_name};
use crate::bindings::wasi::nn::inference::GraphExecutionContext;
use crate::bindings::wasi::nn::tensor::{Tensor, TensorType};
use std::cell::RefCell;

/// What `prepare` leaves for `infer`.
struct Prepared {
    context: GraphExecutionContext,
    input: String,
    dimensions: Vec<u32>,
    data: Vec<u8>,
}

thread_local! {
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

/// Loads the graph and leaves an input for it.
pub fn prepare(graph: &str, input: String, dimensions: Vec<u32>, seed: u32) -> Result<(), String> {
    let graph: Graph = load_by_name(graph).map_err(sentence)?;
    let context = graph.init_execution_context().map_err(sentence)?;
    let data = noise(&dimensions, seed);
    PREPARED.replace(Some(Prepared {
        context,
        input,
        dimensions,
        data,
    }));
    Ok(())
}

/// So many inferences, one after the other.
pub fn infer(times: u32) -> Result<f32, String> {
    PREPARED.with_borrow_mut(|prepared| {
        let prepared = prepared
            .as_mut()
            .ok_or("expected `prepare` before `infer`: call it")?;
        let mut answer = 0.0;
        for _ in 0..times {
            answer = prepared.infer(answer)?;
        }
        Ok(answer)
    })
}

impl Prepared {
    /// One inference: `last` goes into the input, the first float of the output comes back.
    fn infer(&mut self, last: f32) -> Result<f32, String> {
        if let Some(first) = self.data.first_chunk_mut() {
            *first = last.clamp(-1.0, 1.0).to_le_bytes();
        }
        let tensor = Tensor::new(&self.dimensions, TensorType::Fp32, &self.data);
        let outputs = self
            .context
            .compute(vec![(self.input.clone(), tensor)])
            .map_err(sentence)?;
        let (_, output) = outputs.first().ok_or("expected an output, got none")?;
        let data = output.data();
        let first = data
            .first_chunk()
            .ok_or("expected a float in the output, got none")?;
        Ok(f32::from_le_bytes(*first))
    }
}

/// An error of the host's, as a sentence.
fn sentence(error: Error) -> String {
    format!("{:?}: {}", error.code(), error.data())
}

/// As many little-endian floats in [-1, 1) as `dimensions` say, the same for the same seed.
fn noise(dimensions: &[u32], seed: u32) -> Vec<u8> {
    let count: u64 = dimensions.iter().copied().map(u64::from).product();
    let mut state = seed | 1;
    let floats = (0..count).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state as f32 / 2_147_483_648.0 - 1.0).to_le_bytes()
    });
    floats.collect()
}
