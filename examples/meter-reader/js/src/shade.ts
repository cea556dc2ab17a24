/**
 * Which pixels are dark against their surroundings.
 *
 * A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light that
 * changes slowly over the picture changes both and drops out. Sums are kept per column and slid down the
 * picture, so the cost does not depend on the size of the square.
 */

import type { Picture } from "./picture.js";

const { fround } = Math;

/** Half a side of the square, as a part of the picture's width. */
const REACH = 6;
/** Dark is below this share of the mean. */
const SHARE = 0.625;

/** One byte a pixel, 1 where it is dark. */
export function shade(picture: Picture): Uint8Array {
    const { width, height } = picture;
    const reach = Math.floor(width / REACH);
    const columns = new Int32Array(width);
    // Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of the
    // square around a column is then the difference of two places a fixed distance apart.
    const sums = new Int32Array(width + 2 * reach + 1);
    // The limits are to be 32-bit floats, which is what this rounds them to.
    const limits = new Float32Array(width);
    const across = Int32Array.from({ length: width }, (_, x) => span(x, reach, width));
    const add = (y: number, sign: number) => {
        const row = picture.row(y);
        for (let x = 0; x < width; x++) columns[x] += sign * row[x];
    };

    const dark = new Uint8Array(width * height);
    for (let y = 0; y < Math.min(reach, height); y++) add(y, 1);
    for (let y = 0; y < height; y++) {
        if (y + reach < height) add(y + reach, 1);
        if (y > reach) add(y - reach - 1, -1);
        let total = 0;
        for (let x = 0, place = reach + 1; x < width; x++, place++) {
            total += columns[x];
            sums[place] = total;
        }
        sums.fill(total, reach + 1 + width);

        const share = fround(SHARE / span(y, reach, height));
        const row = picture.row(y);
        for (let x = 0, end = 2 * reach + 1; x < width; x++, end++)
            limits[x] = (sums[end] - sums[x]) * share;
        // Whole numbers below 2^24, which are 32-bit floats already.
        for (let x = 0, place = y * width; x < width; x++, place++)
            if (row[x] * across[x] < limits[x]) dark[place] = 1;
    }
    return dark;
}

/** How many of the places within `reach` of `x` lie within 0..size. */
function span(x: number, reach: number, size: number): number {
    return Math.min(x + reach + 1, size) - Math.max(x - reach, 0);
}
