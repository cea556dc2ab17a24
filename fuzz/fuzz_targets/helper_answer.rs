//! What a helper answers its host: to a request to load, and to each run of the graph that it has described. A helper
//! that was taken over answers anything.
//!
//! The first two bytes are how long the first answer is, and the rest is the second one, with the elements of its
//! outputs somewhere in it.
#![no_main]

use tollgate_isolate::fuzzing::loaded;
use tollgate_nn::{Argument, Data, Scratch};

/// Far more than an answer of these sizes can be about honestly.
const ROOM: usize = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    tollgate_fuzz::onnxruntime();
    let Some((&[low, high], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let (first, second) = rest.split_at(rest.len().min(u16::from_le_bytes([low, high]).into()));
    let second = second.to_vec();
    let Some(graph) = loaded(first, move || second.clone()) else {
        return;
    };
    let mut scratch = Scratch::new().expect("a scratch");
    scratch.allow(ROOM);
    let shapes: Option<Vec<(Vec<u32>, Vec<u8>)>> = graph
        .inputs()
        .iter()
        .map(|info| {
            let dimensions: Vec<u32> =
                info.dimensions.iter().map(|one| one.unwrap_or(1)).collect();
            let bytes = info.ty.bytes_for(&dimensions).filter(|&bytes| bytes <= ROOM)?;
            Some((dimensions, vec![0; bytes]))
        })
        .collect();
    let Some(shapes) = shapes else { return };
    let arguments: Vec<Argument<'_>> = graph
        .inputs()
        .iter()
        .zip(&shapes)
        .map(|(info, (dimensions, bytes))| Argument {
            name: None,
            data: Data::Bytes {
                ty: info.ty,
                dimensions,
                bytes,
            },
        })
        .collect();
    if let Ok(outcome) = graph.run(&mut scratch, &arguments, None) {
        assert_eq!(outcome.outputs.len(), graph.outputs().len());
        for (output, info) in outcome.outputs.iter().zip(graph.outputs()) {
            assert_eq!(output.ty(), info.ty);
        }
    }
});
