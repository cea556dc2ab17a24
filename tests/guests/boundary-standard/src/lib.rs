//! The guest that both sides of `cargo xtask bench boundary` run, byte for byte: inference through
//! standard wasi:nn and nothing else.
//!
//! It is written against the interfaces themselves, with no SDK between, so that what is measured
//! is the host. The input lies ready in guest memory, as a pre-processing step would have left it;
//! one float of it changes from inference to inference, so that no host can reuse the last answer.

mod work;

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: "../../../wit/deps/wasi-nn",
        inline: "
            package tollgate:bench;
            world boundary-standard {
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/inference@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
                export prepare: func(graph: string, input: string, dimensions: list<u32>, seed: u32) -> result<_, string>;
                export infer: func(times: u32) -> result<f32, string>;
                export empty: func();
            }
        ",
        world: "tollgate:bench/boundary-standard",
        generate_all,
    });
    use super::Boundary;
    export!(Boundary with_types_in self);
}

struct Boundary;

impl bindings::Guest for Boundary {
    fn prepare(
        graph: String,
        input: String,
        dimensions: Vec<u32>,
        seed: u32,
    ) -> Result<(), String> {
        work::prepare(&graph, input, dimensions, seed)
    }

    fn infer(times: u32) -> Result<f32, String> {
        work::infer(times)
    }

    fn empty() {}
}
