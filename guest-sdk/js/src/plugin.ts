/** What a plugin is, what it is handed, what it hands back, and how it reaches the host. */

import { kind, mismatch, octets, record, text, wellFormed } from "./check.js";
import { Fault, type FaultKind, GraphError } from "./error.js";
import { oneLine, report } from "./report.js";
import { StoreError } from "./store.js";
import { utf8 } from "./utf8.js";

/** What a plugin is handed: one message, picture or buffer as it arrived. */
export interface Frame {
    /** Counts the frames of one source from zero. */
    sequence: number;
    /** Where it came from: a file's name, a topic, a path. */
    source: string;
    /** The media type of `data`, such as `image/jpeg`; empty where nobody said. */
    contentType: string;
    /**
     * When it was acquired, in nanoseconds since the Unix epoch, as near as a number holds it (some
     * hundred nanoseconds); zero where nobody knows.
     */
    acquiredNs: number;
    /** The bytes, as they arrived. */
    data: Uint8Array;
}

/** What a plugin hands back. */
export interface Output {
    /** Which of the plugin's outputs this is; routes bind to it. */
    name: string;
    /** The media type of `data`. */
    contentType: string;
    /** The bytes. */
    data: Uint8Array;
}

/** An output that is JSON text. The text is taken as it is and not checked. */
export function json(name: string, text: string): Output {
    return { name, contentType: "application/json", data: utf8(text) };
}

/**
 * A plugin: made once per instance, before its first frame, then handed one frame after the other.
 *
 * The value is the plugin's state. It lasts as long as its instance, and a host may use an instance for
 * many frames or for a single one: keep in it what speeds things up or what may be forgotten, never
 * what must last.
 */
export interface Plugin {
    /**
     * Handles one frame. An empty list says that there is nothing to report.
     *
     * @throws Fault where it can make nothing of the frame; the plugin stays in use.
     */
    handle(frame: Frame): Output[];
}

/** What the host's call arrives at. */
interface Handler {
    handle(frame: Frame): Output[];
}

/**
 * Makes a class the plugin: `export const handler = exportPlugin(MyPlugin)`, in the module that the
 * component is built from. If making the plugin throws a `Fault`, that is the answer to the frame that
 * was waiting, and the next frame tries again.
 */
export function exportPlugin(make: new () => Plugin): Handler {
    if (typeof make !== "function")
        throw mismatch("what `exportPlugin` is handed", "a class with a method `handle`", make);
    let plugin: Plugin | undefined;
    return {
        handle(frame) {
            try {
                // Not when the component is built: there is no host then to ask for graphs.
                plugin ??= made(make);
                return outputs(plugin.handle(frame));
            } catch (thrown) {
                if (thrown instanceof Fault) throw fault(thrown.kind, thrown.message);
                if (thrown instanceof GraphError) throw fault("inference", thrown.message);
                if (thrown instanceof StoreError) throw fault("internal", thrown.message);
                // A bug: what it left behind is not to be trusted, and a trap would not say what it was.
                plugin = undefined;
                if (thrown instanceof WrongReturn) throw fault("internal", thrown.message);
                throw fault("internal", report(thrown));
            }
        },
    };
}

function made(make: new () => Plugin): Plugin {
    const plugin = new make();
    if (typeof plugin.handle === "function") return plugin;
    throw mismatch("the plugin's method `handle`", "a function", plugin.handle);
}

/** What `handle` returned is no array of outputs. */
class WrongReturn extends Error {}

/** What `handle` returned, as the bindings want it. */
function outputs(returned: unknown): Output[] {
    if (!Array.isArray(returned)) {
        const remedy = returned instanceof Promise ? ": `handle` cannot be async" : "";
        throw new WrongReturn(`expected an array of outputs from \`handle\`, got ${kind(returned)}${remedy}`);
    }
    try {
        return Array.from(returned, output);
    } catch (wrong) {
        throw new WrongReturn(`\`handle\` returned a wrong output: ${(wrong as Error).message}`);
    }
}

function output(one: unknown, place: number): Output {
    const which = `output ${place}`;
    const fields = record(which, one, "an object with name, contentType and data");
    const name = text(`${which}, its name`, fields.name);
    const what = `${which} (${JSON.stringify(oneLine(name))})`;
    return {
        name,
        contentType: text(`${what}, its contentType`, fields.contentType),
        data: octets(`${what}, its data`, fields.data),
    };
}

/** A fault as the host's interface has it. */
function fault(kind: FaultKind, message: unknown): { tag: FaultKind; val: string } {
    const tag = KINDS.includes(kind) ? kind : "internal";
    return { tag, val: wellFormed(String(message)) };
}

const KINDS: readonly FaultKind[] = ["invalid-frame", "inference", "internal"];
