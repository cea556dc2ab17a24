/**
 * The plate, turned upright and cut out.
 *
 * A small turn is two shears: every column moves up or down, then every row left or right. Each shear
 * mixes two neighbouring rows (or columns) with weights that are the same along a row, so both are plain
 * loops. Bounded by the plate's size, which is at most the picture's; every index is bounded by its loop.
 */

import { Picture } from "./picture";
import { Plate } from "./plate";

/** What the plate shows, upright, at the picture's scale. */
export function straighten(picture: Picture, plate: Plate): Picture {
    const width = <i32>floor<f32>(plate.width + 0.5);
    const height = <i32>floor<f32>(plate.height + 0.5);
    const sine = plate.slope / sqrt<f32>(1 + plate.slope * plate.slope);
    // The second shear moves rows by up to this much to either side.
    const margin = <i32>ceil<f32>((plate.height / 2) * abs(sine)) + 1;
    const wide = width + 2 * margin;
    const sheared = shear(picture, plate, wide, height);

    // Second shear: what lies above the middle came from one side, what lies below from the other.
    const strip = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
        const down = <f32>y + 0.5 - <f32>height / 2;
        const from = <f32>margin - down * sine;
        const weight = <i32>((from - floor<f32>(from)) * 256);
        let near = y * wide + min(max(<i32>floor<f32>(from), 0), 2 * margin - 1);
        for (let x = y * width; x < (y + 1) * width; x++, near++)
            unchecked((strip[x] = mix(unchecked(sheared[near]), unchecked(sheared[near + 1]), weight)));
    }
    return new Picture(width, height, strip);
}

/**
 * Moves every column up or down. What lies beside the picture stays black; above and below, its edge goes
 * on.
 */
function shear(picture: Picture, plate: Plate, wide: i32, height: i32): Uint8Array {
    const left = plate.centreX - <f32>wide / 2;
    const first = <i32>floor<f32>(left);
    // Where each column of the first row comes from: `weights` 256ths of the row below `rows`.
    const rows = new StaticArray<i32>(wide);
    const weights = new StaticArray<i32>(wide);
    for (let x = 0; x < wide; x++) {
        const across = left + <f32>x + 0.5 - plate.centreX;
        const y = plate.centreY + across * plate.slope - plate.height / 2;
        const row = floor<f32>(y);
        rows[x] = <i32>row;
        weights[x] = <i32>((y - row) * 256);
    }

    const luma = picture.luma;
    const sheared = new Uint8Array(wide * height);
    const end = min(wide, picture.width - first);
    for (let y = 0; y < height; y++) {
        for (let x = max(0, -first); x < end; ) {
            // Neighbouring columns mostly come from the same pair of rows.
            const row = rows[x];
            const upper = picture.row(row + y) + first;
            const lower = picture.row(row + y + 1) + first;
            for (; x < end && unchecked(rows[x]) == row; x++)
                unchecked(
                    (sheared[y * wide + x] = mix(
                        unchecked(luma[upper + x]),
                        unchecked(luma[lower + x]),
                        unchecked(weights[x]),
                    )),
                );
        }
    }
    return sheared;
}

/** `weight` 256ths of `b`, the rest of `a`. */
// @ts-ignore: decorator
@inline
function mix(a: u8, b: u8, weight: i32): u8 {
    return <u8>((<i32>a * (256 - weight) + <i32>b * weight) >> 8);
}
