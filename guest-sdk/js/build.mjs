// Makes a component of a plugin: `node build.mjs ENTRY WIT OUT`.
//
// ENTRY is the module that exports `handler`; what it imports is bundled with it, as the nearest
// tsconfig.json says. WIT is a folder with the plugin world and its dependencies. Types are not
// checked here: `tsc --project` does that.

import { writeFile } from "node:fs/promises";

import { componentize } from "componentize-qjs";
import { build } from "esbuild";

const [entry, witPath, out, ...rest] = process.argv.slice(2);
if (out === undefined || rest.length > 0) {
    console.error("expected three arguments: node build.mjs ENTRY WIT OUT");
    process.exit(2);
}

const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    // Names stay as they are, for what a fault says; comments would name this machine's folders.
    minifyWhitespace: true,
    // The host's interfaces, which the component imports.
    external: ["wasi:*", "tollgate:*"],
});
const { component } = await componentize({
    witPath,
    world: "plugin",
    jsSource: bundle.outputFiles[0].text,
    // The host runs plugins synchronously.
    sync: true,
});
await writeFile(out, component);
