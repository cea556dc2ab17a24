/**
 * What digit a small grey picture shows: a frame is a PGM picture of 16 x 16 pixels, the graph
 * `digits` gives a score for each of the ten digits.
 */

import { Fault, type Frame, Graph, type Output, type Plugin, exportPlugin, json } from "tollgate";

import { SIDE, best, ink } from "./digit.js";

/** Pictures, channels, rows, columns. */
const DIMENSIONS = [1, 1, SIDE, SIDE];

/** The plugin, and what it keeps from frame to frame. */
export class Digits implements Plugin {
    // Before the first frame; not when the component is built.
    graph = Graph.load("digits");

    handle(frame: Frame): Output[] {
        const [output] = this.graph.infer([{ dimensions: DIMENSIONS, data: picture(frame) }]);
        const scores = output.elements("FP32");
        const digit = best(scores);
        return [json("digit", `{"digit":${digit},"confidence":${scores[digit].toFixed(3)}}`)];
    }
}

function picture(frame: Frame): Float32Array {
    try {
        return ink(frame.data);
    } catch (problem) {
        throw Fault.invalidFrame((problem as RangeError).message);
    }
}

export const handler = exportPlugin(Digits);
