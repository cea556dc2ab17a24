// Tests a plugin that uses all services, without a host.

import assert from "node:assert/strict";
import test from "node:test";

import { Bucket, Graph, GraphError, StoreError, Tensor, config, log } from "tollgate";
import { frame, withHost } from "tollgate/testing";

class Counting {
    graph = Graph.load("double");
    bucket = Bucket.open("seen");
    by = Number(config("by") ?? "1");

    handle({ data }) {
        const [doubled] = this.graph.infer([{ dimensions: [1], data }]);
        log("warn", "counting", `to ${this.bucket.increment("count", this.by)}`);
        return [{ name: "doubled", contentType: "", data: doubled.data }];
    }
}

const double = ([input]) => [new Tensor([1], "U8", Uint8Array.of(2 * input.data[0]))];
const text = (bytes) => new TextDecoder().decode(bytes);

test("all of them", () => {
    const seen = new Map([["count", Uint8Array.of(0x34)]]);
    const host = { graphs: { double }, config: { by: "3" }, buckets: { seen } };
    const { result, log } = withHost(host, () => new Counting().handle(frame(Uint8Array.of(21))));
    assert.deepEqual([...result[0].data], [42]);
    assert.equal(text(seen.get("count")), "7");
    assert.deepEqual(log, [{ level: "warn", context: "counting", message: "to 7" }]);
});

test("what is refused", () => {
    const made = (host) => () => withHost(host, () => new Counting());
    assert.throws(made({}), (error) => error instanceof GraphError && error.code === "not-found");
    const ungranted = (error) => error instanceof StoreError && error.code === "no-such-store";
    assert.throws(made({ graphs: { double } }), ungranted);
    const failing = () => {
        throw new GraphError("timeout", "too slow");
    };
    const slow = { graphs: { double: failing }, buckets: { seen: new Map() } };
    const run = () => withHost(slow, () => new Counting().handle(frame(Uint8Array.of(1))));
    assert.throws(run, (error) => error instanceof GraphError && error.code === "timeout");
});
