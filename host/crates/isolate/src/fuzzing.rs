//! The two ends of the protocol by themselves, for fuzzing.

use std::sync::Arc;

use tollgate_nn::{Call, Error, Graph, Ran, Remote};

use crate::{
    graph::{read_loaded, read_ran},
    lane::Lane,
    memory::{Layout, sealed_file},
    region::{Access, Region},
    serve::{Kept, Server},
    wire::Garbled,
};

fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|&word| u32::from_le_bytes(word)).collect()
}

/// The host's end: reads an answer to a request to load, and gives the graph that it describes, whose every inference is
/// answered with the bytes that `answers` gives.
pub fn loaded(
    answer: &[u8],
    answers: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Option<Graph> {
    struct Answers<F>(F);
    impl<F: Fn() -> Vec<u8> + Send + Sync> Remote for Answers<F> {
        fn run(&self, call: &mut Call<'_>) -> Result<Ran, Error> {
            let bytes = (self.0)();
            let take = |at: usize, to: &mut [u8]| {
                let from = bytes.get(at..).and_then(|rest| rest.get(..to.len()));
                from.is_some_and(|from| {
                    to.copy_from_slice(from);
                    true
                })
            };
            let now = tollgate_nn::clock::Stamp::now();
            match read_ran(&words(&bytes), call, take) {
                Ok(Ok(ran)) => Ok(ran.record(now, now, (0, 0))),
                Ok(Err(error)) => Err(error),
                Err(Garbled) => Err(call.wrong("garbled")),
            }
        }
    }
    let description = read_loaded(&words(answer)).ok()?.ok()?;
    Graph::elsewhere("g", description, Arc::new(Answers(answers))).ok()
}

/// The helper's end, which has one graph of the number zero.
pub struct HelperEnd {
    server: Server,
    lane: Lane,
    kept: Kept,
}

impl HelperEnd {
    /// One that has this graph.
    pub fn new(graph: Arc<Graph>) -> Self {
        let layout = Layout::of(1 << 16, 1 << 16, 1).with_tensors(1 << 16);
        let map = |bytes: Option<u64>, access| {
            let bytes = bytes.expect("a size");
            let file = sealed_file(bytes).expect("a memory file");
            Arc::new(Region::map(&file, 0, bytes as usize, access).expect("mapped"))
        };
        let down = map(layout.down_bytes(), Access::Read);
        let up = map(layout.up_bytes(), Access::Write);
        let server = Server::over(layout, down, up);
        server.keep(0, graph);
        let lane = server.lane(&layout, 0, std::time::Duration::ZERO);
        Self {
            server,
            lane,
            kept: Kept::default(),
        }
    }

    /// Does what a request says; whether it did.
    pub fn request(&mut self, request: &[u8]) -> bool {
        let done = self
            .server
            .do_one(&self.lane, &mut self.kept, &words(request));
        done.is_ok()
    }
}
