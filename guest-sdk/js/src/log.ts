/** Lines into the host's log. */

import logging, { type Level } from "wasi:logging/logging@0.1.0-draft";

export type { Level };

/**
 * Logs one line; `context` groups lines that belong together, and may be empty. It takes a crossing.
 * Without the grant, and beyond the host's limits, nobody sees it.
 */
export function log(level: Level, context: string, message: string): void {
    logging.log(level, context, message);
}
