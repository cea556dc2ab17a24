/**
 * Tensors: what goes into an inference and what comes out of one.
 *
 * Elements are dense, row-major and little-endian. Nothing here judges whether a tensor suits a graph;
 * the host does, and names the tensor when it does not.
 */

import type { Input as HandedInput } from "tollgate:nn/inference@0.1.0";
import type { TensorType } from "wasi:nn/tensor@0.2.0-rc-2024-10-28";

import { array, kind, member, mismatch, record, text, whole } from "./check.js";
import { GraphError } from "./error.js";

export type { TensorType };

/** Arrays that hold a tensor's elements; 16-bit floats as their bits. */
export type Elements =
    | Float32Array
    | Float64Array
    | Uint8Array
    | Uint16Array
    | Int32Array
    | BigInt64Array;

/** A tensor going in. */
export interface Input {
    /** The graph's input of this name; without one, the input at this one's place in the list. */
    name?: string;
    /** The size of each dimension, outermost first. A scalar has none. */
    dimensions: number[];
    /** The type of one element; the array's own where it is not said, which a Uint16Array has not. */
    ty?: TensorType;
    /** As many elements as the dimensions say. */
    data: Elements;
}

/** A tensor that came out of an inference. */
export class Tensor {
    constructor(
        /** The size of each dimension, outermost first. A scalar has none. */
        readonly dimensions: number[],
        /** The type of one element. */
        readonly ty: TensorType,
        /** The elements' bytes. */
        readonly data: Uint8Array,
    ) {}

    /**
     * The elements of a tensor of this type.
     *
     * @throws GraphError `invalid-argument` where it is of another type.
     */
    elements(ty: "FP32"): Float32Array;
    elements(ty: "FP64"): Float64Array;
    elements(ty: "U8"): Uint8Array;
    elements(ty: "I32"): Int32Array;
    elements(ty: "I64"): BigInt64Array;
    elements(ty: "FP16" | "BF16"): Uint16Array;
    elements(ty: TensorType): Elements {
        if (ty !== this.ty)
            throw new GraphError(
                "invalid-argument",
                `the tensor holds ${this.ty.toLowerCase()}, not ${ty.toLowerCase()}: read it as what ` +
                    "it is, or export the model with the other type",
            );
        // A copy is aligned wherever the bytes lay.
        const { buffer } = this.data.slice();
        switch (ty) {
            case "FP32":
                return new Float32Array(buffer);
            case "FP64":
                return new Float64Array(buffer);
            case "U8":
                return new Uint8Array(buffer);
            case "I32":
                return new Int32Array(buffer);
            case "I64":
                return new BigInt64Array(buffer);
            case "FP16":
            case "BF16":
                return new Uint16Array(buffer);
        }
    }
}

/**
 * An input as the bindings want it.
 *
 * @throws TypeError where one of its fields is of a type that they do not take.
 */
export function checked(input: unknown, place: number): HandedInput {
    const what = `input ${place}`;
    const { name, dimensions, ty, data } = record(what, input, "an object with dimensions and data");
    return {
        name: name === undefined || name === null ? null : text(`${what}, its name`, name),
        dimensions: array(`${what}, its dimensions`, dimensions, "numbers").map((size, axis) =>
            whole(`${what}, its dimension ${axis}`, size, LARGEST_DIMENSION),
        ),
        ty: typeOf(what, ty, data),
        data: bytesOf(what, data),
    };
}

const LARGEST_DIMENSION = 2 ** 32 - 1;

const TYPES = ["FP16", "FP32", "FP64", "BF16", "U8", "I32", "I64"] as const;

/** What an array's elements are, where it can be one thing only. */
const OF_ARRAYS: Record<string, TensorType> = {
    Float16Array: "FP16",
    Float32Array: "FP32",
    Float64Array: "FP64",
    Uint8Array: "U8",
    Uint8ClampedArray: "U8",
    Int32Array: "I32",
    BigInt64Array: "I64",
};

/** The type of an input's elements. */
function typeOf(what: string, ty: unknown, data: unknown): TensorType {
    if (ty !== undefined && ty !== null) return member(`${what}, its ty`, ty, TYPES);
    const found = OF_ARRAYS[kind(data)];
    if (found !== undefined) return found;
    if (data instanceof Uint16Array)
        throw new GraphError(
            "invalid-argument",
            "16-bit elements can be fp16 or bf16: give the input a `ty`",
        );
    throw mismatch(`${what}, its data`, Object.keys(OF_ARRAYS).join(", "), data);
}

/** The bytes of an input, where they lie. */
function bytesOf(what: string, data: unknown): Uint8Array {
    if (!ArrayBuffer.isView(data)) throw mismatch(`${what}, its data`, "a typed array", data);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
