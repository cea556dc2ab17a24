/**
 * Graphs: the models that the host has loaded, and inferences on them.
 *
 * A graph is a handle; the model lives in the host and may be shared with other plugins. Every call
 * here is at least one crossing of the sandbox's boundary.
 */

import inference, { type Metadata, type TensorInfo } from "tollgate:nn/inference@0.1.0";
import graphs, { type Graph as GraphResource } from "wasi:nn/graph@0.2.0-rc-2024-10-28";
import type { GraphExecutionContext } from "wasi:nn/inference@0.2.0-rc-2024-10-28";
import tensors from "wasi:nn/tensor@0.2.0-rc-2024-10-28";

import { array, text } from "./check.js";
import { calling } from "./error.js";
import { type Input, Tensor, checked } from "./tensor.js";

export type { Metadata, TensorInfo };

/** A model that the host has loaded, by the name it gave it. */
export class Graph {
    private constructor(private readonly resource: GraphResource) {}

    /**
     * Looks a graph up. Do it once, when the plugin is made.
     *
     * @throws GraphError `not-found` where the host has no graph of that name, `security` where the
     * plugin was not granted it.
     */
    static load(name: string): Graph {
        return new Graph(calling(() => graphs.loadByName(text("the graph's name", name))));
    }

    /**
     * Names, types and dimensions of the graph's inputs and outputs, and its device. A dimension is
     * `null` where it may differ from call to call.
     */
    describe(): Metadata {
        return inference.describe(this.resource);
    }

    /**
     * Runs one inference in one crossing and returns all outputs, in the order of
     * `Metadata.outputs`.
     *
     * @throws GraphError `invalid-argument` for a wrong rank, dimension, type, byte count or number of
     * inputs, `not-found` for an unknown name, `too-large` over a limit, `timeout` past the deadline,
     * `runtime-error` where the model itself failed.
     * @throws TypeError for what is no input at all.
     */
    infer(inputs: Input[]): Tensor[] {
        const handed = array("the inputs", inputs, "inputs").map(checked);
        const outputs = calling(() => inference.infer(this.resource, handed));
        return outputs.map(({ dimensions, ty, data }) => new Tensor(dimensions, ty, data));
    }

    /**
     * An execution context of the standard wasi-nn, for a plugin that must also run on a host without
     * `tollgate:nn`. It takes more crossings and copies than `infer`.
     *
     * @throws GraphError such as `too-large` where the plugin holds too many.
     */
    context(): Context {
        return new Context(calling(() => this.resource.initExecutionContext()));
    }
}

/** An execution context of the standard wasi-nn. */
export class Context {
    /** Made by `Graph.context`. */
    constructor(private readonly resource: GraphExecutionContext) {}

    /**
     * Runs one inference and returns all outputs under their names. An input without a name counts by
     * its place.
     *
     * @throws GraphError as `Graph.infer`.
     */
    compute(inputs: Input[]): Map<string, Tensor> {
        const handed = array("the inputs", inputs, "inputs").map(checked);
        const named = handed.map((input, place): [string, InstanceType<typeof tensors.Tensor>] => [
            input.name ?? String(place),
            new tensors.Tensor(input.dimensions, input.ty, input.data),
        ]);
        const outputs = calling(() => this.resource.compute(named));
        return new Map(
            outputs.map(([name, tensor]) => {
                const copy = new Tensor(tensor.dimensions(), tensor.ty(), tensor.data());
                // The host's own goes now, not when the collector gets round to it.
                tensor[Symbol.dispose]();
                return [name, copy];
            }),
        );
    }
}
