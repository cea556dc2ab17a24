//! `tollgate:nn`, `infer` and `prepared`: sequences of calls with whatever handles, addresses and
//! numbers. What the host reads, it reads in the guest's memory where it lies.
#![no_main]

use std::sync::LazyLock;

use tollgate_runtime::Plugin;

static CALLS: LazyLock<Plugin> = LazyLock::new(|| tollgate_fuzz::plugin("calls"));

libfuzzer_sys::fuzz_target!(|program: &[u8]| {
    let mut program = program.to_vec();
    if let Some(flags) = program.first_mut() {
        *flags |= 2;
    }
    tollgate_fuzz::call(&CALLS, &program);
});
