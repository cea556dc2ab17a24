/** What a plugin is, what it is handed, what it hands back, and how it reaches the host. */

import { Fault, type FaultKind, GraphError } from "./error.js";
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
    let plugin: Plugin | undefined;
    return {
        handle(frame) {
            try {
                // Not when the component is built: there is no host then to ask for graphs.
                plugin ??= new make();
                return plugin.handle(frame);
            } catch (thrown) {
                if (thrown instanceof Fault) throw fault(thrown.kind, thrown.message);
                if (thrown instanceof GraphError) throw fault("inference", thrown.message);
                if (thrown instanceof StoreError) throw fault("internal", thrown.message);
                // A bug: what it left behind is not to be trusted, and a trap would not say what it was.
                plugin = undefined;
                throw fault("internal", `the plugin threw ${String(thrown)}: mend it`);
            }
        },
    };
}

/** A fault as the host's interface has it. */
function fault(tag: FaultKind, val: string): { tag: FaultKind; val: string } {
    return { tag, val };
}
