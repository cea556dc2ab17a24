/**
 * Digit windows to the model's input.
 *
 * Each window is cut out a little inside its edges, resized to the model's square and stretched so that
 * its paper is 0 and its ink is 1, whatever the light was. Knows the model's input and nothing of what
 * comes out of it.
 */

import { DIGITS, Register } from "./locate";
import { Resizer, SIDE } from "./resize";

/** What is cut off at each edge, as one part of the window's size: its own blur and shadow. */
const INSET = 14;
/** Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper. */
const INK = 6;
const PAPER = 192;
/** Less than this is an empty window, whose noise is not to be stretched into a digit. */
const LEAST_CONTRAST: f32 = 28;

/** The register's windows from left to right: 0 paper, 1 ink. */
export function normalize(register: Register, input: StaticArray<f32>): void {
    const windows = register.windows;
    // All windows are of one size.
    const across = windows[0].width / INSET;
    const down = windows[0].height / INSET;
    const resizer = new Resizer(windows[0].width - 2 * across, windows[0].height - 2 * down);
    for (let place = 0; place < DIGITS; place++) {
        const window = windows[place];
        const square = resizer.resize(register.strip, window.left + across, window.top + down);
        stretch(square, input, place * SIDE * SIDE);
    }
}

/** Bytes to floats: paper to 0, ink to 1, what lies beyond cut off. */
function stretch(square: Uint8Array, out: StaticArray<f32>, start: i32): void {
    const counts = new StaticArray<i32>(256);
    for (let place = 0; place < square.length; place++) counts[square[place]]++;
    const paper = level(counts, PAPER);
    const contrast = max(paper - level(counts, INK), LEAST_CONTRAST);
    const factor: f32 = 1 / -contrast;
    const offset = -paper / -contrast;
    for (let place = 0; place < square.length; place++) {
        const value = <f32>square[place] * factor + offset;
        out[start + place] = min<f32>(max<f32>(value, 0), 1);
    }
}

/** The pixel at a place of the order from dark to light. */
function level(counts: StaticArray<i32>, place: i32): f32 {
    let value = 0;
    for (let passed = counts[0]; passed <= place; passed += counts[value]) value++;
    return <f32>value;
}
