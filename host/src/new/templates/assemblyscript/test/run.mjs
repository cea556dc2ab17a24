// Runs what `digit.ts` exports, in Node's own test runner.

import { readFile } from "node:fs/promises";
import { test } from "node:test";

const module = await WebAssembly.compile(await readFile(new URL("../build/digit-test.wasm", import.meta.url)));

/** A string in the module's memory; its size in bytes stands before it. */
function text(memory, start) {
    if (start === 0) return "";
    const size = new DataView(memory.buffer).getUint32(start - 4, true);
    return new TextDecoder("utf-16le").decode(new Uint8Array(memory.buffer, start, size));
}

for (const { name, kind } of WebAssembly.Module.exports(module)) {
    if (kind !== "function") continue;
    test(name, async () => {
        const { exports } = await WebAssembly.instantiate(module, {
            env: {
                abort(message, file, line, column) {
                    const said = text(exports.memory, message) || "an assertion does not hold";
                    throw new Error(`${said} at ${text(exports.memory, file)}:${line}:${column}`);
                },
            },
        });
        exports[name]();
    });
}
