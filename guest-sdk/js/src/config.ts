/** Configuration values, which the host grants one by one. */

import store from "wasi:config/store@0.2.0-rc.1";

import { text } from "./check.js";
import { storing } from "./store.js";

/**
 * The configuration value of a key; `undefined` where there is no such key, or nothing was granted. It
 * takes a crossing: read it once, when the plugin is made.
 *
 * @throws StoreError on hosts whose values come from elsewhere.
 */
export function config(key: string): string | undefined {
    return storing(() => store.get(text("the key", key))) ?? undefined;
}
