/**
 * What was thrown as one line: its kind, its text, and where in the plugin's own code it was thrown.
 *
 * The line is bounded and has no line ends, whatever the text is. Lines of the bundle that the component is
 * made from are turned into lines of the plugin's files by a table that the build puts beside it.
 */

import { kind, wellFormed } from "./check.js";

/** Of a text, in UTF-16 units. */
const LONGEST = 1000;

/** What a plugin threw, where, and what to do about it. */
export function report(thrown: unknown): string {
    return `the plugin threw ${said(thrown)}${place(thrown)}: mend it`;
}

/** A text on one line, cut where it is long. */
export function oneLine(text: string): string {
    const words = wellFormed(text.slice(0, LONGEST + 1)).replace(/[\s\p{C}]+/gu, " ").trim();
    return text.length <= LONGEST ? words : `${words.slice(0, LONGEST - 1)}…`;
}

function said(thrown: unknown): string {
    try {
        if (thrown instanceof Error) {
            const name = oneLine(String(thrown.name)) || "Error";
            const message = oneLine(String(thrown.message));
            return message === "" ? name : `${name}: ${message}`;
        }
        if (typeof thrown === "object" && thrown !== null)
            return `${kind(thrown)} ${oneLine(JSON.stringify(thrown) ?? "")}`;
        if (typeof thrown === "string") return `the text ${JSON.stringify(oneLine(thrown))}`;
        return oneLine(String(thrown));
    } catch {
        // A getter or `toJSON` of its own can be wrong as well.
        return `${kind(thrown)}, whose text cannot be had`;
    }
}

/** The innermost of the frames that are the plugin's own, by the engine's text of the stack. */
function place(thrown: unknown): string {
    try {
        if (!(thrown instanceof Error)) return "";
        for (const line of String(thrown.stack).split("\n")) {
            const at = /user\.js:(\d+)(?::(\d+))?/.exec(line);
            const found = at === null ? undefined : original(Number(at[1]), Number(at[2] ?? 0));
            if (found === undefined) continue;
            const called = /^\s*at (\S+) \(/.exec(line)?.[1];
            const within = called === undefined || called.startsWith("<") ? "" : `, in ${called}`;
            return ` (${found}${within})`;
        }
    } catch {
        // As above.
    }
    return "";
}

/** What the build knows of the bundle. */
interface Sources {
    /** The plugin's own files. */
    files: string[];
    /**
     * Where parts of the bundle begin, in their order, four numbers each: line, column, place in `files` or -1
     * for what is none of the plugin's, line there.
     */
    parts: number[];
}

/** Where a place in the bundle, counted from one, comes from: `FILE:LINE`, as far as it is the plugin's own. */
function original(line: number, column: number): string | undefined {
    const table = (globalThis as { [SOURCES]?: string })[SOURCES];
    if (table === undefined) return undefined;
    const { files, parts } = JSON.parse(table) as Sources;
    let found = -1;
    for (let part = 0; part < parts.length; part += 4) {
        const first = found < 0 || parts[found] < line;
        // The engine names some places by where their function's line begins: its first part is meant.
        if (parts[part] > line || (parts[part] === line && parts[part + 1] > column && !first)) break;
        found = part;
    }
    if (found < 0 || parts[found + 2] < 0) return undefined;
    return `${files[parts[found + 2]]}:${parts[found + 3]}`;
}

/** Where the build leaves the table, as JSON. */
const SOURCES = Symbol.for("tollgate.sources");
