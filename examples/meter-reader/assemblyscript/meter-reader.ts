/**
 * Reads the five-digit register of a mechanical meter from a camera's frame.
 *
 * A frame is decoded (`picture`), the register is found and turned upright (`locate`), its digit windows
 * become one tensor (`normalize`), all five digits are classified in one inference on the graph `digits`,
 * and the scores become a reading (`reading`). This file only connects them. Whatever the bytes of a
 * frame are, it is a reading or a fault. The state is the last reading, which may be forgotten.
 */

import { Fault, Frame, Graph, Input, Output, Plugin, exportPlugin } from "tollgate";

import { DIGITS, locate } from "./locate";
import { normalize } from "./normalize";
import { Refusal, decode } from "./picture";
import { CLASSES, History, Reading } from "./reading";
import { SIDE } from "./resize";

/** Classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10]. */
const GRAPH = "digits";

/** A register that went further than this from one frame to the next was misread. */
const MOST_A_FRAME = 5000;

const DIMENSIONS: StaticArray<u32> = [DIGITS, 1, SIDE, SIDE];

class MeterReader extends Plugin {
    private graph!: Graph;
    private readonly history: History = new History(MOST_A_FRAME);
    private readonly input: StaticArray<f32> = new StaticArray<f32>(DIGITS * SIDE * SIDE);

    start(): Fault | null {
        const graph = Graph.load(GRAPH);
        const error = graph.error;
        if (error) return Fault.from(error);
        this.graph = graph.value;
        return null;
    }

    handle(frame: Frame, output: Output): Fault | null {
        const fault = this.read(frame, output);
        if (fault) this.history.missed();
        return fault;
    }

    private read(frame: Frame, output: Output): Fault | null {
        const refusal = new Refusal();
        const picture = decode(frame.data, refusal);
        if (!picture) return Fault.invalidFrame(refusal.message);
        const register = locate(picture, refusal);
        if (!register) return Fault.invalidFrame(refusal.message);
        normalize(register, this.input);

        const results = this.graph.infer([Input.of(DIMENSIONS, this.input)]);
        const error = results.error;
        if (error) return Fault.from(error);
        const scores = results.value[0].elements<f32>();
        if (scores.length != DIGITS * CLASSES)
            return Fault.inference(
                `expected ${CLASSES} scores for each of ${DIGITS} digits, got ${scores.length} in all: ` +
                    "check the model",
            );
        const reading = Reading.fromScores(scores);
        output.text(reading.json(this.history.judge(reading.value)));
        return null;
    }
}

/** The host's call. */
export function handle(): i32 {
    return exportPlugin<MeterReader>();
}
