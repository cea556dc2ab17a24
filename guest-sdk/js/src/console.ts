/**
 * `console`, which the component's JavaScript runtime has not: its lines go to the host's log, with `console`
 * for their context. The build puts it into a bundle that uses the name, and into no other.
 */

import type { Level } from "wasi:logging/logging@0.1.0-draft";

import { kind, wellFormed } from "./check.js";
import { log } from "./log.js";

declare global {
    interface Console {
        log(...values: unknown[]): void;
        info(...values: unknown[]): void;
        debug(...values: unknown[]): void;
        trace(...values: unknown[]): void;
        warn(...values: unknown[]): void;
        error(...values: unknown[]): void;
    }
    var console: Console;
}

const at =
    (level: Level) =>
    (...values: unknown[]): void =>
        log(level, "console", wellFormed(values.map(shown).join(" ")));

/** A text as it is; what else there is as JSON, as far as JSON has it. */
function shown(value: unknown): string {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    try {
        if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value))
            return JSON.stringify(value) ?? kind(value);
        return String(value);
    } catch {
        return kind(value);
    }
}

const lines: Console = {
    log: at("info"),
    info: at("info"),
    debug: at("debug"),
    trace: at("trace"),
    warn: at("warn"),
    error: at("error"),
};

export { lines as console };
