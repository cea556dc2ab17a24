// Makes a component of a plugin: `node build.mjs ENTRY WIT OUT`.
//
// ENTRY is the module that exports `handler`; what it imports is bundled with it, as the nearest
// tsconfig.json says. WIT is a folder with the plugin world and its dependencies. Types are not
// checked here: `tsc --project` does that.

import { existsSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize, resolve } from "node:path";

import { componentize } from "componentize-qjs";
import { build } from "esbuild";

const [typed, witPath, out, ...rest] = process.argv.slice(2);
if (out === undefined || rest.length > 0) {
    console.error("expected three arguments: node build.mjs ENTRY WIT OUT");
    process.exit(2);
}
const entry = resolve(typed);
const project = nearest(dirname(entry), ["package.json", "tsconfig.json"]);

/** The nearest folder, from this one upwards, that has one of these files; this one where none has. */
function nearest(folder, names) {
    for (let at = folder; ; at = dirname(at)) {
        if (names.some((name) => existsSync(join(at, name)))) return at;
        if (dirname(at) === at) return folder;
    }
}

/** The SDK's own folder, once something imports it. */
let sdk;

/** Finds the SDK, of which nothing has side effects: what is not used is not imported by the component. */
const pure = {
    name: "tollgate",
    setup(build) {
        const plainly = { pluginData: "plainly" };
        build.onResolve({ filter: /^tollgate$/ }, async ({ path, pluginData, ...from }) => {
            if (pluginData === plainly.pluginData) return undefined;
            const found = await build.resolve(path, { ...from, ...plainly });
            if (found.errors.length > 0) return { errors: found.errors };
            sdk = dirname(found.path);
            return { path: found.path, sideEffects: false };
        });
        build.onResolve({ filter: /^\.\.?\// }, async ({ path, pluginData, ...from }) => {
            if (sdk === undefined || dirname(from.importer) !== sdk || pluginData === plainly.pluginData)
                return undefined;
            const found = await build.resolve(path, { ...from, ...plainly });
            return found.errors.length > 0 ? { errors: found.errors } : { path: found.path, sideEffects: false };
        });
        // `console` is the SDK's; a plugin that never says the word has none.
        build.onResolve({ filter: /^tollgate-console$/ }, async () => {
            const found = await build.resolve("tollgate", { kind: "import-statement", resolveDir: dirname(entry) });
            if (found.errors.length > 0) return { path: "none", namespace: "none" };
            sdk = dirname(found.path);
            return { path: join(sdk, "console.ts"), sideEffects: false };
        });
        build.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "" }));
    },
};

const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    // Names and lines stay as they are, for what a fault says. Comments name files from here.
    absWorkingDir: project,
    outfile: "plugin.js",
    sourcemap: "external",
    sourcesContent: false,
    inject: ["tollgate-console"],
    // The host's interfaces, which the component imports.
    external: ["wasi:*", "tollgate:*"],
    // Says which of them.
    metafile: true,
    plugins: [pure],
}).catch(() => process.exit(1));
const [map, script] = bundle.outputFiles.sort((a, b) => b.path.length - a.path.length);

/** Where parts of the bundle come from, for the SDK's `report.ts`, which says what is in it. */
function sources({ sources: paths, mappings }) {
    const files = [];
    const places = paths.map((path) => {
        const file = resolve(project, path);
        if (file.includes("node_modules") || (sdk !== undefined && dirname(file) === sdk)) return -1;
        return files.push(normalize(path)) - 1;
    });
    const parts = [];
    // The format of source maps: each number is the difference to the one before, in five bits a letter.
    let source = 0;
    let line = 0;
    for (const [below, row] of mappings.split(";").entries()) {
        let column = 0;
        for (const segment of row === "" ? [] : row.split(",")) {
            const [across, sources, lines] = numbers(segment);
            column += across;
            source += sources ?? 0;
            line += lines ?? 0;
            const place = places[source];
            const there = place < 0 ? 0 : line + 1;
            if (parts.at(-2) !== place || parts.at(-1) !== there || parts.at(-4) !== below + 1)
                parts.push(below + 1, column + 1, place, there);
        }
    }
    return { files, parts };
}

function numbers(segment) {
    const found = [];
    let value = 0;
    let shift = 0;
    for (const letter of segment) {
        const bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(letter);
        value += (bits & 31) << shift;
        shift += 5;
        if ((bits & 32) !== 0) continue;
        found.push((value & 1) === 0 ? value >> 1 : -(value >> 1));
        value = shift = 0;
    }
    return found;
}

// As text, which takes a tenth of the memory until somebody asks for it.
const table = JSON.stringify(JSON.stringify(sources(JSON.parse(map.text))));
const jsSource = `${script.text}\nglobalThis[Symbol.for("tollgate.sources")] = ${table};\n`;

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
        jsSource,
        // The host runs plugins synchronously.
        sync: true,
    });
    await writeFile(out, component);
} finally {
    await rm(world, { recursive: true });
}
