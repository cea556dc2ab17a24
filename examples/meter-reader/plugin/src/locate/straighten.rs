//! The plate, turned upright and cut out.
//!
//! A small turn is two shears: every column moves up or down, then every row left or right. Each shear mixes
//! two neighbouring rows (or columns) with weights that are the same along a row, so both are plain loops over
//! slices. Bounded by the plate's size, which is at most the picture's.

use std::borrow::Cow;

use super::{NoRegister, Plate};
use crate::picture::Picture;

/// Columns whose source rows are the same pair, and where in the row they are.
struct Stretch {
    start: usize,
    end: usize,
    row: isize,
}

/// What the plate shows, upright, at the picture's scale.
#[inline(never)]
pub fn straighten(picture: &Picture<'_>, plate: &Plate) -> Result<Picture<'static>, NoRegister> {
    let (width, height) = (plate.width.round() as usize, plate.height.round() as usize);
    let sine = plate.slope / (1.0 + plate.slope * plate.slope).sqrt();
    // The second shear moves rows by up to this much to either side.
    let margin = (plate.height / 2.0 * sine.abs()).ceil() as usize + 1;
    let wide = width + 2 * margin;
    let left = plate.centre.0 - wide as f32 / 2.0;
    let first = left.floor() as isize;

    // First shear. `rows` and `weights` say where each column of the first output row comes from.
    let mut weights = vec![0u16; wide];
    let mut stretches: Vec<Stretch> = Vec::new();
    for (x, weight) in weights.iter_mut().enumerate() {
        let across = left + x as f32 + 0.5 - plate.centre.0;
        let y = plate.centre.1 + across * plate.slope - plate.height / 2.0;
        let row = y.floor();
        *weight = ((y - row) * 256.0) as u16;
        let row = row as isize;
        match stretches.last_mut() {
            Some(stretch) if stretch.row == row => stretch.end = x + 1,
            _ => stretches.push(Stretch {
                start: x,
                end: x + 1,
                row,
            }),
        }
    }
    let mut sheared = vec![0u8; wide * height];
    for (y, out) in sheared.chunks_exact_mut(wide).enumerate() {
        for stretch in &stretches {
            shear(picture, stretch, y as isize, first, &weights, out);
        }
    }

    // Second shear: what lies above the middle came from one side, what lies below from the other.
    let mut strip = vec![0; width * height];
    let rows = sheared
        .chunks_exact(wide)
        .zip(strip.chunks_exact_mut(width.max(1)));
    for (y, (row, out)) in rows.enumerate() {
        let down = y as f32 + 0.5 - height as f32 / 2.0;
        let from = margin as f32 - down * sine;
        let weight = ((from - from.floor()) * 256.0) as u16;
        let from = (from.floor() as usize).min(2 * margin - 1);
        let near = row.get(from..from + width).unwrap_or_default();
        let next = row.get(from + 1..from + 1 + width).unwrap_or_default();
        mix_rows(near, next, weight, out);
    }
    Ok(Picture::new(width, height, Cow::Owned(strip))?)
}

/// `weight` 256ths of the second row, the rest of the first.
#[inline(never)]
fn mix_rows(near: &[u8], next: &[u8], weight: u16, out: &mut [u8]) {
    let step = |near: &[u8], next: &[u8], out: &mut [u8]| {
        for ((out, &near), &next) in out.iter_mut().zip(near).zip(next) {
            *out = mix(near, next, weight);
        }
    };
    let (blocks, rest) = out.as_chunks_mut::<16>();
    let (near, near_rest) = near.as_chunks::<16>();
    let (next, next_rest) = next.as_chunks::<16>();
    for ((out, near), next) in blocks.iter_mut().zip(near).zip(next) {
        step(near, next, out);
    }
    step(near_rest, next_rest, rest);
}

/// Fills one stretch of one row. What lies beside the picture stays black; above and below, its edge goes on.
#[inline(never)]
fn shear(
    picture: &Picture<'_>,
    stretch: &Stretch,
    y: isize,
    first: isize,
    weights: &[u16],
    out: &mut [u8],
) {
    let inside = |x: usize| (x as isize + first).clamp(0, picture.width() as isize) as usize;
    let (from, to) = (inside(stretch.start), inside(stretch.end));
    let start = (from as isize - first) as usize;
    let places = start..start + (to - from);
    let upper = picture
        .row((stretch.row + y).max(0) as usize)
        .get(from..to)
        .unwrap_or_default();
    let lower = picture
        .row((stretch.row + y + 1).max(0) as usize)
        .get(from..to)
        .unwrap_or_default();
    let weights = weights.get(places.clone()).unwrap_or_default();
    let out = out.get_mut(places).unwrap_or_default();
    for (((out, &upper), &lower), &weight) in out.iter_mut().zip(upper).zip(lower).zip(weights) {
        *out = mix(upper, lower, weight);
    }
}

/// `weight` 256ths of `b`, the rest of `a`.
fn mix(a: u8, b: u8, weight: u16) -> u8 {
    ((u16::from(a) * (256 - weight) + u16::from(b) * weight) >> 8) as u8
}
