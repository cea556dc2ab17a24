//! Reads the five-digit register of a mechanical meter from a camera's frame.
//!
//! A frame is decoded (`picture`), the register is found and turned upright (`locate`), its digit windows become
//! one tensor (`normalize`), all five digits are classified in one inference on the graph `digits`, and the scores
//! become a reading (`reading`). This file only connects them. Bounded by the limits in `picture`; whatever the
//! bytes of a frame are, it is a reading or a fault. The state is the last reading, which may be forgotten.

mod jpeg;
pub mod locate;
pub mod normalize;
mod orientation;
pub mod picture;
pub mod reading;

use locate::Register;
use normalize::{DIMENSIONS, Normalizer};
use picture::Picture;
use reading::{History, Reading};
pub use tollgate_guest::Fault;
use tollgate_guest::{Frame, Graph, Input, Output, Plugin};

/// The graph that classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10].
pub const GRAPH: &str = "digits";
/// A register that went further than this from one frame to the next was misread.
pub const MOST_A_FRAME: u32 = 5000;

/// The plugin: a graph, working memory and the last reading.
pub struct MeterReader {
    graph: Graph,
    normalizer: Normalizer,
    history: History,
}

/// Decodes a frame and finds its register.
///
/// # Errors
/// [`Fault::InvalidFrame`] for bytes that are no picture, or a picture that shows no register.
pub fn register(bytes: &[u8]) -> Result<Register, Fault> {
    let picture = Picture::decode(bytes).map_err(|error| Fault::InvalidFrame(error.to_string()))?;
    locate::locate(picture).map_err(|error| Fault::InvalidFrame(error.to_string()))
}

impl MeterReader {
    fn read(&mut self, bytes: &[u8]) -> Result<Reading, Fault> {
        let register = register(bytes)?;
        let input = self.normalizer.input(&register)?;
        let outputs = self
            .graph
            .infer(&[Input::new(&DIMENSIONS, input).named("digits")])?;
        let scores = match outputs.as_slice() {
            [scores] => scores.as_slice::<f32>()?,
            _ => {
                return Err(Fault::Inference(format!(
                    "expected one output, got {}: check the model",
                    outputs.len()
                )));
            }
        };
        Reading::from_scores(&scores).ok_or_else(|| {
            Fault::Inference(format!(
                "expected 10 scores for each of 5 digits, got {} in all: check the model",
                scores.len()
            ))
        })
    }
}

impl Plugin for MeterReader {
    fn new() -> Result<Self, Fault> {
        Ok(Self {
            graph: Graph::load(GRAPH)?,
            normalizer: Normalizer::default(),
            history: History::new(MOST_A_FRAME),
        })
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let reading = self
            .read(&frame.data)
            .inspect_err(|_| self.history.missed())?;
        let plausible = self.history.judge(reading.value());
        Ok(vec![Output::json("reading", reading.json(plausible))])
    }
}

#[cfg(test)]
mod tests;

#[cfg(feature = "component")]
tollgate_guest::export!(MeterReader);
