/**
 * The host's interfaces where there is no host: what a test offers (`testing.ts`) answers.
 *
 * `test.mjs` puts these in the place of the component's imports, so that all of the SDK above them runs in a
 * test as it does in the sandbox. What is refused is thrown as the sandbox's bindings throw it. A component
 * has none of this.
 */

import type { ErrorCode, Error as NnError } from "wasi:nn/errors@0.2.0-rc-2024-10-28";
import type { Level } from "wasi:logging/logging@0.1.0-draft";
import type { TensorType } from "wasi:nn/tensor@0.2.0-rc-2024-10-28";
import type { Input, Metadata, Output } from "tollgate:nn/inference@0.1.0";

/** What a test offers in the host's place. */
export interface Offered {
    load(name: string): void;
    describe(graph: string): Metadata;
    infer(graph: string, inputs: Input[]): [string, Output][];
    config(key: string): string | undefined;
    log(level: Level, context: string, message: string): void;
    /** The keys and values of a bucket; `undefined` where there is no such. */
    bucket(name: string): Map<string, Uint8Array> | undefined;
}

/** The hosts that were entered, the innermost last. */
export const hosts: Offered[] = [];

function host(): Offered {
    const innermost = hosts[hosts.length - 1];
    if (innermost === undefined)
        throw new Error("there is no host here: put what calls it into `withHost(..., () => ...)`");
    return innermost;
}

/** What the bindings throw for an error of the host's. */
class Payload extends Error {
    constructor(readonly payload: unknown) {
        super("the host refused");
    }
}

/** A graph call's error, as the bindings throw it. */
export function refusal(code: ErrorCode, sentence: string): Error {
    const error: NnError = { code: () => code, data: () => sentence, [Symbol.dispose]() {} };
    return new Payload(error);
}

class Tensor {
    constructor(
        private readonly sizes: number[],
        private readonly type: TensorType,
        private readonly bytes: Uint8Array,
    ) {}

    dimensions(): number[] {
        return this.sizes;
    }

    ty(): TensorType {
        return this.type;
    }

    data(): Uint8Array {
        return this.bytes;
    }

    [Symbol.dispose](): void {}
}

class Context {
    constructor(private readonly graph: string) {}

    compute(inputs: [string, Tensor][]): [string, Tensor][] {
        // A number for a name is an input's place, as everywhere.
        const handed = inputs.map(([name, tensor], place) => ({
            name: name === String(place) ? null : name,
            dimensions: tensor.dimensions(),
            ty: tensor.ty(),
            data: tensor.data(),
        }));
        const outputs = host().infer(this.graph, handed);
        return outputs.map(([name, { dimensions, ty, data }]) => [name, new Tensor(dimensions, ty, data)]);
    }

    [Symbol.dispose](): void {}
}

class Graph {
    constructor(readonly name: string) {}

    initExecutionContext(): Context {
        return new Context(this.name);
    }

    [Symbol.dispose](): void {}
}

class Bucket {
    constructor(readonly values: Map<string, Uint8Array>) {}

    get(key: string): Uint8Array | null {
        return this.values.get(key) ?? null;
    }

    set(key: string, value: Uint8Array): void {
        // What the plugin does with its array afterwards is not the bucket's affair.
        this.values.set(key, value.slice());
    }

    delete(key: string): void {
        this.values.delete(key);
    }

    exists(key: string): boolean {
        return this.values.has(key);
    }

    listKeys(cursor: number | null): { keys: string[]; cursor: number | null } {
        const keys = [...this.values.keys()].sort();
        const start = cursor ?? 0;
        const end = start + PAGE;
        return { keys: keys.slice(start, end), cursor: end < keys.length ? end : null };
    }

    [Symbol.dispose](): void {}
}

/** Keys on a page: so few that a test with many sees a cursor. */
const PAGE = 100;

function increment({ values }: Bucket, key: string, delta: number): number {
    const digits = String.fromCharCode(...(values.get(key) ?? [0x30]));
    if (!/^\d+$/.test(digits))
        throw new Payload({
            tag: "other",
            val: `\`${key}\` holds no decimal number: increment another key, or set this one first`,
        });
    const sum = BigInt(digits) + BigInt(delta);
    values.set(
        key,
        Uint8Array.from(String(sum), (digit) => digit.charCodeAt(0)),
    );
    return Number(sum);
}

function open(name: string): Bucket {
    const values = host().bucket(name);
    if (values === undefined) throw new Payload({ tag: "no-such-store" });
    return new Bucket(values);
}

/** Each interface, without its version: what the bindings give a module that imports it. */
export const interfaces: Record<string, object> = {
    "wasi:nn/tensor": { Tensor },
    "wasi:nn/graph": {
        loadByName(name: string): Graph {
            host().load(name);
            return new Graph(name);
        },
    },
    "tollgate:nn/inference": {
        describe: ({ name }: Graph): Metadata => host().describe(name),
        infer: ({ name }: Graph, inputs: Input[]): Output[] =>
            host()
                .infer(name, inputs)
                .map(([, output]) => output),
    },
    "wasi:config/store": { get: (key: string): string | null => host().config(key) ?? null },
    "wasi:logging/logging": {
        log: (level: Level, context: string, message: string): void => host().log(level, context, message),
    },
    "wasi:keyvalue/store": { open },
    "wasi:keyvalue/atomics": { increment },
};
