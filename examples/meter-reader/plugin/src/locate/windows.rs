//! The digit windows of an upright plate.
//!
//! A column that crosses a window has something light in it, ink or no ink, since the ink never fills a window
//! from its upper to its lower edge; a column between two windows has nothing light. The same goes for rows. So
//! the windows are stretches of the columns' and rows' maxima, and five of them in an even row are a register.

use super::{DIGITS, NoRegister};
use crate::picture::Picture;

/// Where a digit is, in pixels of the strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first column.
    pub left: usize,
    /// The first row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// The strip's outermost rows may show what lies beside the plate: this part of its height is left out.
const RIM: usize = 9;
/// A centre may be this far from where an even row has it, as a part of the distance of two centres.
const UNEVEN: f32 = 0.12;
/// A window's width may differ this much from the median of the five, as a part of it.
const ODD: f32 = 0.3;

/// Finds the windows.
#[inline(never)]
pub fn find(strip: &Picture<'_>) -> Result<[Window; DIGITS], NoRegister> {
    let (width, height) = (strip.width(), strip.height());
    let rim = height / RIM;
    let mut across = vec![0u8; width];
    for row in strip.rows().take(height - rim).skip(rim) {
        for (most, &pixel) in across.iter_mut().zip(row) {
            *most = (*most).max(pixel);
        }
    }
    let light = lighter(&across, width / DIGITS);
    let found = stretches(&light, 2, (width / 40).max(3));
    let (pitch, first, wide) = even(&found)?;

    // The row maxima of each window's columns; of the five, the third is what a row is judged by.
    let lefts: [usize; DIGITS] = std::array::from_fn(|place| {
        (first + pitch * place as f32 - wide / 2.0).round().max(0.0) as usize
    });
    let wide = wide.round() as usize;
    let down: Vec<u8> = strip
        .rows()
        .map(|row| {
            let mut most = lefts.map(|left| {
                let window = row.get(left..left + wide).unwrap_or_default();
                window.iter().copied().fold(0, u8::max)
            });
            most.sort_unstable();
            let [_, _, third, _, _] = most;
            third
        })
        .collect();
    let light = lighter(&down, height);
    let rows = stretches(&light, 2, height / 3);
    let middle = height / 2;
    let (top, bottom) = rows
        .into_iter()
        .find(|(start, end)| (*start..*end).contains(&middle))
        .ok_or(NoRegister::Uneven)?;
    let last = lefts.last().map_or(0, |left| left + wide);
    if last > width {
        return Err(NoRegister::Uneven);
    }
    Ok(lefts.map(|left| Window {
        left,
        top,
        width: wide,
        height: bottom - top,
    }))
}

/// Which places are nearer to the lightest than to the darkest of those within `reach`.
fn lighter(profile: &[u8], reach: usize) -> Vec<bool> {
    let least = within(profile, reach, u8::MAX, u8::min);
    let most = within(profile, reach, 0, u8::max);
    profile
        .iter()
        .zip(least.into_iter().zip(most))
        .map(|(&value, (least, most))| {
            let (least, most) = (u16::from(least), u16::from(most));
            most > least + 20 && u16::from(value) * 2 > least + most
        })
        .collect()
}

/// What `best` leaves over of the values within `reach` of each place; beyond the ends it is `beyond`. The values of
/// a stretch twice as long are those of two stretches, so this takes few passes however far it reaches.
#[inline(never)]
fn within(profile: &[u8], reach: usize, beyond: u8, best: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let mut found = vec![beyond; reach];
    found.extend_from_slice(profile);
    found.resize(profile.len() + 2 * reach, beyond);
    // Each is what is left over of this many values, from its place on.
    let mut covered = 1;
    while covered < 2 * reach + 1 {
        let step = covered.min(2 * reach + 1 - covered);
        let further = found.get(step..).unwrap_or_default();
        found = found
            .iter()
            .zip(further)
            .map(|(&a, &b)| best(a, b))
            .collect();
        covered += step;
    }
    found
}

/// Stretches `start..end` of places that hold, of at least `least`; gaps of up to `gap` do not part them.
fn stretches(holds: &[bool], gap: usize, least: usize) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (place, _) in holds.iter().enumerate().filter(|(_, holds)| **holds) {
        match found.last_mut() {
            Some((_, end)) if place <= *end + gap => *end = place + 1,
            _ => found.push((place, place + 1)),
        }
    }
    found.retain(|(start, end)| end - start >= least);
    found
}

/// The distance of two windows' centres, the first one's centre and their width, where the stretches are an
/// even row of windows.
fn even(found: &[(usize, usize)]) -> Result<(f32, f32, f32), NoRegister> {
    let found: [(usize, usize); DIGITS] = found
        .try_into()
        .map_err(|_| NoRegister::Windows(found.len()))?;
    let mut widths = found.map(|(start, end)| (end - start) as f32);
    widths.sort_unstable_by(f32::total_cmp);
    let [narrowest, _, wide, _, widest] = widths;
    let centres = found.map(|(start, end)| (start + end) as f32 / 2.0);
    // Least squares over places -2 to 2.
    let [a, b, c, d, e] = centres;
    let pitch = (2.0 * (e - a) + (d - b)) / 10.0;
    let first = (a + b + c + d + e) / 5.0 - 2.0 * pitch;
    let off = centres
        .iter()
        .zip(0u8..)
        .any(|(centre, place)| (centre - first - pitch * f32::from(place)).abs() > UNEVEN * pitch);
    if off || narrowest < wide * (1.0 - ODD) || widest > wide * (1.0 + ODD) || wide > pitch {
        return Err(NoRegister::Uneven);
    }
    Ok((pitch, first, wide))
}
