/** Key-value buckets: what must last beyond the instance. */

import atomics from "wasi:keyvalue/atomics@0.2.0-draft";
import store, { type Bucket as Resource } from "wasi:keyvalue/store@0.2.0-draft";

import { octets, text, whole } from "./check.js";
import { storing } from "./store.js";

/** One page of keys. */
export interface Keys {
    /** The keys. */
    keys: string[];
    /** What to ask for the next page with; `undefined` after the last. */
    cursor?: number;
}

/**
 * Keys and their values, kept by the host: what was set is there after a crash, and other instances and
 * plugins with the same grant see it. Every call is a crossing, and one that writes waits for the disk.
 * All throw a `StoreError`, and a `TypeError` for what is no key, value or number at all.
 */
export class Bucket {
    private constructor(private readonly resource: Resource) {}

    /** Opens a bucket by the name that the host gave it. Do it once, when the plugin is made. */
    static open(name: string): Bucket {
        return new Bucket(storing(() => store.open(text("the bucket's name", name))));
    }

    /** The value of a key; `undefined` where there is no such key. */
    get(key: string): Uint8Array | undefined {
        return storing(() => this.resource.get(text("the key", key))) ?? undefined;
    }

    /** Sets the value of a key. */
    set(key: string, value: Uint8Array): void {
        storing(() => this.resource.set(text("the key", key), octets("the value", value)));
    }

    /** Removes a key, which need not be there. */
    delete(key: string): void {
        storing(() => this.resource.delete(text("the key", key)));
    }

    /** Whether there is such a key. */
    exists(key: string): boolean {
        return storing(() => this.resource.exists(text("the key", key)));
    }

    /**
     * Adds to the decimal number that a key has, zero where there is none, and returns the sum, as near as
     * a number holds it. Nothing that others do can come between.
     */
    increment(key: string, delta: number): number {
        const by = whole("the delta", delta, Number.MAX_SAFE_INTEGER);
        return storing(() => atomics.increment(this.resource, text("the key", key), by));
    }

    /** One page of keys: the first without a cursor, the next with the cursor of the one before. */
    keys(cursor?: number): Keys {
        const from = cursor === undefined ? null : whole("the cursor", cursor, 2 ** 64);
        const page = storing(() => this.resource.listKeys(from));
        return { keys: page.keys, cursor: page.cursor ?? undefined };
    }
}
