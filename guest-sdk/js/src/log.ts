/** Lines into the host's log. */

import logging, { type Level } from "wasi:logging/logging@0.1.0-draft";

import { member, mismatch, wellFormed } from "./check.js";

export type { Level };

const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"] as const;

/**
 * Logs one line; `context` groups lines that belong together, and may be empty. It takes a crossing.
 * Without the grant, and beyond the host's limits, nobody sees it.
 */
export function log(level: Level, context: string, message: string): void {
    logging.log(member("the level", level, LEVELS), line("the context", context), line("the message", message));
}

/** A text; half a surrogate pair in it is no reason to lose a line. */
function line(what: string, value: unknown): string {
    if (typeof value !== "string") throw mismatch(what, "a string", value);
    return wellFormed(value);
}
