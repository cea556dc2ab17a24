//! The bindings of the world `tollgate:plugin/sdk`, generated from `wit/` without changes.
//!
//! Parameters are borrowed, so that the host can read an inference's inputs in place.
#![allow(
    unsafe_code,
    reason = "generated: lists and handles cross the boundary as raw parts"
)]
#![allow(missing_docs, clippy::all, clippy::restriction)]

wit_bindgen::generate!({
    path: [
        "../../wit/deps/wasi-nn",
        "../../wit/deps/wasi-logging",
        "../../wit/deps/wasi-config",
        "../../wit/deps/wasi-keyvalue",
        "../../wit/nn",
        "../../wit/plugin",
    ],
    world: "tollgate:plugin/sdk",
    ownership: Borrowing { duplicate_if_necessary: true },
    pub_export_macro: true,
    export_macro_name: "export_handler",
    default_bindings_module: "tollgate_guest::__private::bindings",
    generate_all,
});
