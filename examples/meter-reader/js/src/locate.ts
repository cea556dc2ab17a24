/**
 * A grey picture to the five digit windows of a register.
 *
 * A register is a dark plate, much wider than high, with five light windows in a row. It is found in four
 * steps: what is dark against its surroundings, so that uneven light does not matter (`shade`); the
 * largest dark shape that a plate could be (`plate`); that plate turned upright, so that rotation and
 * shift no longer matter (`straighten`); the windows in it (`windows`). No step knows what a digit is.
 * Where any of them does not find what a register has, the fault says what is missing; it is never a
 * guess.
 *
 * The work is bounded by `WORKING_WIDTH`: larger pictures are shrunk first.
 */

import { Fault } from "tollgate";

import { type Picture, sizeProblem } from "./picture.js";
import { findPlate } from "./plate.js";
import { shade } from "./shade.js";
import { straighten } from "./straighten.js";
import { type Window, findWindows } from "./windows.js";

export { DIGITS, type Window } from "./windows.js";

/** Pictures are shrunk by a whole number until they are narrower than twice this, in pixels. */
const WORKING_WIDTH = 288;

/** A register, upright and cut out of its picture. */
export interface Register {
    /** The plate, at the scale at which it was found. */
    strip: Picture;
    /** From left to right, all of one size. */
    windows: Window[];
}

/** Finds the register. */
export function locate(whole: Picture): Register {
    const factor = Math.floor(whole.width / WORKING_WIDTH);
    const picture = factor <= 1 ? whole : largeEnough(whole.shrunk(factor));
    const plate = findPlate(shade(picture), picture.width);
    if (plate === undefined)
        throw Fault.invalidFrame(
            "expected a dark register plate, found none: check where the camera points",
        );
    const strip = largeEnough(straighten(picture, plate));
    return { strip, windows: findWindows(strip) };
}

function largeEnough(picture: Picture): Picture {
    const problem = sizeProblem(picture.width, picture.height);
    if (problem !== undefined)
        throw Fault.invalidFrame(`the register is too small to be read: ${problem}`);
    return picture;
}
