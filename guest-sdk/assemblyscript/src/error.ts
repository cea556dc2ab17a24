/**
 * What goes wrong: a graph call's `GraphError`, and a plugin's `Fault`.
 *
 * AssemblyScript has no exceptions that could be caught: `throw` is a trap, which ends the instance. So
 * what may fail gives back a `Result`, and a plugin gives back a `Fault`.
 */

/** The error codes of `wasi_ephemeral_nn`, as numbered there. */
export enum ErrorCode {
    /** Wrong rank, dimension, type or byte count; a missing input. */
    InvalidArgument = 1,
    /** The bytes are not a model that can be read. */
    InvalidEncoding = 2,
    /** The interface has it for a busy device. */
    Busy = 4,
    /** The model ran and failed, or the deadline passed. */
    RuntimeError = 5,
    /** An encoding, target or operator that is not there, or a graph that is not granted. */
    UnsupportedOperation = 6,
    /** A model or tensor over its limit. */
    TooLarge = 7,
    /** No graph, input or output of that name or place. */
    NotFound = 8,
}

/** Why a graph call failed: a code to act on, and what was asked for. The host knows the rest. */
export class GraphError {
    constructor(
        readonly code: ErrorCode,
        /** What was asked for: `the graph "digits"`, `the inference`. */
        readonly what: string,
    ) {}

    /** One sentence; the host adds its own about the same call where this becomes a fault. */
    get message(): string {
        return `${this.what} was refused (${codeName(this.code)})`;
    }
}

function codeName(code: ErrorCode): string {
    switch (code) {
        case ErrorCode.InvalidArgument:
            return "invalid-argument";
        case ErrorCode.InvalidEncoding:
            return "invalid-encoding";
        case ErrorCode.RuntimeError:
            return "runtime-error";
        case ErrorCode.UnsupportedOperation:
            return "unsupported-operation";
        case ErrorCode.TooLarge:
            return "too-large";
        case ErrorCode.NotFound:
            return "not-found";
        default:
            return "unknown";
    }
}

/** A value, or why there is none. */
export class Result<T> {
    private constructor(
        private readonly made: T | null,
        private readonly refused: GraphError | null,
    ) {}

    static of<T>(value: T): Result<T> {
        return new Result<T>(value, null);
    }

    static failed<T>(code: ErrorCode, what: string): Result<T> {
        return new Result<T>(null, new GraphError(code, what));
    }

    /** Why there is no value; null where there is one. */
    get error(): GraphError | null {
        return this.refused;
    }

    /** The value; a trap where there is none. */
    get value(): T {
        return this.made!;
    }
}

/** What kind of fault; what `handle` returns for it. */
export enum FaultKind {
    InvalidFrame = 1,
    Inference = 2,
    Internal = 3,
}

/** Why a plugin could not make anything of a frame. It concerns that frame alone. */
export class Fault {
    private constructor(
        readonly kind: FaultKind,
        /** One sentence for a person: what was expected, what came, what to do. */
        readonly message: string,
    ) {}

    /** The frame is not what this plugin reads. */
    static invalidFrame(message: string): Fault {
        return new Fault(FaultKind.InvalidFrame, message);
    }

    /** An inference failed. */
    static inference(message: string): Fault {
        return new Fault(FaultKind.Inference, message);
    }

    /** Something else, the plugin's own. */
    static internal(message: string): Fault {
        return new Fault(FaultKind.Internal, message);
    }

    /** A graph call that failed is a failed inference. */
    static from(error: GraphError): Fault {
        return new Fault(FaultKind.Inference, error.message);
    }
}
