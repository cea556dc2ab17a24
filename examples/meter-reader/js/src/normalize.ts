/**
 * Digit windows to the model's input.
 *
 * Each window is cut out a little inside its edges, resized to the model's square and stretched so that
 * its paper is 0 and its ink is 1, whatever the light was. Knows the model's input and nothing of what
 * comes out of it.
 */

import { DIGITS, type Register } from "./locate.js";
import { Resizer, SIDE } from "./resize.js";

const { floor, fround, max, min } = Math;

/** What is cut off at each edge, as one part of the window's size: its own blur and shadow. */
const INSET = 14;
/** Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper. */
const INK = 6;
const PAPER = 192;
/** Less than this is an empty window, whose noise is not to be stretched into a digit. */
const LEAST_CONTRAST = 28;

/** The register's windows from left to right: 0 paper, 1 ink. */
export function normalize({ strip, windows }: Register): Float32Array {
    // All windows are of one size.
    const [{ width, height }] = windows;
    const across = floor(width / INSET);
    const down = floor(height / INSET);
    const resizer = new Resizer(width - 2 * across, height - 2 * down);
    const input = new Float32Array(DIGITS * SIDE * SIDE);
    windows.forEach(({ left, top }, place) => {
        const square = resizer.resize(strip, left + across, top + down);
        stretch(square, input.subarray(place * square.length, (place + 1) * square.length));
    });
    return input;
}

/** Bytes to floats: paper to 0, ink to 1, what lies beyond cut off. */
function stretch(square: Uint8Array, out: Float32Array): void {
    const sorted = square.slice().sort();
    const paper = sorted[PAPER];
    const contrast = max(paper - sorted[INK], LEAST_CONTRAST);
    const factor = fround(1 / -contrast);
    const offset = fround(paper / contrast);
    for (let place = 0; place < out.length; place++) {
        const value = fround(fround(square[place] * factor) + offset);
        out[place] = min(max(value, 0), 1);
    }
}
