//! The guest `repeat` once more, as a preview1 core module by the crate `wasi-nn`. Contexts are all that this interface
//! has, so `i` and `c` are the same.
#![cfg_attr(
    target_os = "wasi",
    allow(
        unsafe_code,
        reason = "an export of a core module has to have a name of its own"
    )
)]

#[cfg(target_os = "wasi")]
mod repeat;
