/**
 * Reads the five-digit register of a mechanical meter from a camera's frame.
 *
 * A frame is decoded (`picture`), the register is found and turned upright (`locate`), its digit windows
 * become one tensor (`normalize`), all five digits are classified in one inference on the graph `digits`,
 * and the scores become a reading (`reading`). This file only connects them. Whatever the bytes of a
 * frame are, it is a reading or a fault. The state is the last reading, which may be forgotten.
 */

import { Fault, type Frame, Graph, type Output, type Plugin, exportPlugin, json } from "tollgate";

import { DIGITS, locate } from "./locate.js";
import { normalize } from "./normalize.js";
import { decode } from "./picture.js";
import { CLASSES, History, Reading } from "./reading.js";
import { SIDE } from "./resize.js";

/** Classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10]. */
const GRAPH = "digits";

/** A register that went further than this from one frame to the next was misread. */
const MOST_A_FRAME = 5000;

class MeterReader implements Plugin {
    private readonly graph = Graph.load(GRAPH);
    private readonly history = new History(MOST_A_FRAME);

    handle(frame: Frame): Output[] {
        let reading: Reading;
        try {
            reading = this.read(frame.data);
        } catch (thrown) {
            this.history.missed();
            throw thrown;
        }
        const plausible = this.history.judge(reading.value);
        return [json("reading", reading.json(plausible))];
    }

    private read(bytes: Uint8Array): Reading {
        const data = normalize(locate(decode(bytes)));
        const dimensions = [DIGITS, 1, SIDE, SIDE];
        const outputs = this.graph.infer([{ name: "digits", dimensions, data }]);
        if (outputs.length !== 1)
            throw Fault.inference(`expected one output, got ${outputs.length}: check the model`);
        const scores = outputs[0].elements("FP32");
        if (scores.length !== DIGITS * CLASSES)
            throw Fault.inference(
                `expected ${CLASSES} scores for each of ${DIGITS} digits, got ${scores.length} in all: ` +
                    "check the model",
            );
        return Reading.fromScores(scores);
    }
}

export const handler = exportPlugin(MeterReader);
