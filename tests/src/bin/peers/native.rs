//! The floor: the model through `tollgate-nn` alone, as a native program with many threads would
//! run it. The inputs are those that the guests draw.

use crate::{Answers, Setup, load::Caller};
use anyhow::Context;
use std::sync::Arc;
use tollgate_nn::{Argument, Data, Graph, Scratch, TensorType};

/// One thread's scratch and input.
pub struct Native {
    graph: Arc<Graph>,
    scratch: Scratch,
    input: String,
    dimensions: Vec<u32>,
    data: Vec<u8>,
    answer: f32,
}

/// As many callers of one graph as the setup says.
pub fn callers(setup: &Setup, graph: &Arc<Graph>) -> anyhow::Result<Vec<Native>> {
    let caller = |seed: u32| {
        Ok(Native {
            graph: Arc::clone(graph),
            scratch: Scratch::new()?,
            input: setup.input.clone(),
            dimensions: setup.dimensions.clone(),
            data: noise(&setup.dimensions, seed),
            answer: 0.0,
        })
    };
    // The generator takes odd seeds only.
    (0..setup.guests)
        .map(|index| caller(2 * index + 1))
        .collect()
}

impl Caller for Native {
    type Error = anyhow::Error;

    fn call(&mut self) -> anyhow::Result<()> {
        let input = Argument {
            name: Some(&self.input),
            data: Data::Bytes {
                ty: TensorType::Fp32,
                dimensions: &self.dimensions,
                bytes: &self.data,
            },
        };
        let outcome = self.graph.run(&mut self.scratch, &[input], None)?;
        for output in outcome.outputs {
            let first = output.bytes().first_chunk().context("an empty output")?;
            self.answer = f32::from_le_bytes(*first);
            self.scratch.recycle(output);
        }
        Ok(())
    }
}

impl Answers for Native {
    fn answer(&self) -> f32 {
        self.answer
    }
}

/// What the guest draws from the seed, after it has put a zero in front.
fn noise(dimensions: &[u32], seed: u32) -> Vec<u8> {
    let count: u64 = dimensions.iter().copied().map(u64::from).product();
    let mut state = seed | 1;
    let floats = (0..count).flat_map(|index| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let drawn = state as f32 / 2_147_483_648.0 - 1.0;
        (if index == 0 { 0.0 } else { drawn }).to_le_bytes()
    });
    floats.collect()
}
