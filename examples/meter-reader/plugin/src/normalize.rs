//! Digit windows to the model's input.
//!
//! Each window is cut out a little inside its edges, resized to the model's square and stretched so that its
//! paper is 0 and its ink is 1, whatever the light was. Bounded by five windows of one strip. Knows the model's
//! input and nothing of what comes out of it.

use tollgate_guest::image::{self, Filter, Normalize, Region, Resizer, Shape};

use crate::locate::{DIGITS, Register, Window};

/// Rows and columns of the model's input.
pub const SIDE: usize = 16;
/// Floats of one window.
const WINDOW: usize = SIDE * SIDE;
/// Dimensions of the model's input: digits, channels, rows, columns.
pub const DIMENSIONS: [u32; 4] = [DIGITS as u32, 1, SIDE as u32, SIDE as u32];

/// What is cut off at each edge, as one part of the window's size: the edge's own blur and shadow.
const INSET: usize = 14;
/// Of 256 pixels sorted from dark to light, the one that is taken for ink, and the one for paper.
const INK: u16 = 6;
const PAPER: u16 = 192;
/// Less than this between ink and paper is an empty window, whose noise is not to be stretched into a digit.
const LEAST_CONTRAST: f32 = 28.0;

/// Makes the model's input, frame after frame, in memory that it keeps.
#[derive(Debug)]
pub struct Normalizer {
    resizer: Resizer,
    cut: Vec<u8>,
    small: [u8; WINDOW],
    input: Vec<f32>,
}

impl Default for Normalizer {
    fn default() -> Self {
        Self {
            resizer: Resizer::new(),
            cut: Vec::new(),
            small: [0; WINDOW],
            input: vec![0.0; DIGITS * WINDOW],
        }
    }
}

impl Normalizer {
    /// The register's windows from left to right: f32 of [`DIMENSIONS`], 0 paper, 1 ink.
    ///
    /// # Errors
    /// [`image::Error`] for a window that does not lie within the strip.
    pub fn input(&mut self, register: &Register) -> Result<&[f32], image::Error> {
        let strip = &register.strip;
        let shape = Shape::grey(strip.width() as u32, strip.height() as u32);
        for (window, out) in register
            .windows
            .iter()
            .zip(self.input.chunks_exact_mut(WINDOW))
        {
            let region = inside(window);
            let cut = Shape::grey(region.width, region.height);
            self.cut
                .resize(region.width as usize * region.height as usize, 0);
            image::crop_into(strip.luma(), shape, region, &mut self.cut)?;
            self.resizer.resize_into(
                &self.cut,
                cut,
                SIDE as u32,
                SIDE as u32,
                Filter::Bilinear,
                &mut self.small,
            )?;
            stretch(&self.small, out)?;
        }
        Ok(&self.input)
    }
}

fn inside(window: &Window) -> Region {
    let (across, down) = (window.width / INSET, window.height / INSET);
    Region {
        left: (window.left + across) as u32,
        top: (window.top + down) as u32,
        width: (window.width - 2 * across) as u32,
        height: (window.height - 2 * down) as u32,
    }
}

/// Bytes to floats: paper to 0, ink to 1, what lies beyond cut off.
fn stretch(pixels: &[u8; WINDOW], out: &mut [f32]) -> Result<(), image::Error> {
    // Counted rather than sorted: there are no more levels than pixels.
    let mut counts = [0u16; 256];
    for &pixel in pixels {
        if let Some(count) = counts.get_mut(usize::from(pixel)) {
            *count += 1;
        }
    }
    let level = |place: u16| {
        let mut darker = 0;
        let reached = counts.iter().position(|count| {
            darker += count;
            darker > place
        });
        reached.map_or(0.0, |level| level as f32)
    };
    let paper = level(PAPER);
    let contrast = (paper - level(INK)).max(LEAST_CONTRAST);
    let to_ink = Normalize {
        scale: 1.0,
        mean: &[paper],
        deviation: &[-contrast],
    };
    image::normalize_into(pixels, Shape::grey(SIDE as u32, SIDE as u32), &to_ink, out)?;
    for value in out {
        *value = value.clamp(0.0, 1.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_is_zero_and_ink_is_one_in_any_light() {
        for (ink, paper) in [(0, 255), (20, 90), (100, 240)] {
            let mut pixels = [paper; WINDOW];
            pixels[100..130].fill(ink);
            let mut out = [0.5; WINDOW];
            stretch(&pixels, &mut out).unwrap();
            assert!(
                out[100..130].iter().all(|&value| value == 1.0),
                "{ink} on {paper}"
            );
            assert!(
                out[..100].iter().all(|&value| value == 0.0),
                "{ink} on {paper}"
            );
        }
    }

    #[test]
    fn an_empty_window_stays_empty() {
        let mut pixels = [200; WINDOW];
        pixels.iter_mut().step_by(3).for_each(|pixel| *pixel -= 6);
        let mut out = [0.0; WINDOW];
        stretch(&pixels, &mut out).unwrap();
        assert!(out.iter().all(|&value| value < 0.25));
    }
}
