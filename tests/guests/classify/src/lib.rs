//! Classifies a picture by the graph `classifier`, as MobileNetV2 and its like take it: resized to
//! 224 x 224, normalised, channels first, one inference, the class with the highest score.
//!
//! A frame is a binary PGM or PPM of 8 bits; whatever else it is, it is a fault. The output has the
//! class as a field `reading`, so that true classes can be given like true readings.

use tollgate_guest::{
    Fault, Frame, Graph, Input, Output, Plugin,
    image::{Filter, Normalize, Resizer, Shape, hwc_to_chw_into},
};

/// The side of the picture that the graph takes, in pixels.
const SIDE: u32 = 224;

/// Elements of its tensor.
const ELEMENTS: usize = 3 * (SIDE * SIDE) as usize;

/// The longest side of a frame, in pixels.
const MAX_SIDE: u32 = 8192;

struct Classify {
    graph: Graph,
    resizer: Resizer,
    picture: Vec<u8>,
    tensor: Vec<f32>,
}

impl Plugin for Classify {
    fn new() -> Result<Self, Fault> {
        Ok(Self {
            graph: Graph::load("classifier")?,
            resizer: Resizer::new(),
            picture: vec![0; ELEMENTS],
            tensor: vec![0.0; ELEMENTS],
        })
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let (shape, pixels) = netpbm(&frame.data).ok_or_else(|| {
            Fault::InvalidFrame("expected a binary PGM or PPM of 8 bits".to_owned())
        })?;
        let invalid = |error: tollgate_guest::image::Error| Fault::InvalidFrame(error.to_string());
        let to = Shape::rgb(SIDE, SIDE);
        let rgb = grey_to_rgb(shape, pixels);
        let from = Shape::rgb(shape.width, shape.height);
        self.resizer
            .resize_into(&rgb, from, SIDE, SIDE, Filter::Bilinear, &mut self.picture)
            .map_err(invalid)?;
        hwc_to_chw_into(&self.picture, to, &Normalize::IMAGENET, &mut self.tensor)
            .map_err(invalid)?;
        let input = Input::new(&[1, 3, SIDE, SIDE], &self.tensor);
        let outputs = self.graph.infer(&[input])?;
        let scores = match outputs.as_slice() {
            [scores] => scores.as_slice::<f32>()?,
            _ => return Err(Fault::Inference("expected one output".to_owned())),
        };
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let (class, score) =
            best.ok_or_else(|| Fault::Inference("expected scores, got none".to_owned()))?;
        let json = format!("{{\"reading\":\"{class}\",\"score\":{score}}}");
        Ok(vec![Output::json("class", json)])
    }
}

/// Three equal channels from one; what has three stays.
fn grey_to_rgb(shape: Shape, pixels: &[u8]) -> Vec<u8> {
    if shape.channels == 3 {
        return pixels.to_vec();
    }
    pixels.iter().flat_map(|&grey| [grey; 3]).collect()
}

/// The shape and the pixels of a PGM or PPM.
fn netpbm(bytes: &[u8]) -> Option<(Shape, &[u8])> {
    let channels = match bytes.get(..2)? {
        b"P5" => 1,
        b"P6" => 3,
        _ => return None,
    };
    let mut rest = bytes.get(2..)?;
    let mut number = || -> Option<u32> {
        let begin = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let text = rest.get(begin..)?;
        let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
        let number = std::str::from_utf8(text.get(..end)?).ok()?.parse().ok()?;
        rest = text.get(end..)?;
        Some(number)
    };
    let (width, height, most) = (number()?, number()?, number()?);
    let sides = 1..=MAX_SIDE;
    if most != 255 || !sides.contains(&width) || !sides.contains(&height) {
        return None;
    }
    let shape = Shape {
        width,
        height,
        channels,
    };
    // One byte of white space, then the pixels.
    let pixels = rest.get(1..)?.get(..shape.elements().ok()?)?;
    Some((shape, pixels))
}

tollgate_guest::export!(Classify);
