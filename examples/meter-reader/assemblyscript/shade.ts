/**
 * Which pixels are dark against their surroundings.
 *
 * A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light that
 * changes slowly over the picture changes both and drops out. Sums are kept per column and slid down the
 * picture, so the cost does not depend on the size of the square. Every index is bounded by its loop.
 */

import { Picture } from "./picture";

/** Half a side of the square, as a part of the picture's width. */
const REACH = 6;
/** Dark is below this share of the mean. */
const SHARE: f32 = 0.625;

/** One byte a pixel, 1 where it is dark. */
export function shade(picture: Picture): Uint8Array {
    const width = picture.width;
    const height = picture.height;
    const luma = picture.luma;
    const reach = width / REACH;
    const columns = new StaticArray<i32>(width);
    // Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of the
    // square around a column is then the difference of two places a fixed distance apart.
    const sums = new StaticArray<i32>(width + 2 * reach + 1);
    const across = new StaticArray<f32>(width);
    for (let x = 0; x < width; x++) across[x] = <f32>span(x, reach, width);

    const dark = new Uint8Array(width * height);
    for (let y = 0; y < min(reach, height); y++) add(columns, picture, y, 1);
    for (let y = 0; y < height; y++) {
        if (y + reach < height) add(columns, picture, y + reach, 1);
        if (y > reach) add(columns, picture, y - reach - 1, -1);
        let total = 0;
        for (let x = 0, place = reach + 1; x < width; x++, place++) {
            total += unchecked(columns[x]);
            unchecked((sums[place] = total));
        }
        for (let place = reach + 1 + width; place < sums.length; place++)
            unchecked((sums[place] = total));

        const share = SHARE / <f32>span(y, reach, height);
        const row = picture.row(y);
        for (let x = 0, end = 2 * reach + 1; x < width; x++, end++) {
            // Whole numbers below 2^24, which are 32-bit floats exactly.
            const limit = <f32>(unchecked(sums[end]) - unchecked(sums[x])) * share;
            const light = <f32>unchecked(luma[row + x]) * unchecked(across[x]);
            unchecked((dark[y * width + x] = <u8>(light < limit)));
        }
    }
    return dark;
}

function add(columns: StaticArray<i32>, picture: Picture, y: i32, sign: i32): void {
    const row = picture.row(y);
    const luma = picture.luma;
    for (let x = 0; x < columns.length; x++)
        unchecked((columns[x] += sign * <i32>unchecked(luma[row + x])));
}

/** How many of the places within `reach` of `x` lie within 0..size. */
function span(x: i32, reach: i32, size: i32): i32 {
    return min(x + reach + 1, size) - max(x - reach, 0);
}
