//! The guest that both sides of `cargo xtask bench boundary` run, byte for byte: inference through
//! standard wasi:nn and nothing else.
//!
//! It is written against the interfaces themselves, with no SDK between, so that what is measured
//! is the host. The input lies ready in guest memory, as a pre-processing step would have left it;
//! one float of it changes from inference to inference, so that no host can reuse the last answer.

use bindings::wasi::nn::errors::Error;
use bindings::wasi::nn::graph::{Graph, load_by_name};
use bindings::wasi::nn::inference::GraphExecutionContext;
use bindings::wasi::nn::tensor::{Tensor, TensorType};
use std::cell::RefCell;

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: "../../../wit/deps/wasi-nn",
        inline: "
            package tollgate:bench;
            world boundary-standard {
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/inference@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
                export prepare: func(graph: string, input: string, dimensions: list<u32>, seed: u32) -> result<_, string>;
                export infer: func(times: u32) -> result<f32, string>;
                export empty: func();
            }
        ",
        world: "tollgate:bench/boundary-standard",
        generate_all,
    });
    use super::Boundary;
    export!(Boundary with_types_in self);
}

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

struct Boundary;

impl bindings::Guest for Boundary {
    fn prepare(
        graph: String,
        input: String,
        dimensions: Vec<u32>,
        seed: u32,
    ) -> Result<(), String> {
        let graph: Graph = load_by_name(&graph).map_err(sentence)?;
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

    fn infer(times: u32) -> Result<f32, String> {
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

    fn empty() {}
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
