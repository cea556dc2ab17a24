/**
 * Whether values are what the host's interfaces take: the bindings trap on others, and a trap says nothing.
 *
 * Each function hands back the value as the bindings want it, or throws a `TypeError` that says which value
 * it is, what was expected and what came.
 */

/** What a value is, as its author calls it. */
export function kind(value: unknown): string {
    if (value === null || value === undefined) return String(value);
    if (typeof value !== "object") return typeof value;
    const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
    if (tag !== "Object") return tag;
    const made = (value as { constructor?: { name?: unknown } }).constructor?.name;
    return typeof made === "string" && made !== "" ? made : tag;
}

/** What was expected, what came, and where. */
export function mismatch(what: string, expected: string, value: unknown, remedy = ""): TypeError {
    return new TypeError(`${what}: expected ${expected}, got ${kind(value)}${remedy}`);
}

/** A text that can be written as UTF-8. */
export function text(what: string, value: unknown): string {
    if (typeof value !== "string") throw mismatch(what, "a string", value);
    if (HALF.test(value))
        throw new TypeError(
            `${what}: expected text that UTF-8 can hold, got half a surrogate pair: replace it first`,
        );
    return value;
}

/** Half of a surrogate pair, which stands for no character. */
const HALF = /\p{Surrogate}/u;

/** A text with U+FFFD for what UTF-8 cannot hold. */
export function wellFormed(value: string): string {
    return value.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Bytes, where they lie. */
export function octets(what: string, value: unknown): Uint8Array {
    if (value instanceof Uint8Array) return value;
    if (value instanceof Uint8ClampedArray)
        return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    const remedy =
        typeof value === "string"
            ? ": `utf8` makes one of it"
            : ArrayBuffer.isView(value)
              ? ": give it the bytes, such as `new Uint8Array(array.buffer)`"
              : value instanceof ArrayBuffer
                ? ": give it `new Uint8Array(buffer)`"
                : "";
    throw mismatch(what, "a Uint8Array", value, remedy);
}

/** A whole number from zero to the largest that is allowed. */
export function whole(what: string, value: unknown, most: number): number {
    if (typeof value !== "number") throw mismatch(what, "a number", value);
    if (!Number.isInteger(value) || value < 0 || value > most)
        throw new TypeError(`${what}: expected a whole number from 0 to ${most}, got ${value}`);
    return value;
}

/** One of these words. */
export function member<T extends string>(what: string, value: unknown, of: readonly T[]): T {
    if (typeof value !== "string") throw mismatch(what, `one of ${of.join(", ")}`, value);
    const found = of.find((word) => word === value);
    if (found !== undefined) return found;
    throw new TypeError(`${what}: expected one of ${of.join(", ")}, got ${JSON.stringify(value.slice(0, 40))}`);
}

/** An array. */
export function array(what: string, value: unknown, of: string): unknown[] {
    if (Array.isArray(value)) return value as unknown[];
    throw mismatch(what, `an array of ${of}`, value);
}

/** An object with fields. */
export function record(what: string, value: unknown, expected: string): Record<string, unknown> {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
        return value as Record<string, unknown>;
    throw mismatch(what, expected, value);
}
