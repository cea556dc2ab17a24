/**
 * A grey picture to the five digit windows of a register.
 *
 * A register is a dark plate, much wider than high, with five light windows in a row. It is found in four
 * steps: what is dark against its surroundings, so that uneven light does not matter (`shade`); the
 * largest dark shape that a plate could be (`plate`); that plate turned upright, so that rotation and
 * shift no longer matter (`straighten`); the windows in it (`windows`). No step knows what a digit is.
 * Where any of them does not find what a register has, the refusal says what is missing; it is never a
 * guess.
 *
 * The work is bounded by `WORKING_WIDTH`: larger pictures are shrunk first.
 */

import { Picture, Refusal, sizeProblem } from "./picture";
import { findPlate } from "./plate";
import { shade } from "./shade";
import { straighten } from "./straighten";
import { Window, findWindows } from "./windows";

export { DIGITS, Window } from "./windows";

/** Pictures are shrunk by a whole number until they are narrower than twice this, in pixels. */
const WORKING_WIDTH = 288;

/** A register, upright and cut out of its picture. */
export class Register {
    constructor(
        /** The plate, at the scale at which it was found. */
        readonly strip: Picture,
        /** From left to right, all of one size. */
        readonly windows: StaticArray<Window>,
    ) {}
}

/** Finds the register. */
export function locate(whole: Picture, refusal: Refusal): Register | null {
    const factor = whole.width / WORKING_WIDTH;
    const picture = factor <= 1 ? whole : whole.shrunk(factor);
    if (!isLargeEnough(picture, refusal)) return null;
    const plate = findPlate(shade(picture), picture.width);
    if (!plate) {
        refusal.message =
            "expected a dark register plate, found none: check where the camera points";
        return null;
    }
    const strip = straighten(picture, plate);
    if (!isLargeEnough(strip, refusal)) return null;
    const windows = findWindows(strip, refusal);
    return windows ? new Register(strip, windows) : null;
}

function isLargeEnough(picture: Picture, refusal: Refusal): bool {
    const problem = sizeProblem(picture.width, picture.height);
    if (problem.length == 0) return true;
    refusal.message = `the register is too small to be read: ${problem}`;
    return false;
}
