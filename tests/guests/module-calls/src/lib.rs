//! `calls` once more, as a preview1 core module: `wasi_ephemeral_nn` by its raw addresses, as its
//! frame on standard input says (`interpreter`).
#![cfg_attr(
    target_arch = "wasm32",
    allow(unsafe_code, reason = "imports and exports are declared so")
)]

#[cfg(target_arch = "wasm32")]
#[path = "../../calls/src/interpreter.rs"]
mod interpreter;

#[cfg(target_arch = "wasm32")]
mod module {
    use crate::interpreter::{self, Function};

    mod imports {
        // To the compiler these are safe: what the host writes it writes into this guest's own
        // memory, and that this goes wrong is what is tried.
        #[link(wasm_import_module = "wasi_ephemeral_nn")]
        unsafe extern "C" {
            pub(super) safe fn load(
                list: u32,
                count: u32,
                encoding: u32,
                target: u32,
                out: u32,
            ) -> u32;
            pub(super) safe fn load_by_name(name: u32, bytes: u32, out: u32) -> u32;
            pub(super) safe fn init_execution_context(graph: u32, out: u32) -> u32;
            pub(super) safe fn set_input(context: u32, index: u32, tensor: u32) -> u32;
            pub(super) safe fn compute(context: u32) -> u32;
            pub(super) safe fn get_output(c: u32, index: u32, at: u32, room: u32, out: u32) -> u32;
        }
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            pub(super) safe fn fd_read(fd: u32, list: u32, count: u32, read: u32) -> u32;
        }
    }

    const FUNCTIONS: &[Function] = &[
        (5, |[a, b, c, d, e]| errno(imports::load(a, b, c, d, e))),
        (3, |[a, b, c, ..]| errno(imports::load_by_name(a, b, c))),
        (2, |[a, b, ..]| errno(imports::init_execution_context(a, b))),
        (3, |[a, b, c, ..]| errno(imports::set_input(a, b, c))),
        (1, |[a, ..]| errno(imports::compute(a))),
        (5, |[a, b, c, d, e]| {
            errno(imports::get_output(a, b, c, d, e))
        }),
    ];

    /// Handles are written to memory here, and what is returned is none.
    fn errno(_errno: u32) -> Option<u32> {
        None
    }

    /// The longest program, in bytes.
    const LONGEST: usize = 4096;

    #[unsafe(no_mangle)]
    extern "C" fn handle() -> i32 {
        let mut program = [0u8; LONGEST];
        let mut filled = 0usize;
        loop {
            let rest = program.get_mut(filled..).unwrap_or_default();
            let list = [rest.as_mut_ptr().addr() as u32, rest.len() as u32];
            let mut read = 0u32;
            let out = (&raw mut read).addr() as u32;
            let failed = imports::fd_read(0, (&raw const list).addr() as u32, 1, out) != 0;
            std::hint::black_box(&mut program);
            if failed || read == 0 {
                break;
            }
            filled += read as usize;
        }
        let program = program.get(..filled).unwrap_or_default();
        interpreter::run(program, FUNCTIONS, 0, |_| ());
        0
    }
}
