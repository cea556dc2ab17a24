/** What goes wrong: a graph call's `GraphError`, and a plugin's `Fault`. */

import type { ErrorCode, Error as Raised } from "wasi:nn/errors@0.2.0-rc-2024-10-28";

export type { ErrorCode };

/** Why a graph call failed. */
export class GraphError extends Error {
    override name = "GraphError";

    /**
     * @param code What kind of failure it was, for the plugin to act on.
     * @param sentence For a person: what was expected, what came, what to do.
     */
    constructor(
        readonly code: ErrorCode,
        readonly sentence: string,
    ) {
        super(`${sentence} (${code})`);
    }
}

export type FaultKind =
    /** The frame is not what this plugin reads. */
    | "invalid-frame"
    /** An inference failed. */
    | "inference"
    /** Something else, the plugin's own. */
    | "internal";

/** Why a plugin could not make anything of a frame. It concerns that frame alone. */
export class Fault extends Error {
    override name = "Fault";

    /** @param message One sentence for a person: what was expected, what came, what to do. */
    constructor(
        readonly kind: FaultKind,
        message: string,
    ) {
        super(message);
    }

    /** The frame is not what this plugin reads. */
    static invalidFrame(message: string): Fault {
        return new Fault("invalid-frame", message);
    }

    /** An inference failed. */
    static inference(message: string): Fault {
        return new Fault("inference", message);
    }

    /** Something else, the plugin's own. */
    static internal(message: string): Fault {
        return new Fault("internal", message);
    }
}

/** Calls the host and turns what it raises, a resource of its own, into a `GraphError`. */
export function calling<T>(call: () => T): T {
    try {
        return call();
    } catch (thrown) {
        const raised = payload(thrown);
        if (raised === undefined) throw thrown;
        const error = new GraphError(raised.code(), raised.data());
        raised[Symbol.dispose]();
        throw error;
    }
}

/** What the JavaScript runtime wraps into an error of its own. */
function payload(thrown: unknown): Raised | undefined {
    const { payload } = thrown as { payload?: Partial<Raised> };
    return typeof payload?.code === "function" ? (payload as Raised) : undefined;
}
