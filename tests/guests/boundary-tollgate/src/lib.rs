//! The guest of `boundary-standard` once more, over `tollgate:nn`: one crossing an inference, which
//! is made ready beforehand, as a plugin does that counts microseconds.
//!
//! The two differ in the interface alone. The generated types borrow, so the guest hands over a
//! pointer to its input and never copies it; what the host does with the pointer is measured.

use bindings::tollgate::nn::prepared::{Expected, Prepared as Inference, prepare};
use bindings::wasi::nn::errors::Error;
use bindings::wasi::nn::graph::{Graph, load_by_name};
use bindings::wasi::nn::tensor::TensorType;
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
        path: ["../../../wit/deps/wasi-nn", "../../../wit/nn"],
        ownership: Borrowing { duplicate_if_necessary: false },
        inline: "
            package tollgate:bench;
            world boundary-tollgate {
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
                import tollgate:nn/prepared@0.1.0;
                export prepare: func(graph: string, input: string, dimensions: list<u32>, seed: u32) -> result<_, string>;
                export infer: func(times: u32) -> result<f32, string>;
                export empty: func();
            }
        ",
        world: "tollgate:bench/boundary-tollgate",
        generate_all,
    });
    use super::Boundary;
    export!(Boundary with_types_in self);
}

/// What `prepare` leaves for `infer`.
struct Prepared {
    inference: Inference,
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
        let expected = Expected {
            name: Some(&input),
            dimensions: &dimensions,
            ty: TensorType::Fp32,
        };
        let inference = prepare(&graph, &[expected]).map_err(sentence)?;
        let data = noise(&dimensions, seed);
        PREPARED.replace(Some(Prepared { inference, data }));
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
        let data = self.inference.run_one(&self.data).map_err(sentence)?;
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
