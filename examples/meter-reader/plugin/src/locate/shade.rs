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

    for row in picture.rows().take(reach) {
        add(&mut columns, row);
    }
    for ((y, row), dark) in picture.rows().enumerate().zip(dark.chunks_exact_mut(width)) {
        if y + reach < height {
            add(&mut columns, picture.row(y + reach));
        }
        if let Some(gone) = y.checked_sub(reach + 1) {
            subtract(&mut columns, picture.row(gone));
        }
        // Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of the square
        // around a column is then the difference of two places a fixed distance apart.
        let mut total = 0;
        let (_, rest) = sums.split_at_mut(reach + 1);
        let (inner, after) = rest.split_at_mut(width);
        let mut add_up = |sums: &mut [i32], columns: &[u16]| {
            for (sum, &column) in sums.iter_mut().zip(columns) {
                total += i32::from(column);
                *sum = total;
            }
        };
        let (blocks, rest) = inner.as_chunks_mut::<BLOCK>();
        let (column_blocks, columns_rest) = columns.as_chunks::<BLOCK>();
        for (sums, columns) in blocks.iter_mut().zip(column_blocks) {
            add_up(sums, columns);
        }
        add_up(rest, columns_rest);
        after.fill(total);
        let share = SHARE / span(y, reach, height);
        let ends = sums.get(2 * reach + 1..).unwrap_or_default();
        let squares = sums.iter().zip(ends).zip(&across);
        for ((dark, &pixel), ((&start, &end), &across)) in dark.iter_mut().zip(row).zip(squares) {
            *dark = u8::from(f32::from(pixel) * across < (end - start) as f32 * share);
        }
    }
    dark
}

/// Columns in a turn of the loop that can do only one after the other; a sandbox looks at the clock once a turn.
const BLOCK: usize = 16;

/// How many of the places within `reach` of `x` lie within `0..size`.
fn span(x: usize, reach: usize, size: usize) -> f32 {
    ((x + reach + 1).min(size) - x.saturating_sub(reach)) as f32
}

fn add(columns: &mut [u16], row: &[u8]) {
    for (column, &pixel) in columns.iter_mut().zip(row) {
        *column += u16::from(pixel);
    }
}

fn subtract(columns: &mut [u16], row: &[u8]) {
    for (column, &pixel) in columns.iter_mut().zip(row) {
        *column -= u16::from(pixel);
    }
}
