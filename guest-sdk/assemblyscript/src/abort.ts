/** Where a failed assertion, `throw`, or an index out of bounds ends: its words go to standard error, and the host says them with the trap. */

import { writeAll } from "./wasi";

/** What the compiler is told to call: `--use abort=tollgateAbort`. */
// @ts-ignore: decorator
@global
export function tollgateAbort(message: string | null, file: string | null, line: u32, column: u32): void {
    const said = message ? message : "aborted";
    const text = String.UTF8.encode(file ? `${said} at ${file}:${line}:${column}` : said);
    writeAll(2, changetype<usize>(text), text.byteLength);
    unreachable();
}
