//! `wasi_ephemeral_nn`: sequences of calls with whatever addresses and numbers, by a core module.
#![no_main]

use std::sync::LazyLock;

use tollgate_runtime::Plugin;

static CALLS: LazyLock<Plugin> = LazyLock::new(|| tollgate_fuzz::plugin("module-calls"));

libfuzzer_sys::fuzz_target!(|program: &[u8]| tollgate_fuzz::call(&CALLS, program));
