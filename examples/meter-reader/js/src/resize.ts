/**
 * Making a window the model's square: linear weights over all that a new pixel covers, in fixed point,
 * first down, then across. This is what the library does that the Rust plugin uses, so that all languages
 * see the same digits.
 */

import type { Picture } from "./picture.js";

const { abs, ceil, floor, max, min } = Math;

/** Rows and columns of the model's input. */
export const SIDE = 16;

/** Bits that a weight may have, its sign apart. */
const WEIGHT_BITS = 15;
/** Bits that a sum has left beside a pixel's eight and two for what overflows. */
const MOST_PRECISION = 32 - 8 - 2;

/** The old pixels that a new one is made of: the first one and their weights. */
interface Part {
    first: number;
    weights: Int32Array;
}

/** The weights of one axis. */
class Weights {
    private readonly parts: Part[];
    /** A weight of one is two to the power of this. */
    private readonly precision: number;

    /** For an axis of `size` places. */
    constructor(size: number) {
        const scale = size / SIDE;
        const radius = max(scale, 1);
        const exact: { first: number; weights: number[] }[] = [];
        for (let place = 0; place < SIDE; place++) {
            const centre = (place + 0.5) * scale;
            const first = max(floor(centre - radius), 0);
            const end = min(ceil(centre + radius), size);
            const weights: number[] = [];
            for (let x = first; x < end; x++)
                weights.push(max(1 - abs((x - (centre - 0.5)) * (1 / radius)), 0));
            const sum = weights.reduce((sum, weight) => sum + weight, 0);
            exact.push({ first, weights: weights.map((weight) => weight / sum) });
        }
        this.precision = precisionFor(max(...exact.flatMap(({ weights }) => weights)));
        this.parts = exact.map(({ first, weights }) => ({
            first,
            weights: Int32Array.from(weights, (weight) => floor(weight * 2 ** this.precision + 0.5)),
        }));
    }

    /** The new pixel at `place`, from the old ones at `from` and every `stride` after it. */
    mean(pixels: Uint8Array, from: number, stride: number, place: number): number {
        const { first, weights } = this.parts[place];
        let sum = 1 << (this.precision - 1);
        let at = from + first * stride;
        for (let x = 0; x < weights.length; x++, at += stride) sum += pixels[at] * weights[x];
        return min(sum >> this.precision, 255);
    }
}

/** As fine as the largest weight allows. */
function precisionFor(largest: number): number {
    let precision = 0;
    while (
        precision + 1 < MOST_PRECISION &&
        floor(largest * 2 ** (precision + 1) + 0.5) < 2 ** WEIGHT_BITS
    )
        precision++;
    return precision;
}

/** Resizes windows of one size. */
export class Resizer {
    private readonly across: Weights;
    private readonly down: Weights;
    private readonly lower: Uint8Array;

    constructor(
        private readonly width: number,
        height: number,
    ) {
        this.across = new Weights(width);
        this.down = new Weights(height);
        this.lower = new Uint8Array(SIDE * width);
    }

    /** The window whose upper left pixel is this. */
    resize(picture: Picture, left: number, top: number): Uint8Array {
        const { across, down, lower, width } = this;
        const from = top * picture.width + left;
        for (let y = 0, place = 0; y < SIDE; y++)
            for (let x = 0; x < width; x++, place++)
                lower[place] = down.mean(picture.luma, from + x, picture.width, y);
        const square = new Uint8Array(SIDE * SIDE);
        for (let y = 0, place = 0; y < SIDE; y++)
            for (let x = 0; x < SIDE; x++, place++)
                square[place] = across.mean(lower, y * width, 1, x);
        return square;
    }
}
