// Tests what needs no host.

import assert from "node:assert/strict";
import test from "node:test";

import { HEADER, SIDE, best, ink } from "../src/digit.js";

/** A picture of paper with one pixel of ink. */
function draw(paper: number, dark: number): Uint8Array {
    const pixels = new Uint8Array(SIDE * SIDE).fill(paper);
    pixels[7] = dark;
    return Uint8Array.from([...HEADER, ...pixels]);
}

test("paper is zero and ink is one in any light", () => {
    for (const [paper, dark] of [
        [255, 0],
        [90, 40],
    ]) {
        const read = ink(draw(paper, dark));
        assert.deepEqual([read[7], read[8]], [1, 0]);
    }
});

test("other pictures are refused", () => {
    for (const picture of [new Uint8Array(), HEADER, draw(200, 10).subarray(1)])
        assert.throws(() => ink(picture), RangeError);
});

test("the highest score is the digit", () => {
    assert.equal(best(Float32Array.of(0.1, 0, 0.7, 0.2)), 2);
});
