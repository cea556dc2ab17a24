/**
 * Does with its configuration, its log and its buckets what its frame says, a command a line, and says
 * what came of each: the plugin of tests/guests/counter, in TypeScript.
 */

import {
    Bucket,
    type Frame,
    type Level,
    type Output,
    type Plugin,
    StoreError,
    config,
    exportPlugin,
    log,
    utf8,
} from "tollgate";

/** Bytes to text; the runtime has no TextDecoder. */
function text(bytes: Uint8Array): string {
    const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`);
    return decodeURIComponent(escaped.join(""));
}

function keys(bucket: Bucket): string {
    const found: string[] = [];
    let cursor: number | undefined;
    do {
        const page = bucket.keys(cursor);
        found.push(...page.keys);
        cursor = page.cursor;
    } while (cursor !== undefined);
    return found.join(",");
}

function run(line: string): string {
    const words = line.split(" ");
    const [name, first = "", second = ""] = words;
    const rest = words.slice(3).join(" ");
    if (name === "config") return config(first) ?? "none";
    if (name === "log") {
        log(first as Level, second, rest);
        return "logged";
    }
    const bucket = Bucket.open(first);
    switch (name) {
        case "get": {
            const value = bucket.get(second);
            return value === undefined ? "none" : text(value);
        }
        case "set":
            bucket.set(second, utf8(rest));
            return "set";
        case "delete":
            bucket.delete(second);
            return "deleted";
        case "exists":
            return String(bucket.exists(second));
        case "increment":
            return String(bucket.increment(second, Number(rest)));
        default:
            return keys(bucket);
    }
}

function said(line: string): string {
    try {
        return run(line);
    } catch (thrown) {
        if (!(thrown instanceof StoreError)) throw thrown;
        return thrown.code === "other" ? `other: ${thrown.message}` : thrown.code;
    }
}

class Counter implements Plugin {
    handle(frame: Frame): Output[] {
        const answer = text(frame.data).split("\n").map(said).join("\n");
        return [{ name: "said", contentType: "text/plain", data: utf8(answer) }];
    }
}

export const handler = exportPlugin(Counter);
