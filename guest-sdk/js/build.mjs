// Makes a component of a plugin: `node build.mjs ENTRY WIT OUT`.
//
// ENTRY is the module that exports `handler`; what it imports is bundled with it, as the nearest
// tsconfig.json says. WIT is a folder with the plugin world and its dependencies. Types are not
// checked here: `tsc --project` does that.

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
    // Says which of them.
    metafile: true,
});

// The component imports all of its world, so the world has what the bundle uses and no more.
const used = Object.values(bundle.metafile.outputs)
    .flatMap(({ imports }) => imports.map(({ path }) => path))
    .filter((path) => /^wasi:(config|logging|keyvalue)\//.test(path));
const world = await mkdtemp(join(tmpdir(), "tollgate-"));
try {
    await cp(join(witPath, "deps"), join(world, "deps"), { recursive: true });
    await cp(join(witPath, "plugin.wit"), join(world, "deps/plugin/plugin.wit"));
    const imports = [...new Set(used)].map((path) => `import ${path};`).join(" ");
    const text = `package tollgate:built; world built { include tollgate:plugin/plugin@0.1.0; ${imports} }`;
    await writeFile(join(world, "world.wit"), text);
    const { component } = await componentize({
        witPath: world,
        world: "built",
        jsSource: bundle.outputFiles[0].text,
        // The host runs plugins synchronously.
        sync: true,
    });
    await writeFile(out, component);
} finally {
    await rm(world, { recursive: true });
}
