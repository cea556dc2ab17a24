//! The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
//!
//! Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper and lower
//! edges are fitted to the outermost dark pixels of its columns, leaving out those that other dark things
//! stick to; its ends are medians. Bounded by the number of runs, at most half a picture's pixels.

use super::NoRegister;

/// A plate's least width, as a part of the picture's.
const LEAST_WIDTH: f32 = 0.3;
/// Bounds of width over height.
const PROPORTIONS: std::ops::RangeInclusive<f32> = 2.0..=9.0;
/// The steepest slope that is still read: about 12 degrees.
const STEEPEST: f32 = 0.21;
/// Edge pixels further than this from the fitted line, in pixels, do not belong to it.
const STRAY: f32 = 1.5;

/// A rectangle that may be turned a little.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plate {
    /// The middle, in pixels from the picture's upper left corner.
    pub centre: (f32, f32),
    /// In pixels, along the plate's own axes.
    pub width: f32,
    /// In pixels, along the plate's own axes.
    pub height: f32,
    /// Pixels down for each pixel to the right.
    pub slope: f32,
}

/// A stretch of dark pixels in one row: columns `start..end`.
#[derive(Debug, Clone, Copy)]
struct Run {
    y: usize,
    start: usize,
    end: usize,
    shape: usize,
}

/// What is known of a shape: its pixels and the box around it.
#[derive(Debug, Clone, Copy)]
struct Extent {
    pixels: usize,
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

/// Finds the plate among the dark pixels of a picture of this width.
pub fn find(dark: &[u8], width: usize) -> Result<Plate, NoRegister> {
    let runs = shapes(dark, width);
    let (shape, extent) = largest(&runs, width).ok_or(NoRegister::Plate)?;
    let runs: Vec<Run> = runs.into_iter().filter(|run| run.shape == shape).collect();
    lie(&runs, &extent).ok_or(NoRegister::Plate)
}

/// All runs, each with the number of its shape.
#[inline(never)]
fn shapes(dark: &[u8], width: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    // For each shape, the shape that it was found to be a part of; itself where there is none.
    let mut parents: Vec<usize> = Vec::new();
    let mut above = 0;
    for (y, row) in dark.chunks_exact(width).enumerate() {
        let first = runs.len();
        let mut x = 0;
        while let Some(start) = position(row, x, 1) {
            let end = position(row, start, 0).unwrap_or(width);
            // Runs of the row above that end before this one starts touch nothing further right either.
            while runs
                .get(above)
                .is_some_and(|run| above < first && run.end <= start)
            {
                above += 1;
            }
            let mut shape = None;
            for run in runs
                .get(above..first)
                .unwrap_or_default()
                .iter()
                .take_while(|run| run.start < end)
            {
                let other = root(&parents, run.shape);
                let joined = shape.map_or(other, |shape: usize| shape.min(other));
                for part in [shape, Some(other)].into_iter().flatten() {
                    if let Some(parent) = parents.get_mut(part) {
                        *parent = joined;
                    }
                }
                shape = Some(joined);
            }
            let shape = shape.unwrap_or_else(|| {
                parents.push(parents.len());
                parents.len() - 1
            });
            runs.push(Run {
                y,
                start,
                end,
                shape,
            });
            x = end;
        }
        above = first;
    }
    for run in &mut runs {
        run.shape = root(&parents, run.shape);
    }
    runs
}

/// Where the next pixel of this value is, from `from` on. Pixels are 0 or 1, so that sixteen of them are one number,
/// whose lowest set bit says where.
fn position(row: &[u8], from: usize, value: u8) -> Option<usize> {
    let row = row.get(from..)?;
    let (blocks, rest) = row.as_chunks::<16>();
    let without = u128::from_le_bytes([value ^ 1; 16]);
    let passed = from + blocks.as_flattened().len();
    let in_blocks = blocks.iter().enumerate().find_map(|(place, block)| {
        let found = u128::from_le_bytes(*block) ^ without;
        (found != 0).then(|| from + 16 * place + found.trailing_zeros() as usize / 8)
    });
    let in_rest = || rest.iter().position(|&pixel| pixel == value);
    in_blocks.or_else(|| in_rest().map(|found| passed + found))
}

/// The shape that this one is in the end a part of. Parents have smaller numbers, so this ends.
fn root(parents: &[usize], mut shape: usize) -> usize {
    while let Some(&parent) = parents.get(shape) {
        if parent >= shape {
            break;
        }
        shape = parent;
    }
    shape
}

/// The shape with the most pixels among those that could be a plate.
#[inline(never)]
fn largest(runs: &[Run], width: usize) -> Option<(usize, Extent)> {
    let shapes = runs.iter().map(|run| run.shape + 1).max()?;
    let mut extents: Vec<Option<Extent>> = vec![None; shapes];
    for run in runs {
        let slot = extents.get_mut(run.shape)?;
        let known = slot.get_or_insert(Extent {
            pixels: 0,
            left: run.start,
            right: run.end,
            top: run.y,
            bottom: run.y + 1,
        });
        known.pixels += run.end - run.start;
        known.left = known.left.min(run.start);
        known.right = known.right.max(run.end);
        known.bottom = run.y + 1;
    }
    let least = (width as f32 * LEAST_WIDTH) as usize;
    let candidates = extents
        .into_iter()
        .enumerate()
        .filter_map(|(shape, extent)| Some((shape, extent?)));
    candidates
        .filter(|(_, extent)| {
            let (wide, high) = (extent.right - extent.left, extent.bottom - extent.top);
            wide >= least && high >= 12 && wide >= high && extent.pixels * 6 >= wide * high
        })
        .max_by_key(|(_, extent)| extent.pixels)
}

/// How the plate lies, from the runs of its shape in the order of their rows.
#[inline(never)]
fn lie(runs: &[Run], extent: &Extent) -> Option<Plate> {
    let wide = extent.right - extent.left;
    // In rows, which fit 16 bits, and not in floats: a sandbox has no instruction for the lesser of two of these.
    let mut upper = vec![NONE; wide];
    let mut lower = vec![NONE; wide];
    for run in runs {
        let columns = run.start - extent.left..run.end - extent.left;
        let y = u16::try_from(run.y).ok()?;
        upper
            .get_mut(columns.clone())?
            .iter_mut()
            .for_each(|edge| *edge = (*edge).min(y));
        lower.get_mut(columns)?.fill(y + 1);
    }
    // Rounded corners and the slanted ends are no part of the edges.
    let skip = wide / 10;
    let inner = |edge: &[u16]| line(edge.get(skip..wide - skip)?, (extent.left + skip) as f32);
    let (upper, lower) = (inner(&upper)?, inner(&lower)?);
    let slope = (upper.1 + lower.1) / 2.0;
    if slope.abs() > STEEPEST || (upper.1 - lower.1).abs() > STEEPEST / 2.0 {
        return None;
    }

    // The ends, measured along the plate.
    let cosine = 1.0 / (1.0 + slope * slope).sqrt();
    let sine = slope * cosine;
    let along = |x: usize, y: usize| x as f32 * cosine + (y as f32 + 0.5) * sine;
    let mut lefts = Vec::new();
    let mut rights = Vec::new();
    for row in runs.chunk_by(|a, b| a.y == b.y) {
        lefts.push(along(row.first()?.start, row.first()?.y));
        rights.push(along(row.last()?.end, row.last()?.y));
    }
    let (left, right) = (median(&mut lefts)?, median(&mut rights)?);

    let (width, height) = (right - left, (lower.0 - upper.0) * cosine);
    if !PROPORTIONS.contains(&(width / height)) {
        return None;
    }
    // Back from along the plate to the picture: the middle lies on the line halfway between the edges.
    let halfway = (lower.0 + upper.0) / 2.0;
    let x = ((left + right) / 2.0 - halfway * sine) / (cosine + slope * sine);
    Some(Plate {
        centre: (x, halfway + slope * x),
        width,
        height,
        slope,
    })
}

/// An edge where there is none; no picture has as many rows.
const NONE: u16 = u16::MAX;

/// The line through the points (`first` + place + 0.5, value): its value at zero and its slope. Fitted three
/// times, each time without the points that the line before left lying far off.
#[inline(never)]
fn line(values: &[u16], first: f32) -> Option<(f32, f32)> {
    let mut found: Option<(f32, f32)> = None;
    for allowed in [f32::MAX, 3.0 * STRAY, STRAY] {
        let (mut count, mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (place, &edge) in values.iter().enumerate() {
            let (x, y) = (place as f32, f32::from(edge));
            if edge != NONE && found.is_none_or(|(at, slope)| (y - at - slope * x).abs() <= allowed)
            {
                count += 1.0;
                sx += x;
                sy += y;
                sxx += x * x;
                sxy += x * y;
            }
        }
        let spread = count * sxx - sx * sx;
        if count < 8.0 || spread <= 0.0 {
            return None;
        }
        let slope = (count * sxy - sx * sy) / spread;
        found = Some(((sy - slope * sx) / count, slope));
    }
    found.map(|(at, slope)| (at - slope * (first + 0.5), slope))
}

fn median(values: &mut [f32]) -> Option<f32> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}
