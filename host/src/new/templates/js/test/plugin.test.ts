// Tests the whole plugin, with a host that the tests make up: no model runs.

import assert from "node:assert/strict";
import test from "node:test";

import { Fault, Tensor } from "tollgate";
import { type Answer, frame, withHost } from "tollgate/testing";

import { HEADER, SIDE } from "../src/digit.js";
import { Digits } from "../src/plugin.js";

/** Answers for the graph: a seven, whatever the picture shows. */
const seven: Answer = ([picture]) => {
    assert.deepEqual(picture.dimensions, [1, 1, SIDE, SIDE]);
    const scores = Float32Array.from({ length: 10 }, (_, digit) => (digit === 7 ? 0.75 : 0));
    return [new Tensor([1, 10], "FP32", new Uint8Array(scores.buffer))];
};

/** What the plugin makes of a frame. `config` and `buckets` offer more, and `log` is what it logged. */
function handle(data: Uint8Array) {
    return withHost({ graphs: { digits: seven } }, () => new Digits().handle(frame(data))).result;
}

test("the highest score is handed back", () => {
    const [output] = handle(Uint8Array.from([...HEADER, ...new Uint8Array(SIDE * SIDE)]));
    assert.equal(output.name, "digit");
    assert.equal(new TextDecoder().decode(output.data), '{"digit":7,"confidence":0.750}');
});

test("what is no picture is the frame's fault", () => {
    assert.throws(() => handle(new Uint8Array(3)), Fault);
});
