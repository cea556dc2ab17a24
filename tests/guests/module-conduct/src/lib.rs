//! `conduct` once more, as a preview1 core module: a frame on standard input, the answer on standard
//! output, `wasi_ephemeral_nn` called by its raw addresses, good and bad.
//!
//! It speaks the same commands; an error is the number that the interface gives, and outputs are
//! bytes without a type, which is all that the interface tells.
#![cfg_attr(
    target_arch = "wasm32",
    allow(
        unsafe_code,
        reason = "the point is to call the interface by its raw addresses"
    )
)]

#[cfg(target_arch = "wasm32")]
mod conduct;
