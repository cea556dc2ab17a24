//! The floor: the same model through `tollgate-nn` alone, as a native program would run it.
//!
//! No Wasm, no WIT, no copy: the input is read where it lies and the output's memory is used again.
//! The session's options are those that the guests' graph gets.

use crate::{Call, GRAPH, Setup};
use std::sync::Arc;
use tollgate_nn::clock::{self, Stamp};
use tollgate_nn::{Argument, Data, Graph, GraphOptions, GraphRegistry, Scratch, TensorType};

/// A model and an input for it.
pub struct Native {
    graph: Arc<Graph>,
    scratch: Scratch,
    input: String,
    dimensions: Vec<u32>,
    data: Vec<u8>,
}

impl Native {
    pub fn new(setup: &Setup) -> anyhow::Result<Self> {
        let options = GraphOptions::default();
        let floats: u64 = setup.dimensions.iter().copied().map(u64::from).product();
        let bytes = (0..floats).flat_map(|i| (i as f32 % 17.0 / 17.0 - 0.5).to_le_bytes());
        Ok(Self {
            graph: GraphRegistry::new().load_file(GRAPH, &setup.model, &options)?,
            scratch: Scratch::new()?,
            input: setup.input.clone(),
            dimensions: setup.dimensions.clone(),
            data: bytes.collect(),
        })
    }

    pub fn call(&mut self, times: u32) -> anyhow::Result<Call> {
        let mut run = 0;
        let before = Stamp::now();
        for _ in 0..times {
            let input = Argument {
                name: Some(&self.input),
                data: Data::Bytes {
                    ty: TensorType::Fp32,
                    dimensions: &self.dimensions,
                    bytes: &self.data,
                },
            };
            let outcome = self.graph.run(&mut self.scratch, &[input], None)?;
            run += outcome.ran.ended.ticks_since(outcome.ran.started);
            for output in outcome.outputs {
                self.scratch.recycle(output);
            }
        }
        let after = Stamp::now();
        Ok(Call {
            total: after.nanos_since(before),
            run: clock::nanos(run),
        })
    }
}
