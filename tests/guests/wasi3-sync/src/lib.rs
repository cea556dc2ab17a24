//! A plugin of the synchronous world that imports an interface of WASI 0.3: it may read the clock, and
//! it may not wait for it. The frame `wait` has it try.

use bindings::exports::tollgate::plugin::handler::{Fault, Frame, Guest, Output};
use bindings::wasi::clocks::monotonic_clock::now;

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        clippy::unwrap_used,
        clippy::panic,
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/wasi-nn",
            "../../../wit/deps/wasi-logging",
            "../../../wit/deps/wasi-config",
            "../../../wit/deps/wasi-keyvalue",
            "../../../wit/deps/wasi-clocks",
            "../../../wit/nn",
            "../../../wit/plugin",
        ],
        inline: "
            package tollgate:wasi3;
            world plugin {
                import wasi:clocks/monotonic-clock@0.3.0;
                export tollgate:plugin/handler@0.1.0;
            }
        ",
        world: "tollgate:wasi3/plugin",
        generate_all,
        // The import is lowered synchronously: the guest has no executor of its own.
        async: false,
    });
    use super::Plugin;
    export!(Plugin with_types_in self);
}

struct Plugin;

impl Guest for Plugin {
    fn handle(frame: Frame) -> Result<Vec<Output>, Fault> {
        let before = now();
        if frame.data == b"wait" {
            bindings::wasi::clocks::monotonic_clock::wait_for(1_000_000);
        }
        let said = if now() >= before { "right" } else { "wrong" };
        Ok(vec![Output {
            name: "said".to_owned(),
            content_type: "text/plain".to_owned(),
            data: said.as_bytes().to_vec(),
        }])
    }
}
