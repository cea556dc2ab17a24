//! Repeats one inference as often as a frame says, by the SDK: what an inference costs a plugin in this language, and
//! what it leaves behind. In the other languages it lies in `tests/repeat`.
//!
//! A frame has two bytes. The first is how: `i` by `infer`, `c` by a context's `compute`, `p` by what was prepared, `q`
//! by what is prepared anew each time (both here only), `x` with an input that no graph takes, whose refusal is the fault. The second is how often. What an inference answers goes into the next one's
//! input, so that no host can give the same answer twice; the last answer is the output, a little-endian f32.

use tollgate_guest::{
    Context, Expected, Fault, Frame, Graph, Input, Output, Plugin, Prepared, Tensor,
};

const GRAPH: &str = "mlp";
const DIMENSIONS: [u32; 2] = [1, 64];

struct Repeat {
    graph: Graph,
    context: Context,
    prepared: Prepared,
    input: [f32; 64],
}

impl Plugin for Repeat {
    fn new() -> Result<Self, Fault> {
        let graph = Graph::load(GRAPH)?;
        Ok(Self {
            context: graph.context()?,
            prepared: prepare(&graph)?,
            graph,
            input: std::array::from_fn(|place| place as f32 / 64.0),
        })
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let [how, times] = *frame.data.as_slice() else {
            return Err(Fault::InvalidFrame(format!(
                "expected two bytes, got {}",
                frame.data.len()
            )));
        };
        for _ in 0..times {
            let [first, ..] = self.infer(how)?;
            if let Some(place) = self.input.first_mut() {
                *place = first.clamp(-1.0, 1.0);
            }
        }
        let answer = self.input.first().copied().unwrap_or_default();
        Ok(vec![Output::new("answer", "", answer.to_le_bytes())])
    }
}

impl Repeat {
    fn infer(&self, how: u8) -> Result<[f32; 10], Fault> {
        let input = Input::new(&DIMENSIONS, &self.input);
        match how {
            b'i' => scores(&self.graph.infer(&[input])?),
            b'c' => {
                let outputs = self.context.compute(&[("input", input)])?;
                let outputs: Vec<Tensor> = outputs.into_iter().map(|(_, tensor)| tensor).collect();
                scores(&outputs)
            }
            b'p' => scores(&[self.prepared.run_one(&self.input)?]),
            b'q' => scores(&prepare(&self.graph)?.run(&[(&self.input).into()])?),
            _ => scores(&self.graph.infer(&[Input::new(&[1], &[0.0_f32])])?),
        }
    }
}

fn prepare(graph: &Graph) -> Result<Prepared, Fault> {
    let expected = Expected::new::<f32>(&DIMENSIONS).named("input");
    Ok(graph.prepare(&[expected])?)
}

fn scores(outputs: &[Tensor]) -> Result<[f32; 10], Fault> {
    let [scores] = outputs else {
        return Err(Fault::Inference(format!(
            "expected one output, got {}",
            outputs.len()
        )));
    };
    let scores = scores.as_slice::<f32>()?;
    <[f32; 10]>::try_from(&*scores)
        .map_err(|_| Fault::Inference(format!("expected 10 scores, got {}", scores.len())))
}

tollgate_guest::export!(Repeat);
