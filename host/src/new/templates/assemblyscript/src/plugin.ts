/**
 * What digit a small grey picture shows: a frame is a PGM picture of 16 x 16 pixels, the graph `digits`
 * gives a score for each of the ten digits.
 */

import { Fault, Frame, Graph, Input, Output, Plugin, exportPlugin } from "tollgate";

import { PIXELS, SIDE, best, readInk, threeDigits } from "./digit";

/** Pictures, channels, rows, columns. */
const DIMENSIONS: StaticArray<u32> = [1, 1, SIDE, SIDE];

/** What the plugin keeps from frame to frame. */
class Digits extends Plugin {
    private graph!: Graph;
    private readonly ink: StaticArray<f32> = new StaticArray<f32>(PIXELS);

    /** Called once, before the first frame. */
    start(): Fault | null {
        const graph = Graph.load("digits");
        const error = graph.error;
        if (error) return Fault.from(error);
        this.graph = graph.value;
        return null;
    }

    handle(frame: Frame, output: Output): Fault | null {
        if (!readInk(frame.data, this.ink))
            return Fault.invalidFrame(`expected a PGM picture of ${SIDE} x ${SIDE} pixels`);

        const results = this.graph.infer([Input.of(DIMENSIONS, this.ink)]);
        const error = results.error;
        if (error) return Fault.from(error);

        const scores = results.value[0].elements<f32>();
        const digit = best(scores);
        output.text(`{"digit":${digit},"confidence":${threeDigits(scores[digit])}}`);
        return null;
    }
}

/** The host's call. */
export function handle(): i32 {
    return exportPlugin<Digits>();
}
