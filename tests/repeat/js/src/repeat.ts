/** Repeats one inference as often as a frame says: see tests/guests/repeat. */

import { Fault, type Frame, Graph, type Output, type Plugin, type Tensor, exportPlugin } from "tollgate";

class Repeat implements Plugin {
    private readonly graph = Graph.load("mlp");
    private readonly context = this.graph.context();
    private readonly pixels = Float32Array.from({ length: 64 }, (_, place) => place / 64);

    handle({ data }: Frame): Output[] {
        if (data.length !== 2)
            throw Fault.invalidFrame(`expected two bytes, got ${data.length}`);
        const [how, times] = data;
        for (let time = 0; time < times; time++) {
            const [first] = this.infer(String.fromCharCode(how)).elements("FP32");
            this.pixels[0] = Math.min(Math.max(first, -1), 1);
        }
        const answer = new Uint8Array(this.pixels.slice(0, 1).buffer);
        return [{ name: "answer", contentType: "", data: answer }];
    }

    private infer(how: string): Tensor {
        if (how === "x") {
            return this.graph.infer([{ dimensions: [1], data: this.pixels.slice(0, 1) }])[0];
        }
        const inputs = [{ dimensions: [1, 64], data: this.pixels }];
        if (how === "c") {
            const [output] = this.context.compute(inputs).values();
            return output;
        }
        return this.graph.infer(inputs)[0];
    }
}

export const handler = exportPlugin(Repeat);
