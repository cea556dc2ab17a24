//! Where a WASI command starts, for the toolchain that `debian.rs` makes; no part of xtask.
//!
//! Debian's C library leaves it to the linker to run the constructors, and the linker then puts
//! them around everything that a program exports. One of them asks the host for folders, which a
//! component may not do while the host is handing it memory. Called here, they run once.

#![no_std]
#![allow(unsafe_code, reason = "what is called is the C library's")]

unsafe extern "C" {
    fn __wasm_call_ctors();
    fn __main_void() -> i32;
    fn __wasm_call_dtors();
    fn __wasi_proc_exit(code: i32) -> !;
}

#[unsafe(no_mangle)]
extern "C" fn _start() {
    // SAFETY: the linker and the C library define these four with these very types; nothing has
    // run in the instance before, and nothing but the exit runs after the destructors.
    unsafe {
        __wasm_call_ctors();
        let code = __main_void();
        __wasm_call_dtors();
        if code != 0 {
            __wasi_proc_exit(code);
        }
    }
}
