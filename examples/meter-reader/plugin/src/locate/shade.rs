//! Which pixels are dark against their surroundings.
//!
//! A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light that
//! changes slowly over the picture changes both and drops out. Sums are kept per column and slid down the
//! picture, so the cost does not depend on the size of the square.

use crate::picture::Picture;

/// Half a side of the square, as a part of the picture's width.
const REACH: usize = 6;
/// Dark is below this share of the mean.
const SHARE: f32 = 0.625;

/// One byte a pixel, 1 where it is dark.
///
/// `WORKING_WIDTH` keeps squares below 200 pixels a side: a column's sum fits 16 bits, a square's the 24 that an
/// f32 holds exactly.
pub fn dark(picture: &Picture<'_>) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let reach = width / REACH;
    let mut columns = vec![0u16; width];
    let mut sums = vec![0i32; width + 2 * reach + 1];
    let across: Vec<f32> = (0..width).map(|x| span(x, reach, width)).collect();
    let mut dark = vec![0; width * height];
    let nothing = vec![0; width];

    for row in picture.rows().take(reach) {
        slide(&mut columns, row, &nothing);
    }
    for ((y, row), dark) in picture.rows().enumerate().zip(dark.chunks_exact_mut(width)) {
        let below = y + reach;
        let come = if below < height {
            picture.row(below)
        } else {
            &nothing
        };
        let gone = y
            .checked_sub(reach + 1)
            .map_or(nothing.as_slice(), |above| picture.row(above));
        slide(&mut columns, come, gone);
        // Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of the square
        // around a column is then the difference of two places a fixed distance apart.
        let (_, rest) = sums.split_at_mut(reach + 1);
        let (inner, after) = rest.split_at_mut(width);
        after.fill(add_up(&columns, inner));
        let share = SHARE / span(y, reach, height);
        let ends = sums.get(2 * reach + 1..).unwrap_or_default();
        compare(row, &across, &sums, ends, share, dark);
    }
    dark
}

/// How many of the places within `reach` of `x` lie within `0..size`.
fn span(x: usize, reach: usize, size: usize) -> f32 {
    ((x + reach + 1).min(size) - x.saturating_sub(reach)) as f32
}

/// Columns in a turn of a loop; a sandbox looks at the clock once a turn.
const BLOCK: usize = 16;

/// The columns' sums, one row further down.
#[inline(never)]
fn slide(columns: &mut [u16], come: &[u8], gone: &[u8]) {
    let step = |columns: &mut [u16], come: &[u8], gone: &[u8]| {
        for ((column, &come), &gone) in columns.iter_mut().zip(come).zip(gone) {
            *column = column.wrapping_add(come.into()).wrapping_sub(gone.into());
        }
    };
    let (blocks, rest) = columns.as_chunks_mut::<BLOCK>();
    let (come, come_rest) = come.as_chunks::<BLOCK>();
    let (gone, gone_rest) = gone.as_chunks::<BLOCK>();
    for ((columns, come), gone) in blocks.iter_mut().zip(come).zip(gone) {
        step(columns, come, gone);
    }
    step(rest, come_rest, gone_rest);
}

/// Running sums of the columns; what they add up to.
#[inline(never)]
fn add_up(columns: &[u16], sums: &mut [i32]) -> i32 {
    let mut total = 0;
    let mut step = |sums: &mut [i32], columns: &[u16]| {
        for (sum, &column) in sums.iter_mut().zip(columns) {
            total += i32::from(column);
            *sum = total;
        }
    };
    let (blocks, rest) = sums.as_chunks_mut::<BLOCK>();
    let (columns, columns_rest) = columns.as_chunks::<BLOCK>();
    for (sums, columns) in blocks.iter_mut().zip(columns) {
        step(sums, columns);
    }
    step(rest, columns_rest);
    total
}

/// One row: 1 where a pixel is below its share of the mean.
#[inline(never)]
fn compare(row: &[u8], across: &[f32], starts: &[i32], ends: &[i32], share: f32, dark: &mut [u8]) {
    let step = |row: &[u8], across: &[f32], starts: &[i32], ends: &[i32], dark: &mut [u8]| {
        let squares = starts.iter().zip(ends).zip(across);
        for ((dark, &pixel), ((&start, &end), &across)) in dark.iter_mut().zip(row).zip(squares) {
            *dark = u8::from(f32::from(pixel) * across < (end - start) as f32 * share);
        }
    };
    // Long enough that a compiler makes vectors of a block, and not single steps.
    const BLOCK: usize = 32;
    let (blocks, rest) = dark.as_chunks_mut::<BLOCK>();
    let (row, row_rest) = row.as_chunks::<BLOCK>();
    let (across, across_rest) = across.as_chunks::<BLOCK>();
    let (ends, ends_rest) = ends.as_chunks::<BLOCK>();
    // There are more of these.
    let (starts, starts_rest) = starts
        .split_at_checked(blocks.len() * BLOCK)
        .unwrap_or_default();
    let squares = starts.as_chunks::<BLOCK>().0.iter().zip(ends).zip(across);
    for ((dark, row), ((starts, ends), across)) in blocks.iter_mut().zip(row).zip(squares) {
        step(row, across, starts, ends, dark);
    }
    step(row_rest, across_rest, starts_rest, ends_rest, rest);
}
