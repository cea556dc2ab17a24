//! Known toolchains, recognised by the imports of their core modules, and how to make their output
//! run here.

/// A row: the import's module, the beginning of the function's name, and what to do.
type Row = (&'static str, &'static str, &'static str);

/// Names match by their beginning; an empty one matches each name. The first matching row is used.
const KNOWN: [Row; 20] = [
    (
        "env",
        "abort",
        "AssemblyScript imports it to abort: build with `asc --use abort=`",
    ),
    (
        "env",
        "seed",
        "AssemblyScript imports it for `Math.random`: build with a source of random numbers of your own",
    ),
    (
        "env",
        "memory",
        "export a memory of its own: build without `--import-memory` and without threads",
    ),
    ("env", "emscripten_", EMSCRIPTEN),
    ("env", "_emscripten_", EMSCRIPTEN),
    ("env", "__syscall_", EMSCRIPTEN),
    ("env", "__cxa_", EMSCRIPTEN),
    ("env", "invoke_", EMSCRIPTEN),
    ("env", "_abort_js", EMSCRIPTEN),
    ("a", "", EMSCRIPTEN),
    ("extism:", "", EXTISM),
    (
        "wasi_ephemeral_nn",
        "",
        "WasmEdge has it, the standard has not: call `load_by_name`, `set_input`, `compute` and `get_output`",
    ),
    ("wasmedge", "", "a plug-in of WasmEdge: build without it"),
    ("__wbindgen", "", WASM_BINDGEN),
    ("wbg", "", WASM_BINDGEN),
    ("./", "", WASM_BINDGEN),
    (
        "go",
        "",
        "Go's glue for JavaScript: build with `GOOS=wasip1 GOARCH=wasm`",
    ),
    (
        "wasi_unstable",
        "",
        "WASI before preview1: build with a toolchain of 2020 or later",
    ),
    (
        "wasix_",
        "",
        "WASIX, which only Wasmer has: build for `wasm32-wasip1`",
    ),
    (
        "wasi",
        "thread-spawn",
        "threads are not offered: build without `-threads` in the target's name",
    ),
];

const EMSCRIPTEN: &str =
    "Emscripten's glue for JavaScript: build with wasi-sdk, or with `-sSTANDALONE_WASM`";
const EXTISM: &str = "a function of Extism's hosts: build with an SDK of Tollgate's (`tollgate new` starts a project)";
const WASM_BINDGEN: &str = "wasm-bindgen's glue for JavaScript: build for `wasm32-wasip1` or `wasm32-wasip2` without `wasm-bindgen` and what uses it";

/// What to do about an imported function that is not offered.
pub(super) fn remedy(module: &str, function: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(in_module, begins, _)| {
        // These short names must match completely; others are followed by a version.
        let fits = match *in_module {
            "env" | "a" | "wbg" | "wasi" => module == *in_module,
            "go" => module == "go" || module == "gojs",
            _ => module.starts_with(in_module),
        };
        fits && function.starts_with(begins)
    });
    known.map(|&(_, _, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_are_known_by_their_imports() {
        for (module, function, words) in [
            ("env", "abort", "--use abort="),
            ("env", "emscripten_resize_heap", "-sSTANDALONE_WASM"),
            ("env", "memory", "--import-memory"),
            ("a", "b", "-sSTANDALONE_WASM"),
            ("extism:host/env", "input_length", "tollgate new"),
            ("extism:host/user", "mine", "tollgate new"),
            ("wasi_ephemeral_nn", "compute_single", "`compute`"),
            ("wasmedge_process", "run", "WasmEdge"),
            (
                "__wbindgen_placeholder__",
                "__wbindgen_throw",
                "wasm32-wasip2",
            ),
            ("./app_bg.js", "__wbg_log_1", "wasm32-wasip2"),
            ("gojs", "runtime.wasmExit", "GOOS=wasip1"),
            ("wasi_unstable", "fd_write", "preview1"),
            ("wasi", "thread-spawn", "threads"),
        ] {
            let remedy = remedy(module, function).unwrap_or_default();
            assert!(remedy.contains(words), "{module}.{function}: {remedy}");
        }
        for (module, function) in [
            ("env", "mine"),
            ("goods", "x"),
            ("abc", "b"),
            ("wasip", "x"),
        ] {
            assert_eq!(remedy(module, function), None, "{module}.{function}");
        }
    }
}
