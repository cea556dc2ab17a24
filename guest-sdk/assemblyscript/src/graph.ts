/**
 * Graphs: the models that the host has loaded, and inferences on them.
 *
 * A graph is a handle; the model lives in the host and may be shared with other plugins. Every call here
 * is at least one crossing of the sandbox's boundary. The interface has nothing to give a handle back
 * with: load graphs and make contexts once, when the plugin starts.
 */

import { ErrorCode, Result } from "./error";
import { Input, Tensor } from "./tensor";

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "load_by_name")
declare function loadByName(name: usize, size: u32, graph: usize): u32;
// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "init_execution_context")
declare function initExecutionContext(graph: u32, context: usize): u32;
// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "set_input")
declare function setInput(context: u32, place: u32, tensor: usize): u32;
// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "compute")
declare function compute(context: u32): u32;
// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "get_output")
declare function getOutput(context: u32, place: u32, start: usize, room: u32, size: usize): u32;

/** One number that the host writes. */
const NUMBER = memory.data(4, 4);

/** A tensor as the interface has it: dimensions and their count, type, elements and their size. */
const TENSOR = memory.data(20, 4);

/** An output for which there is no room after this many bytes is given up. */
const MOST_ROOM = 256 << 20;

/** A model that the host has loaded, by the name it gave it. */
export class Graph {
    private kept: Context | null = null;

    private constructor(private readonly handle: u32) {}

    /**
     * Looks a graph up. Do it once, when the plugin starts. `NotFound` where the host has no graph of that
     * name, `UnsupportedOperation` where the plugin was not granted it.
     */
    static load(name: string): Result<Graph> {
        const text = String.UTF8.encode(name);
        const failed = loadByName(changetype<usize>(text), text.byteLength, NUMBER);
        if (failed != 0) return Result.failed<Graph>(failed, `the graph "${name}"`);
        return Result.of(new Graph(load<u32>(NUMBER)));
    }

    /**
     * Runs one inference and returns this many of its outputs, in the order that the model has them in. An
     * input counts by its place. The interface takes three crossings for what `tollgate:nn` does in one.
     */
    infer(inputs: Input[], outputs: i32 = 1): Result<Tensor[]> {
        let context = this.kept;
        if (context == null) {
            const made = this.context();
            const error = made.error;
            if (error) return Result.failed<Tensor[]>(error.code, error.what);
            context = made.value;
            this.kept = context;
        }
        return context.compute(inputs, outputs);
    }

    /** An execution context of its own. `TooLarge` where the plugin holds too many. */
    context(): Result<Context> {
        const failed = initExecutionContext(this.handle, NUMBER);
        if (failed != 0) return Result.failed<Context>(failed, "an execution context");
        return Result.of(new Context(load<u32>(NUMBER)));
    }
}

/** An execution context, and the tensors of its last inference. */
export class Context {
    private readonly tensors: Tensor[] = [];
    private readonly answer: Result<Tensor[]> = Result.of(this.tensors);

    /** Made by `Graph.context`. */
    constructor(private readonly handle: u32) {}

    /** Runs one inference and returns this many of its outputs, as `Graph.infer`. */
    compute(inputs: Input[], outputs: i32 = 1): Result<Tensor[]> {
        for (let place = 0; place < inputs.length; place++) {
            const failed = this.set(place, unchecked(inputs[place]));
            if (failed != 0) return Result.failed<Tensor[]>(failed, `input ${place}`);
        }
        const failed = compute(this.handle);
        if (failed != 0) return Result.failed<Tensor[]>(failed, "the inference");
        while (this.tensors.length < outputs) this.tensors.push(new Tensor());
        this.tensors.length = outputs;
        for (let place = 0; place < outputs; place++) {
            const failed = this.get(place, unchecked(this.tensors[place]));
            if (failed != 0) return Result.failed<Tensor[]>(failed, `output ${place}`);
        }
        return this.answer;
    }

    private set(place: u32, input: Input): u32 {
        store<usize>(TENSOR, changetype<usize>(input.dimensions));
        store<u32>(TENSOR, input.dimensions.length, 4);
        store<u8>(TENSOR, input.ty, 8);
        store<usize>(TENSOR, input.start, 12);
        store<u32>(TENSOR, input.size, 16);
        return setInput(this.handle, place, TENSOR);
    }

    /** The interface does not say how large an output is; larger rooms are tried until it fits. */
    private get(place: i32, tensor: Tensor): u32 {
        while (true) {
            const failed = getOutput(this.handle, place, tensor.start, tensor.room, NUMBER);
            if (failed == ErrorCode.TooLarge && tensor.room < MOST_ROOM) {
                tensor.grow();
                continue;
            }
            if (failed == 0) tensor.wrote(load<i32>(NUMBER));
            return failed;
        }
    }
}
