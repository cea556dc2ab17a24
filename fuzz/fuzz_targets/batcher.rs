//! Callers of one merged graph, some of whom do something wrong: other dimensions, other types, too
//! few bytes, a deadline that is over, an ask for more rows than a batch has. Who does nothing wrong
//! gets exactly its own rows.
//!
//! Four bytes an inference: the caller, its rows, what it does wrong, and its deadline.
#![no_main]

use std::{
    num::NonZero,
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use tollgate_nn::{
    Argument, BatchOptions, BatchPolicy, Data, Error, Graph, GraphOptions, GraphRegistry, Scratch,
    TensorType, clock::Deadline,
};

const CALLERS: usize = 4;
const MOST_ROWS: u32 = 5;

/// Two graphs, the second of which fails a whole run for some values; of each one that is always
/// merged, and one that never is, to compare with.
static GRAPHS: LazyLock<[[Arc<Graph>; 2]; 2]> =
    LazyLock::new(|| ["rows-fp32", "lookup"].map(graphs));

fn graphs(model: &str) -> [Arc<Graph>; 2] {
    tollgate_fuzz::onnxruntime();
    let registry = GraphRegistry::new();
    let path = tollgate_fuzz::file(&format!("tests/models/{model}.onnx"));
    [BatchPolicy::On, BatchPolicy::Off].map(|policy| {
        let options = GraphOptions {
            batch: BatchOptions {
                policy,
                max: NonZero::new(8).expect("eight"),
                delay: Duration::from_micros(200),
            },
            ..GraphOptions::default()
        };
        registry
            .load_file(policy.name(), &path, &options)
            .expect("a graph of rows")
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // With it ONNX Runtime, which scratches need.
    LazyLock::force(&GRAPHS);
    let (asks, _) = bytes.as_chunks::<4>();
    let asks = &asks[..asks.len().min(64)];
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            scope.spawn(move || {
                let mut scratch = Scratch::new().expect("a scratch");
                for ask in asks {
                    if usize::from(ask[0]) % CALLERS == caller {
                        infer(&mut scratch, *ask);
                    }
                }
            });
        }
    });
});

fn infer(scratch: &mut Scratch, [seed, rows, wrong, deadline]: [u8; 4]) {
    let [merged, alone] = &GRAPHS[usize::from(wrong & 64 != 0)];
    let info = &merged.inputs()[0];
    let rows = u32::from(rows) % (MOST_ROWS + 1);
    let mut dimensions: Vec<u32> = info.dimensions.iter().map(|d| d.unwrap_or(rows)).collect();
    let elements: u32 = dimensions.iter().product();
    let value = |place: u32| match info.ty {
        // Below 8 is good.
        TensorType::I64 => (i64::from(seed) % 9).to_le_bytes().to_vec(),
        _ => (f32::from(seed) + place as f32 / 8.0)
            .to_le_bytes()
            .to_vec(),
    };
    let mut bytes: Vec<u8> = (0..elements).flat_map(value).collect();
    let mut ty = info.ty;
    match wrong % 16 {
        1 => bytes.truncate(bytes.len() / 2),
        2 => dimensions.push(1),
        3 => dimensions.clear(),
        4 => ty = TensorType::Fp64,
        5 => dimensions[0] = u32::MAX,
        6 => bytes.insert(0, 0),
        7 => *dimensions.last_mut().expect("a rank") += 1,
        _ => {}
    }
    let until = match deadline % 8 {
        0 => Some(Deadline::after(Duration::ZERO)),
        1 => Some(Deadline::after(Duration::from_micros(50))),
        2 => Some(Deadline::after(Duration::from_millis(1))),
        _ => None,
    };
    let name = (wrong & 16 != 0).then_some("no such input");
    let data = Data::Bytes {
        ty,
        dimensions: &dimensions,
        bytes: &bytes,
    };
    let arguments = [Argument { name, data }];
    let count = usize::from(wrong & 32 == 0);
    let came = merged.run(scratch, &arguments[..count], until);
    match came {
        Err(Error::Timeout { .. }) => assert!(until.is_some(), "it had no deadline"),
        Err(_) => assert!(alone.run(scratch, &arguments[..count], None).is_err()),
        Ok(came) => {
            let expected = alone.run(scratch, &arguments[..count], None);
            let expected = expected.expect("what goes merged goes alone");
            assert_eq!(came.outputs.len(), expected.outputs.len());
            for (came, expected) in came.outputs.iter().zip(&expected.outputs) {
                assert_eq!(came.shape(), expected.shape());
                assert_eq!(came.bytes(), expected.bytes(), "{} rows", rows);
            }
        }
    }
}
