//! Which pixels are dark against their surroundings.
//!
//! A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light that
//! changes slowly over the picture changes both and drops out. Sums are kept per column and slid down the
//! picture, so the cost does not depend on the size of the square.

use crate::picture::Picture;

/// Half a side of the square, as a part of the picture's width.
const REACH: usize = 6;
/// Dark is below this share of the mean, in 64ths.
const SHARE: u32 = 40;

/// One byte a pixel, 1 where it is dark.
pub fn dark(picture: &Picture<'_>) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let reach = width / REACH;
    let mut columns = vec![0u32; width];
    let mut sums = vec![0u32; width + 2 * reach + 1];
    let across: Vec<u32> = (0..width).map(|x| span(x, reach, width)).collect();
    let mut dark = Vec::with_capacity(width * height);

    for row in picture.rows().take(reach) {
        add(&mut columns, row);
    }
    for (y, row) in picture.rows().enumerate() {
        if y + reach < height {
            add(&mut columns, picture.row(y + reach));
        }
        if let Some(gone) = y.checked_sub(reach + 1) {
            subtract(&mut columns, picture.row(gone));
        }
        // Running sums with `reach` zeros before them and `reach` repeats after them: the sum of the square
        // around x is then a difference of two places a fixed distance apart.
        let mut total = 0;
        let (_, rest) = sums.split_at_mut(reach + 1);
        let (inner, after) = rest.split_at_mut(width);
        for (sum, &column) in inner.iter_mut().zip(&columns) {
            total += column;
            *sum = total;
        }
        after.fill(total);
        let down = span(y, reach, height) * 64;
        let ends = sums.get(2 * reach + 1..).unwrap_or_default();
        let starts = &sums;
        dark.extend(row.iter().zip(ends).zip(starts).zip(&across).map(|(((&pixel, &end), &start), &across)| {
            // Both sides stay below 2^32 for squares of up to 500 pixels a side; `WORKING_WIDTH` keeps them
            // below 200.
            u8::from(u32::from(pixel) * across * down < (end - start) * SHARE)
        }));
    }
    dark
}

/// How many of the places within `reach` of `x` lie within `0..size`.
fn span(x: usize, reach: usize, size: usize) -> u32 {
    ((x + reach + 1).min(size) - x.saturating_sub(reach)) as u32
}

fn add(columns: &mut [u32], row: &[u8]) {
    for (column, &pixel) in columns.iter_mut().zip(row) {
        *column += u32::from(pixel);
    }
}

fn subtract(columns: &mut [u32], row: &[u8]) {
    for (column, &pixel) in columns.iter_mut().zip(row) {
        *column -= u32::from(pixel);
    }
}
