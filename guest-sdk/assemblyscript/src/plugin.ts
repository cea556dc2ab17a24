/** What a plugin is, what it is handed, what it hands back, and how it reaches the host. */

import { Fault, FaultKind } from "./error";
import { readAll, writeAll } from "./wasi";

/** What a plugin is handed: one message, picture or buffer as it arrived. It lives as long as the call. */
export class Frame {
    constructor(
        /** The bytes, as they arrived. */
        readonly data: Uint8Array,
    ) {}
}

/** What a plugin hands back: the one output that a preview1 module has. */
export class Output {
    private bytes: Uint8Array = new Uint8Array(0);

    /** These bytes, in the place of any before. */
    set(bytes: Uint8Array): void {
        this.bytes = bytes;
    }

    /** The bytes of a text, such as JSON, in the place of any before. */
    text(text: string): void {
        this.bytes = Uint8Array.wrap(String.UTF8.encode(text));
    }

    /** Hands it to the host; says whether the host took it. */
    write(): bool {
        return writeAll(1, this.bytes.dataStart, this.bytes.length);
    }
}

/**
 * A plugin: made once per instance, before its first frame, then handed one frame after the other.
 *
 * The value is the plugin's state. It lasts as long as its instance, and a host may use an instance for
 * many frames or for a single one: keep in it what speeds things up or what may be forgotten, never
 * what must last.
 */
export abstract class Plugin {
    /**
     * Looks up what the plugin needs, before its first frame. A fault is the answer to the frame that was
     * waiting, and the next frame tries again with a new plugin.
     */
    start(): Fault | null {
        return null;
    }

    /** Handles one frame. Without a fault, what was set is the output; nothing set is an empty one. */
    abstract handle(frame: Frame, output: Output): Fault | null;
}

let plugin: Plugin | null = null;

/** Makes a class the plugin, where it is called by the entry module's exported `handle`. */
export function exportPlugin<T extends Plugin>(): i32 {
    let made = plugin;
    if (made == null) {
        made = instantiate<T>();
        const fault = made.start();
        if (fault) return refuse(fault);
        plugin = made;
    }
    const output = new Output();
    const fault = made.handle(new Frame(readAll()), output);
    if (fault) return refuse(fault);
    if (output.write()) return 0;
    return refuse(Fault.internal("the host took less than the whole output: hand back less"));
}

function refuse(fault: Fault): FaultKind {
    const text = String.UTF8.encode(fault.message);
    writeAll(2, changetype<usize>(text), text.byteLength);
    return fault.kind;
}
