// Runs a plugin's tests with Node's own test runner: `node test.mjs [FOLDER]`, where FOLDER is `test` unless
// it is said. Every script in it and below is run, whatever it is called.
//
// Each is bundled, as the nearest tsconfig.json says, with stand-ins for the host's interfaces, so that what
// it imports may use all of the SDK; see `tollgate/testing`. The bundles go into `build/tests`.

import { spawnSync } from "node:child_process";
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const sdk = join(dirname(fileURLToPath(import.meta.url)), "src");
const [folder = "test", ...rest] = process.argv.slice(2);
if (rest.length > 0) {
    console.error("expected at most one argument: node test.mjs [FOLDER]");
    process.exit(2);
}

const SCRIPTS = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"]);

async function scripts(below) {
    const found = [];
    for (const entry of (await readdir(below, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = join(below, entry.name);
        if (entry.name === "node_modules") continue;
        if ((await stat(path)).isDirectory()) found.push(...(await scripts(path)));
        else if (SCRIPTS.has(extname(path)) && !/\.d\.[cm]?ts$/.test(path)) found.push(path);
    }
    return found;
}

const tests = await scripts(folder).catch(() => []);
if (tests.length === 0) {
    console.error(`there is no test in \`${folder}\`: put a script there that uses node:test`);
    process.exit(1);
}

/** The SDK and the host's interfaces, wherever a test or the plugin imports them. */
const host = {
    name: "tollgate",
    setup({ onResolve, onLoad }) {
        onResolve({ filter: /^tollgate(\/testing)?$/ }, ({ path }) => ({
            path: join(sdk, path === "tollgate" ? "index.ts" : "testing.ts"),
        }));
        onResolve({ filter: /^(wasi|tollgate):/ }, ({ path }) => ({ path, namespace: "host" }));
        onLoad({ filter: /.*/, namespace: "host" }, ({ path }) => {
            const name = JSON.stringify(path.replace(/@.*/, ""));
            const contents = `import { interfaces } from "./stand-ins.ts"; export default interfaces[${name}];`;
            return { contents, resolveDir: sdk };
        });
    },
};

const out = resolve("build/tests");
await rm(out, { recursive: true, force: true });
await build({
    // A name of its own for each: two may differ in their extensions only.
    entryPoints: tests.map((test) => ({ in: test, out: relative(folder, test) })),
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
    plugins: [host],
    logLevel: "warning",
}).catch(() => process.exit(1));
const bundles = tests.map((test) => join(out, `${relative(folder, test)}.mjs`));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...bundles], {
    stdio: "inherit",
});
process.exit(status ?? 1);
