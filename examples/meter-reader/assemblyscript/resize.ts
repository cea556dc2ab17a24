/**
 * Making a window the model's square: linear weights over all that a new pixel covers, in fixed point,
 * first down, then across. This is what the library does that the Rust plugin uses, so that all languages
 * see the same digits.
 */

import { Picture } from "./picture";

/** Rows and columns of the model's input. */
export const SIDE = 16;

/** Bits that a weight may have, its sign apart. */
const WEIGHT_BITS = 15;
/** Bits that a sum has left beside a pixel's eight and two for what overflows. */
const MOST_PRECISION = 32 - 8 - 2;

/** The weights of one axis: for each new pixel the first old one, how many, and the weight of each. */
class Weights {
    private readonly firsts: StaticArray<i32> = new StaticArray<i32>(SIDE);
    private readonly counts: StaticArray<i32> = new StaticArray<i32>(SIDE);
    private weights: StaticArray<i32> = [];
    /** Room for the weights of one new pixel. */
    private room: i32 = 0;
    /** A weight of one is two to the power of this. */
    private precision: i32 = 0;

    /** For an axis of `size` places. */
    constructor(size: i32) {
        const scale = <f64>size / SIDE;
        const radius = max<f64>(scale, 1);
        const room = 2 * <i32>ceil<f64>(radius) + 1;
        const exact = new StaticArray<f64>(SIDE * room);
        let largest: f64 = 0;
        for (let place = 0; place < SIDE; place++) {
            const centre = (<f64>place + 0.5) * scale;
            const first = max(<i32>floor<f64>(centre - radius), 0);
            const end = min(<i32>ceil<f64>(centre + radius), size);
            let sum: f64 = 0;
            for (let x = first; x < end; x++) {
                const distance = abs((<f64>x - (centre - 0.5)) * (1 / radius));
                const weight = max<f64>(1 - distance, 0);
                exact[place * room + x - first] = weight;
                sum += weight;
            }
            for (let x = place * room; x < place * room + end - first; x++) {
                exact[x] /= sum;
                largest = max(largest, exact[x]);
            }
            this.firsts[place] = first;
            this.counts[place] = end - first;
        }
        const precision = precisionFor(largest);
        const weights = new StaticArray<i32>(exact.length);
        for (let place = 0; place < exact.length; place++)
            weights[place] = <i32>floor<f64>(exact[place] * <f64>(1 << precision) + 0.5);
        this.weights = weights;
        this.room = room;
        this.precision = precision;
    }

    /** The new pixel at `place`, from the old ones at `from` and every `stride` after it. */
    mean(pixels: Uint8Array, from: i32, stride: i32, place: i32): u8 {
        const weights = this.weights;
        let sum = 1 << (this.precision - 1);
        let at = from + this.firsts[place] * stride;
        const start = place * this.room;
        const end = start + this.counts[place];
        for (let x = start; x < end; x++, at += stride) sum += <i32>pixels[at] * unchecked(weights[x]);
        return <u8>min(sum >> this.precision, 255);
    }
}

/** As fine as the largest weight allows. */
function precisionFor(largest: f64): i32 {
    let precision = 0;
    while (
        precision + 1 < MOST_PRECISION &&
        floor<f64>(largest * <f64>(1 << (precision + 1)) + 0.5) < <f64>(1 << WEIGHT_BITS)
    )
        precision++;
    return precision;
}

/** Resizes windows of one size. */
export class Resizer {
    private readonly across: Weights;
    private readonly down: Weights;
    private readonly lower: Uint8Array;
    private readonly square: Uint8Array = new Uint8Array(SIDE * SIDE);

    constructor(
        private readonly width: i32,
        height: i32,
    ) {
        this.across = new Weights(width);
        this.down = new Weights(height);
        this.lower = new Uint8Array(SIDE * width);
    }

    /** The window whose upper left pixel is this; there until the next one. */
    resize(picture: Picture, left: i32, top: i32): Uint8Array {
        const from = top * picture.width + left;
        for (let y = 0, place = 0; y < SIDE; y++)
            for (let x = 0; x < this.width; x++, place++)
                this.lower[place] = this.down.mean(picture.luma, from + x, picture.width, y);
        for (let y = 0, place = 0; y < SIDE; y++)
            for (let x = 0; x < SIDE; x++, place++)
                this.square[place] = this.across.mean(this.lower, y * this.width, 1, x);
        return this.square;
    }
}
