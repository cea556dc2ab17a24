//! `boundary-standard` once more, as an asynchronous guest: its work is the same, and so are its
//! functions but for their types. What differs in its times is what asynchronous calls cost.
//!
//! It is written against the interfaces themselves, with no SDK between, so that what is measured
//! is the host. The input lies ready in guest memory, as a pre-processing step would have left it;
//! one float of it changes from inference to inference, so that no host can reuse the last answer.

#[path = "../../boundary-standard/src/work.rs"]
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
            world boundary-async {
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/inference@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
                export prepare: func(graph: string, input: string, dimensions: list<u32>, seed: u32) -> result<_, string>;
                export infer: async func(times: u32) -> result<f32, string>;
                export empty: async func();
            }
        ",
        world: "tollgate:bench/boundary-async",
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

    async fn infer(times: u32) -> Result<f32, String> {
        work::infer(times)
    }

    async fn empty() {}
}
