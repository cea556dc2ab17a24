/**
 * For a plugin's own tests, in Node's test runner: a host that a test makes up. No model runs here, and no
 * limit of the real host's holds.
 *
 * ```ts
 * import { Tensor } from "tollgate";
 * import { frame, withHost } from "tollgate/testing";
 *
 * const seen = new Map<string, Uint8Array>();
 * const { log } = withHost(
 *     {
 *         graphs: { digits: ([picture]) => [new Tensor([1], "U8", Uint8Array.of(7))] },
 *         config: { least: "0.5" },
 *         buckets: { seen },
 *     },
 *     () => new MyPlugin().handle(frame(bytes)),
 * );
 * ```
 *
 * `test.mjs`, beside the folder that this file is in, bundles and runs such tests.
 *
 * @module
 */

import { GraphError } from "./error.js";
import type { Metadata } from "./graph.js";
import type { Level } from "./log.js";
import type { Frame } from "./plugin.js";
import { type Offered, hosts, refusal } from "./stand-ins.js";
import { type Input, Tensor } from "./tensor.js";

/** A tensor as the plugin handed it over: its name, where it has one, and its bytes. */
export interface HandedInput {
    name?: string;
    dimensions: number[];
    ty: NonNullable<Input["ty"]>;
    data: Uint8Array;
}

/**
 * One inference: from the inputs to all outputs, in the model's order; with their names for
 * `Context.compute`. A `GraphError` that it throws is the graph call's.
 */
export type Answer = (inputs: HandedInput[]) => Tensor[] | Map<string, Tensor>;

/** What a test offers; what it leaves out is not granted. */
export interface Host {
    /** What answers for each graph, by its name. */
    graphs?: Record<string, Answer>;
    /** What `Graph.describe` says, by the graph's name. */
    metadata?: Record<string, Metadata>;
    /** Configuration values. */
    config?: Record<string, string>;
    /** Keys and values of each bucket, which the plugin changes. */
    buckets?: Record<string, Map<string, Uint8Array>>;
}

/** A line that the plugin logged. */
export interface Line {
    level: Level;
    context: string;
    message: string;
}

/** What came of it. */
export interface Tested<T> {
    /** What the body returned. */
    result: T;
    /** The lines that the plugin logged meanwhile. */
    log: Line[];
}

/** Runs `body` with `host` in the host's place. What the plugin throws reaches the test as it is. */
export function withHost<T>(host: Host, body: (log: Line[]) => T): Tested<T> {
    const log: Line[] = [];
    hosts.push(offered(host, log));
    try {
        const result = body(log);
        if (result instanceof Promise)
            throw new TypeError("`withHost` calls plugins, which are synchronous: its body cannot be async");
        return { result, log };
    } finally {
        hosts.pop();
    }
}

/** A frame of these bytes; what is not said of it is as if the sender had not said it. */
export function frame(data: Uint8Array, said: Partial<Omit<Frame, "data">> = {}): Frame {
    return { sequence: 0, source: "test", contentType: "", acquiredNs: 0, ...said, data };
}

function offered(host: Host, log: Line[]): Offered {
    const { graphs = {}, metadata = {}, config = {}, buckets = {} } = host;
    return {
        load(name) {
            if (Object.hasOwn(graphs, name)) return;
            const listed = Object.keys(graphs).map((graph) => `\`${graph}\``);
            const there = listed.length === 0 ? "none" : listed.join(", ");
            throw refusal("not-found", `there is no graph \`${name}\`; this test has ${there}`);
        },
        describe(graph) {
            const said = metadata[graph];
            if (said === undefined)
                throw new Error(`this test does not say what graph \`${graph}\` looks like: give its \`metadata\``);
            return said;
        },
        infer(graph, inputs) {
            try {
                const handed = inputs.map(({ name, ...rest }) => ({ ...rest, name: name ?? undefined }));
                const outputs = graphs[graph](handed);
                const named = outputs instanceof Map ? [...outputs] : [...outputs.entries()];
                return named.map(([name, { dimensions, ty, data }]) => [String(name), { dimensions, ty, data }]);
            } catch (thrown) {
                if (thrown instanceof GraphError) throw refusal(thrown.code, thrown.sentence);
                throw thrown;
            }
        },
        config: (key) => (Object.hasOwn(config, key) ? config[key] : undefined),
        log(level, context, message) {
            log.push({ level, context, message });
        },
        bucket: (name) => (Object.hasOwn(buckets, name) ? buckets[name] : undefined),
    };
}
