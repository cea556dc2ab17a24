//! A preview1 command as anyone would write it with the `wasi-nn` crate: it reads a model and a tensor
//! from a directory that it was given, runs the model and prints the scores, highest first.
//!
//! `preview1-classify MODEL TENSOR DIMENSIONS`; with `--named GRAPH` in the place of the model the
//! host's graph of that name is used.

#[cfg(target_os = "wasi")]
mod classify;

#[cfg(target_os = "wasi")]
fn main() -> std::process::ExitCode {
    classify::main()
}

#[cfg(not(target_os = "wasi"))]
fn main() {
    eprintln!("preview1-classify is a guest: build it for wasm32-wasip1");
}
