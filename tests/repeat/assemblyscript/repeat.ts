/** Repeats one inference as often as a frame says: see tests/guests/repeat. */

import { Fault, Frame, Graph, Input, Output, Plugin, exportPlugin } from "tollgate";

const UNITS = 64;
const RIGHT: StaticArray<u32> = [1, UNITS];
const WRONG: StaticArray<u32> = [1];

class Repeat extends Plugin {
    private graph!: Graph;
    private readonly pixels: StaticArray<f32> = new StaticArray<f32>(UNITS);
    // Made once: the elements are read where they lie, whenever an inference is asked for.
    private readonly right: Input[] = [Input.of(RIGHT, this.pixels)];
    private readonly wrong: Input[] = [Input.of(WRONG, this.pixels)];

    start(): Fault | null {
        const graph = Graph.load("mlp");
        const error = graph.error;
        if (error) return Fault.from(error);
        this.graph = graph.value;
        for (let place = 0; place < UNITS; place++) this.pixels[place] = <f32>place / <f32>UNITS;
        return null;
    }

    handle(frame: Frame, output: Output): Fault | null {
        if (frame.data.length != 2)
            return Fault.invalidFrame(`expected two bytes, got ${frame.data.length}`);
        const inputs = frame.data[0] == 0x78 ? this.wrong : this.right;
        for (let times = frame.data[1]; times > 0; times--) {
            const outputs = this.graph.infer(inputs);
            const error = outputs.error;
            if (error) return Fault.from(error);
            const first = outputs.value[0].at<f32>(0);
            this.pixels[0] = min<f32>(max<f32>(first, -1), 1);
        }
        const answer = new Uint8Array(sizeof<f32>());
        store<f32>(answer.dataStart, this.pixels[0]);
        output.set(answer);
        return null;
    }
}

/** The host's call. */
export function handle(): i32 {
    return exportPlugin<Repeat>();
}
