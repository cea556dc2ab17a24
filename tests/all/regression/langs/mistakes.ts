// @ts-nocheck: mistakes are what this is for.
// Makes the mistake that its frame names, or uses what its frame names.

import { Bucket, Fault, Graph, config, exportPlugin, json, log } from "tollgate";

function bytes(text) {
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

const output = (data, name = "said", contentType = "text/plain") => [{ name, contentType, data }];

function services() {
    const bucket = Bucket.open("seen");
    const count = bucket.increment("count", 2);
    log("info", "services", `counted to ${count}`);
    console.log("said", { count }, 7);
    return output(bytes(`${config("least")} ${count} ${bucket.keys().keys}`));
}

class Nested {
    fail() {
        const nothing = null;
        return nothing.missing;
    }
}

function throwing(thrown) {
    throw thrown;
}

// Refused before the graph is looked at.
const inferring = (inputs) => Graph.prototype.infer.call({}, inputs);

const DEEDS = {
    services,
    clamped: () => output(Uint8ClampedArray.from(bytes("taken"))),
    undefined: () => undefined,
    promise: async () => [],
    "wholly-array": () => new Float64Array(2),
    "float-array": () => output(new Float64Array(2)),
    object: () => output({ a: 1 }),
    text: () => output("text"),
    list: () => output([1, 2, 3]),
    buffer: () => output(new ArrayBuffer(2)),
    single: () => output(bytes(""))[0],
    element: () => [null],
    name: () => output(bytes(""), 7),
    type: () => [{ name: "said", data: bytes("") }],
    surrogate: () => output(bytes(""), "\ud800"),
    nested: () => new Nested().fail(),
    lines: () => throwing(new RangeError("first\nsecond \x1b[31m")),
    long: () => throwing(new RangeError("x".repeat(100_000))),
    "thrown-text": () => throwing("just text"),
    "thrown-null": () => throwing(null),
    "thrown-object": () => throwing({ a: 1 }),
    fault: () => throwing(Fault.invalidFrame("half \ud800")),
    kind: () => throwing(new Fault("strange", "of a strange kind")),
    "infer-list": () => inferring(7),
    "infer-element": () => inferring([null]),
    "infer-size": () => inferring([{ dimensions: [1.5], data: bytes("x") }]),
    "infer-type": () => inferring([{ dimensions: [1], ty: "u8", data: bytes("x") }]),
    "infer-data": () => inferring([{ dimensions: [1], data: [1] }]),
    "infer-array": () => inferring([{ dimensions: [1], data: new Int8Array(1) }]),
    graph: () => Graph.load(7),
    value: () => Bucket.open("seen").set("key", "text"),
    delta: () => Bucket.open("seen").increment("key", 1.5),
    level: () => log("warning", "", ""),
    json: () => [json("said", undefined)],
};

class Mistakes {
    handle(frame) {
        return DEEDS[String.fromCharCode(...frame.data)]();
    }
}

export const handler = exportPlugin(Mistakes);
