//! The meter reader once more, as a core module for preview1 and the crate `wasi-nn`: for hosts that know no
//! components.
//!
//! Everything between a frame's bytes and the model's input, and between its scores and a reading, is the plugin's
//! own (`../plugin`). Only the way in and out differs: the frame comes on standard input, the reading goes to
//! standard output, and what `handle` returns says what kind of fault there was.
#![cfg_attr(
    target_os = "wasi",
    allow(
        unsafe_code,
        reason = "an export of a core module has to have a name of its own"
    )
)]

#[cfg(target_os = "wasi")]
mod front;
