//! What digit a small grey picture shows.
//!
//! A frame is a PGM picture of 16 x 16 pixels. The model behind the graph `digits` takes such
//! pictures as floats, 0 for paper and 1 for ink, and gives a score for each of the ten digits.

use tollgate_guest::{Fault, Frame, Graph, Input, Output, Plugin};

/// What a frame begins with; the pixels follow, row by row.
const HEADER: &[u8] = b"P5\n16 16\n255\n";
const SIDE: usize = 16;
/// Pictures, channels, rows, columns.
const DIMENSIONS: [u32; 4] = [1, 1, SIDE as u32, SIDE as u32];

/// The plugin: what it keeps from frame to frame.
struct Digits {
    graph: Graph,
}

impl Plugin for Digits {
    /// Called once, before the first frame.
    fn new() -> Result<Self, Fault> {
        Ok(Self {
            graph: Graph::load("digits")?,
        })
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let ink = ink(&frame.data)?;
        let outputs = self.graph.infer(&[Input::new(&DIMENSIONS, &ink)])?;
        let [scores] = &outputs[..] else {
            let message = format!("expected one output of the model, {} came", outputs.len());
            return Err(Fault::Internal(message));
        };
        let (digit, confidence) = best(&scores.as_slice()?);
        let json = format!(r#"{{"digit":{digit},"confidence":{confidence:.3}}}"#);
        Ok(vec![Output::json("digit", json)])
    }
}

tollgate_guest::export!(Digits);

/// The picture as the model takes it: the darkest pixel is 1, the lightest 0.
fn ink(picture: &[u8]) -> Result<Vec<f32>, Fault> {
    let pixels = picture
        .strip_prefix(HEADER)
        .filter(|pixels| pixels.len() == SIDE * SIDE)
        .ok_or_else(|| Fault::InvalidFrame("expected a PGM picture of 16 x 16 pixels".into()))?;
    let darkest = pixels.iter().copied().min().unwrap_or(0);
    let lightest = pixels.iter().copied().max().unwrap_or(0);
    let contrast = f32::from(lightest - darkest).max(1.0);
    let ink = |&pixel: &u8| f32::from(lightest - pixel) / contrast;
    Ok(pixels.iter().map(ink).collect())
}

/// The highest of the scores, and whose it is.
fn best(scores: &[f32]) -> (usize, f32) {
    let scores = scores.iter().copied().enumerate();
    scores
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .unwrap_or((0, 0.0))
}

#[cfg(test)]
mod tests {
    use tollgate_guest::{Tensor, testing};

    use super::*;

    fn picture(pixels: &[u8]) -> Vec<u8> {
        [HEADER, pixels].concat()
    }

    #[test]
    fn paper_is_zero_and_ink_is_one_in_any_light() {
        for (dark, light) in [(0, 255), (40, 90)] {
            let mut pixels = [light; SIDE * SIDE];
            pixels[7] = dark;
            let ink = ink(&picture(&pixels)).unwrap();
            assert_eq!((ink[7], ink[8]), (1.0, 0.0));
        }
    }

    #[test]
    fn other_pictures_are_refused() {
        for data in [&b""[..], b"P5\n8 8\n255\n", &picture(&[0; 255])] {
            assert!(matches!(ink(data), Err(Fault::InvalidFrame(_))));
        }
    }

    /// The whole plugin, in a host that is made up: a closure stands for the model. A plugin's
    /// configuration values, buckets and log lines are the host's `config`, `bucket` and `log`.
    #[test]
    fn the_highest_score_is_the_digit() {
        let model = |_graph: &str, inputs: &[Input<'_>]| {
            assert_eq!(inputs[0].dimensions, DIMENSIONS);
            let mut scores = [0.01_f32; 10];
            scores[7] = 0.91;
            Ok(vec![("scores".into(), Tensor::new(&[1, 10], &scores))])
        };
        let frame = Frame {
            data: picture(&[200; SIDE * SIDE]),
            ..Frame::default()
        };
        let host = testing::Host::new().graphs(model);
        let outputs = host.run(|| Digits::new()?.handle(&frame)).unwrap();
        assert_eq!(outputs[0].data, br#"{"digit":7,"confidence":0.910}"#);
    }
}
