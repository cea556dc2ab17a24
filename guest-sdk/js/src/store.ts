/** What goes wrong with configuration and buckets. */

export type StoreErrorCode =
    /** There is no bucket of that name. */
    | "no-such-store"
    /** The bucket was not granted. */
    | "access-denied"
    /** Anything else. */
    | "other";

/** Why a bucket, or a configuration value, could not be had. */
export class StoreError extends Error {
    override name = "StoreError";

    /** @param sentence For a person: what was expected, what came, what to do. */
    constructor(
        readonly code: StoreErrorCode,
        sentence: string,
    ) {
        super(sentence);
    }
}

const SENTENCES = {
    "no-such-store": "there is no bucket of that name: check it, or have it granted",
    "access-denied": "the bucket was not granted: have it granted",
};

/** Calls the host and turns what it raises, a case of a variant, into a `StoreError`. */
export function storing<T>(call: () => T): T {
    try {
        return call();
    } catch (thrown) {
        const { payload } = thrown as { payload?: { tag?: string; val?: string } };
        switch (payload?.tag) {
            case "no-such-store":
            case "access-denied":
                throw new StoreError(payload.tag, SENTENCES[payload.tag]);
            case "other":
            case "upstream":
            case "io":
                throw new StoreError("other", payload.val ?? "");
            default:
                throw thrown;
        }
    }
}
