//! Calls every import of `wasi:nn`, in both versions, and of `tollgate:nn` as its frame says, with
//! whatever arguments the frame says (`interpreter`).
//!
//! Bit 1 of a frame's first byte chooses `tollgate:nn`; bit 0 says that models may be loaded.

mod generated {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/wasi-nn",
            "../../../wit/deps/wasi-nn-2024-08-19",
            "../../../wit/deps/wasi-logging",
            "../../../wit/deps/wasi-config",
            "../../../wit/deps/wasi-keyvalue",
            "../../../wit/nn",
            "../../../wit/plugin",
        ],
        inline: "
            package tollgate:calls;
            world all {
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/inference@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
                import wasi:nn/tensor@0.2.0-rc-2024-08-19;
                import wasi:nn/graph@0.2.0-rc-2024-08-19;
                import wasi:nn/inference@0.2.0-rc-2024-08-19;
                import wasi:nn/errors@0.2.0-rc-2024-08-19;
                import tollgate:nn/inference@0.1.0;
                import tollgate:nn/prepared@0.1.0;
                export tollgate:plugin/handler@0.1.0;
            }
        ",
        world: "tollgate:calls/all",
        generate_all,
    });
    #[cfg(target_arch = "wasm32")]
    use super::Calls;
    #[cfg(target_arch = "wasm32")]
    export!(Calls with_types_in self);
}

#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(target_arch = "wasm32")]
mod interpreter;
#[cfg(target_arch = "wasm32")]
mod memory;

#[cfg(target_arch = "wasm32")]
struct Calls;

#[cfg(target_arch = "wasm32")]
mod handler {
    use super::{
        Calls,
        generated::exports::tollgate::plugin::handler::{Fault, Frame, Guest, Output},
        imports, interpreter, memory,
    };

    impl Guest for Calls {
        fn handle(frame: Frame) -> Result<Vec<Output>, Fault> {
            let ours = frame.data.first().is_some_and(|flags| flags & 2 != 0);
            let functions = if ours {
                imports::TOLLGATE
            } else {
                imports::STANDARD
            };
            interpreter::run(&frame.data, functions, imports::LOAD, memory::give);
            memory::give(0);
            Ok(Vec::new())
        }
    }
}
