// The host's interfaces as the component's JavaScript runtime presents them: a list of bytes is a
// Uint8Array, an enum its case's name, a result its value or a throw, a resource an object with a
// `Symbol.dispose`.

declare module "wasi:nn/errors@0.2.0-rc-2024-10-28" {
    export type ErrorCode =
        | "invalid-argument"
        | "invalid-encoding"
        | "timeout"
        | "runtime-error"
        | "unsupported-operation"
        | "too-large"
        | "not-found"
        | "security"
        | "unknown";

    export interface Error extends Disposable {
        code(): ErrorCode;
        data(): string;
    }
}

declare module "wasi:nn/tensor@0.2.0-rc-2024-10-28" {
    export type TensorType = "FP16" | "FP32" | "FP64" | "BF16" | "U8" | "I32" | "I64";

    export interface Tensor extends Disposable {
        dimensions(): number[];
        ty(): TensorType;
        data(): Uint8Array;
    }

    const tensor: {
        Tensor: new (dimensions: number[], ty: TensorType, data: Uint8Array) => Tensor;
    };
    export default tensor;
}

declare module "wasi:nn/inference@0.2.0-rc-2024-10-28" {
    import type { Tensor } from "wasi:nn/tensor@0.2.0-rc-2024-10-28";

    export interface GraphExecutionContext extends Disposable {
        compute(inputs: [string, Tensor][]): [string, Tensor][];
    }
}

declare module "wasi:nn/graph@0.2.0-rc-2024-10-28" {
    import type { GraphExecutionContext } from "wasi:nn/inference@0.2.0-rc-2024-10-28";

    export interface Graph extends Disposable {
        initExecutionContext(): GraphExecutionContext;
    }

    const graph: {
        loadByName(name: string): Graph;
    };
    export default graph;
}

declare module "tollgate:nn/inference@0.1.0" {
    import type { Graph } from "wasi:nn/graph@0.2.0-rc-2024-10-28";
    import type { TensorType } from "wasi:nn/tensor@0.2.0-rc-2024-10-28";

    export interface TensorInfo {
        name: string;
        ty: TensorType;
        dimensions: (number | null)[];
    }

    export interface Metadata {
        inputs: TensorInfo[];
        outputs: TensorInfo[];
        device: string;
    }

    export interface Input {
        name: string | null;
        dimensions: number[];
        ty: TensorType;
        data: Uint8Array;
    }

    export interface Output {
        dimensions: number[];
        ty: TensorType;
        data: Uint8Array;
    }

    const inference: {
        describe(graph: Graph): Metadata;
        infer(graph: Graph, inputs: Input[]): Output[];
    };
    export default inference;
}

declare module "wasi:config/store@0.2.0-rc.1" {
    const store: {
        get(key: string): string | null;
    };
    export default store;
}

declare module "wasi:logging/logging@0.1.0-draft" {
    export type Level = "trace" | "debug" | "info" | "warn" | "error" | "critical";

    const logging: {
        log(level: Level, context: string, message: string): void;
    };
    export default logging;
}

declare module "wasi:keyvalue/store@0.2.0-draft" {
    export interface Bucket extends Disposable {
        get(key: string): Uint8Array | null;
        set(key: string, value: Uint8Array): void;
        delete(key: string): void;
        exists(key: string): boolean;
        listKeys(cursor: number | null): { keys: string[]; cursor: number | null };
    }

    const store: {
        open(identifier: string): Bucket;
    };
    export default store;
}

declare module "wasi:keyvalue/atomics@0.2.0-draft" {
    import type { Bucket } from "wasi:keyvalue/store@0.2.0-draft";

    const atomics: {
        increment(bucket: Bucket, key: string, delta: number): number;
    };
    export default atomics;
}
