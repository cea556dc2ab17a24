/**
 * The plate, turned upright and cut out.
 *
 * A small turn is two shears: every column moves up or down, then every row left or right. Each shear
 * mixes two neighbouring rows (or columns) with weights that are the same along a row, so both are plain
 * loops. Bounded by the plate's size, which is at most the picture's.
 */

import { Picture } from "./picture.js";
import type { Plate } from "./plate.js";

const { abs, ceil, floor, fround, max, min, sqrt } = Math;

/** What the plate shows, upright, at the picture's scale. */
export function straighten(picture: Picture, plate: Plate): Picture {
    const width = floor(plate.width + 0.5);
    const height = floor(plate.height + 0.5);
    const sine = fround(plate.slope / fround(sqrt(fround(1 + fround(plate.slope * plate.slope)))));
    // The second shear moves rows by up to this much to either side.
    const margin = ceil(fround((plate.height / 2) * abs(sine))) + 1;
    const wide = width + 2 * margin;
    const sheared = shear(picture, plate, wide, height);

    // Second shear: what lies above the middle came from one side, what lies below from the other.
    const strip = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
        const down = fround(y + 0.5 - height / 2);
        const from = fround(margin - fround(down * sine));
        const weight = floor((from - floor(from)) * 256);
        const rest = 256 - weight;
        let near = y * wide + min(max(floor(from), 0), 2 * margin - 1);
        for (let x = y * width; x < (y + 1) * width; x++, near++)
            strip[x] = (sheared[near] * rest + sheared[near + 1] * weight) >> 8;
    }
    return new Picture(width, height, strip);
}

/**
 * Moves every column up or down. What lies beside the picture stays black; above and below, its edge goes
 * on.
 */
function shear(picture: Picture, plate: Plate, wide: number, height: number): Uint8Array {
    const left = fround(plate.centreX - wide / 2);
    const first = floor(left);
    // Where each column of the first row comes from: `weights` 256ths of the row below `rows`.
    const rows = new Int32Array(wide);
    const weights = new Int32Array(wide);
    for (let x = 0; x < wide; x++) {
        const across = fround(fround(fround(left + x) + 0.5) - plate.centreX);
        const middle = fround(plate.centreY + fround(across * plate.slope));
        const y = fround(middle - plate.height / 2);
        rows[x] = floor(y);
        weights[x] = floor(fround(y - rows[x]) * 256);
    }

    const sheared = new Uint8Array(wide * height);
    const end = min(wide, picture.width - first);
    for (let y = 0; y < height; y++) {
        for (let x = max(0, -first); x < end; ) {
            // Neighbouring columns mostly come from the same pair of rows.
            const row = rows[x];
            const upper = picture.row(row + y);
            const lower = picture.row(row + y + 1);
            for (; x < end && rows[x] === row; x++) {
                const weight = weights[x];
                const from = x + first;
                sheared[y * wide + x] = (upper[from] * (256 - weight) + lower[from] * weight) >> 8;
            }
        }
    }
    return sheared;
}
