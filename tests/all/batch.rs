//! Inferences of many callers merged into one run: nobody can tell from the outputs, what one does
//! wrong is its own, and a graph that cannot be merged is not.
//!
//! A batch comes about here by a delay far longer than any test, which the last of its callers cuts
//! short; so what runs together is known, whatever the machine does meanwhile.

use std::{sync::Arc, thread, time::Duration};

use tollgate_nn::{
    Argument, BatchOptions, BatchPolicy, Data, Error, ErrorCode, Graph, GraphOptions,
    GraphRegistry, Outcome, Scratch, TensorType, clock::Deadline,
};
use tollgate_runtime::Instance;
use tollgate_services::{Limits, NnHost};

use crate::support::{self, CONDUCT, Conduct, all_graphs, has, model};

fn options(policy: BatchPolicy, max: u32, delay: Duration) -> GraphOptions {
    GraphOptions {
        batch: BatchOptions {
            policy,
            max: max.try_into().expect("rows"),
            delay,
        },
        ..GraphOptions::default()
    }
}

fn load(name: &str, options: &GraphOptions) -> Result<Arc<Graph>, Error> {
    support::onnxruntime();
    GraphRegistry::new().load_file(name, &model(name), options)
}

/// A graph whose batches are complete with so many rows, and not before.
fn gathering(name: &str, rows: u32) -> Arc<Graph> {
    let options = options(BatchPolicy::On, rows, Duration::from_secs(600));
    load(name, &options).expect("a graph that can be batched")
}

fn alone(name: &str) -> Arc<Graph> {
    let options = options(BatchPolicy::Off, 1, Duration::ZERO);
    load(name, &options).expect("a graph")
}

type Inputs = Vec<(TensorType, Vec<u32>, Vec<u8>)>;

fn run(graph: &Graph, inputs: &Inputs, deadline: Option<Duration>) -> Result<Outcome, Error> {
    let arguments: Vec<Argument<'_>> = inputs
        .iter()
        .map(|(ty, dimensions, bytes)| Argument {
            name: None,
            data: Data::Bytes {
                ty: *ty,
                dimensions,
                bytes,
            },
        })
        .collect();
    let mut scratch = Scratch::new().expect("a scratch");
    graph.run(&mut scratch, &arguments, deadline.map(Deadline::after))
}

/// Each on a thread of its own, all at once.
fn together(graph: &Graph, callers: &[Inputs]) -> Vec<Result<Outcome, Error>> {
    thread::scope(|scope| {
        let threads: Vec<_> = callers
            .iter()
            .map(|inputs| scope.spawn(|| run(graph, inputs, None)))
            .collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|ran| ran.expect("no panic")).collect()
    })
}

fn floats(dimensions: &[u32], first: f32) -> (TensorType, Vec<u32>, Vec<u8>) {
    let count = dimensions.iter().product::<u32>();
    let values = (0..count).flat_map(|place| (first + place as f32).to_le_bytes());
    (TensorType::Fp32, dimensions.to_vec(), values.collect())
}

fn wholes(values: &[i64]) -> (TensorType, Vec<u32>, Vec<u8>) {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes());
    (TensorType::I64, vec![values.len() as u32], bytes.collect())
}

fn outputs(outcome: &Outcome) -> Vec<(TensorType, Vec<u32>, Vec<u8>)> {
    let outputs = outcome.outputs.iter();
    let parts = outputs.map(|one| (one.ty(), one.shape().to_vec(), one.bytes().to_vec()));
    parts.collect()
}

/// Runs the callers in one batch, and holds each against its own run on a graph of its own.
#[track_caller]
fn merged_like_alone(name: &str, callers: &[Inputs], rows: u32) {
    let single = alone(name);
    let batched = gathering(name, rows);
    for (inputs, ran) in callers.iter().zip(together(&batched, callers)) {
        let ran = ran.expect("a run");
        let expected = run(&single, inputs, None).expect("a run");
        assert_eq!(outputs(&ran), outputs(&expected), "{name}");
        assert_eq!(ran.ran.batch, rows, "{name}: all of them in one run");
        assert_eq!(ran.ran.copies_in, inputs.len() as u64, "{name}");
        assert_eq!(ran.ran.copies_out, ran.outputs.len() as u64, "{name}");
        assert!(ran.ran.asked.is_some());
        assert!(
            ran.ran.turn.is_some() != ran.ran.woken.is_some(),
            "one of the two"
        );
    }
}

#[test]
fn every_type_comes_back_to_whom_it_belongs() {
    for (name, ty) in [
        ("rows-fp16", TensorType::Fp16),
        ("rows-fp32", TensorType::Fp32),
        ("rows-fp64", TensorType::Fp64),
        ("rows-bf16", TensorType::Bf16),
        ("rows-u8", TensorType::U8),
        ("rows-i32", TensorType::I32),
        ("rows-i64", TensorType::I64),
    ] {
        let callers: Vec<Inputs> = (0..4u8)
            .map(|caller| {
                // Small numbers in every type: no exponent is all ones.
                let bytes = (0..3 * ty.size()).map(|place| 16 * caller + place as u8 % 7);
                vec![(ty, vec![1, 3], bytes.collect())]
            })
            .collect();
        merged_like_alone(name, &callers, 4);
    }
}

#[test]
fn callers_bring_several_rows_inputs_and_outputs() {
    let callers: Vec<Inputs> = [1u32, 2, 3]
        .into_iter()
        .map(|rows| {
            let numbers: Vec<i64> = (0..rows).map(|row| i64::from(100 * rows + row)).collect();
            vec![floats(&[rows, 4], 10.0 * rows as f32), wholes(&numbers)]
        })
        .collect();
    merged_like_alone("pair", &callers, 6);
}

#[test]
fn only_what_has_the_same_open_dimensions_is_merged() {
    let caller = |columns, first| vec![floats(&[1, columns], first)];
    merged_like_alone("open", &[caller(3, 1.0), caller(3, 7.0)], 2);
    let batched = gathering("open", 2);
    let callers = [
        caller(3, 1.0),
        caller(5, 2.0),
        caller(3, 3.0),
        caller(5, 4.0),
    ];
    let single = alone("open");
    for (inputs, ran) in callers.iter().zip(together(&batched, &callers)) {
        let ran = ran.expect("a run");
        assert_eq!(ran.ran.batch, 2);
        let expected = run(&single, inputs, None).expect("a run");
        assert_eq!(outputs(&ran), outputs(&expected));
    }
}

#[test]
fn many_threads_on_one_graph_get_what_they_would_get_alone() {
    let single = alone("rows-fp32");
    for (policy, delay) in [
        (BatchPolicy::On, Duration::ZERO),
        (BatchPolicy::On, Duration::from_micros(200)),
        (BatchPolicy::Auto, Duration::ZERO),
        (BatchPolicy::Off, Duration::ZERO),
    ] {
        let graph = load("rows-fp32", &options(policy, 5, delay)).expect("a graph");
        thread::scope(|scope| {
            for caller in 0..8u32 {
                let (graph, single) = (&graph, &single);
                scope.spawn(move || {
                    for turn in 0..100 {
                        let rows = 1 + (caller + turn) % 3;
                        let inputs = vec![floats(&[rows, 3], (100 * caller + turn) as f32)];
                        let ran = run(graph, &inputs, None).expect("a run");
                        let expected = run(single, &inputs, None).expect("a run");
                        assert_eq!(outputs(&ran), outputs(&expected));
                        assert!((rows..=5).contains(&ran.ran.batch), "{}", ran.ran.batch);
                    }
                });
            }
        });
    }
}

#[test]
fn a_bad_tensor_fails_by_itself_before_it_waits() {
    let graph = gathering("rows-fp32", 2);
    let good = vec![floats(&[1, 3], 1.0)];
    thread::scope(|scope| {
        let first = scope.spawn(|| run(&graph, &good, None));
        for bad in [
            vec![floats(&[1, 4], 1.0)],
            vec![(TensorType::Fp32, vec![1, 3], vec![0; 11])],
            vec![],
        ] {
            let error = run(&graph, &bad, None).expect_err("a bad tensor");
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        }
        let second = run(&graph, &good, None).expect("a run");
        let first = first.join().expect("no panic").expect("a run");
        assert_eq!((first.ran.batch, second.ran.batch), (2, 2));
    });
}

#[test]
fn of_a_batch_that_fails_only_the_guilty_one_does() {
    let graph = gathering("lookup", 3);
    let callers = [vec![wholes(&[5])], vec![wholes(&[99])], vec![wholes(&[2])]];
    let ran = together(&graph, &callers);
    let row = |ran: &Result<Outcome, Error>| {
        let ran = ran.as_ref().expect("a run");
        assert_eq!(ran.ran.batch, 1, "by itself in the end");
        ran.outputs[0].bytes()[..4].to_vec()
    };
    assert_eq!(row(&ran[0]), 10f32.to_le_bytes());
    assert_eq!(row(&ran[2]), 4f32.to_le_bytes());
    let error = ran[1].as_ref().expect_err("there is no such row");
    assert_eq!(error.code(), ErrorCode::RuntimeError, "{error}");
    // And it goes on merging.
    let callers = [vec![wholes(&[5])], vec![wholes(&[6])], vec![wholes(&[7])]];
    let ran = together(&graph, &callers);
    assert!(
        ran.iter()
            .all(|ran| ran.as_ref().is_ok_and(|ran| ran.ran.batch == 3))
    );
}

#[test]
fn one_deadline_is_one_callers() {
    let graph = gathering("rows-fp32", 4);
    let inputs = vec![floats(&[1, 3], 1.0)];
    thread::scope(|scope| {
        let patient: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| run(&graph, &inputs, Some(Duration::from_secs(600)))))
            .collect();
        let error = run(&graph, &inputs, Some(Duration::from_millis(30)))
            .map(|ran| ran.ran.batch)
            .expect_err("nobody else comes in time");
        assert_eq!(error.code(), ErrorCode::Timeout, "{error}");
        let third = scope.spawn(|| run(&graph, &inputs, None));
        let fourth = run(&graph, &inputs, None).expect("a run");
        assert_eq!(fourth.ran.batch, 4, "without the one that left");
        for ran in patient.into_iter().chain([third]) {
            assert_eq!(ran.join().expect("no panic").expect("a run").ran.batch, 4);
        }
    });
}

#[test]
fn what_cannot_be_merged_is_refused_where_it_must_and_says_why_where_it_may() {
    for (name, on, auto) in [
        (
            "type-fp32",
            &["first dimension", "`x`", "fixed to 2"][..],
            None,
        ),
        (
            "nonzero",
            &["first dimension", "`indices`", "fixed to 1"],
            None,
        ),
        (
            "mixes-softmax",
            &["mixes rows", "`y`"],
            Some("`Softmax` that gives `y`"),
        ),
        (
            "mixes-mean",
            &["mixes rows", "`y`"],
            Some("`ReduceMean` that gives `mean`"),
        ),
        ("one-row", &["`y`"], None),
    ] {
        let error = load(name, &options(BatchPolicy::On, 8, Duration::ZERO));
        let error = error.map(|_| ()).expect_err(name);
        assert_eq!(error.code(), ErrorCode::UnsupportedOperation);
        has(&error.to_string(), on);
        has(
            &error.to_string(),
            &["cannot be batched", "`auto` or `off`"],
        );
        let merged = load(name, &options(BatchPolicy::Auto, 8, Duration::ZERO)).expect(name);
        let off = merged.batching().off.clone().expect(name);
        // Without anybody's word the graph itself must show that rows stay apart.
        match auto {
            Some(words) => has(&off, &[words, "not known to stay apart"]),
            None => has(&off, on),
        }
        assert_eq!(merged.batching().max, 1);
    }
    let one = load("rows-fp32", &options(BatchPolicy::On, 1, Duration::ZERO));
    has(&one.expect_err("one row").to_string(), &["one row"]);
}

#[test]
fn what_was_measured_at_load_can_be_seen() {
    let on = load("rows-fp32", &options(BatchPolicy::On, 8, Duration::ZERO)).expect("a graph");
    let batching = on.batching();
    assert_eq!((batching.max, &batching.off), (8, &None));
    let rows: Vec<u32> = batching.curve.iter().map(|point| point.rows).collect();
    assert!(rows.starts_with(&[1, 2]) && batching.curve.iter().all(|point| point.ns > 0));
    let off = alone("rows-fp32");
    let batching = off.batching();
    assert!(batching.off.is_some());
    let rows: Vec<u32> = batching.curve.iter().map(|point| point.rows).collect();
    assert!(
        rows.is_empty() || rows == [1],
        "how long a turn is, if it is not long"
    );
}

#[test]
fn a_model_of_a_guests_own_is_not_measured() {
    support::onnxruntime();
    let bytes = std::fs::read(model("rows-fp32")).expect("a model");
    let on = options(BatchPolicy::On, 8, Duration::ZERO);
    let graph = GraphRegistry::load_private(&bytes, &on).expect("a graph");
    assert!(graph.batching().curve.is_empty() && graph.batching().off.is_some());
}

#[test]
fn sandboxes_share_a_run_and_their_ledgers_say_so() {
    for command in [
        "compute pair a:FP32:1,4 b:I64:1",
        "infer pair a:FP32:1,4 b:I64:1",
        "prepared pair a:FP32:1,4 b:I64:1",
    ] {
        let alone = Conduct::new(&["pair"]).say(command);
        support::onnxruntime();
        let on = options(BatchPolicy::On, 3, Duration::from_secs(600));
        let registry = GraphRegistry::new();
        registry
            .load_file("pair", &model("pair"), &on)
            .expect("a graph");
        let host = NnHost::new(Arc::new(registry), on);
        thread::scope(|scope| {
            let guests: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let instance =
                            Instance::new(&CONDUCT, &host, &all_graphs(), &Limits::default());
                        let mut guest = Conduct(instance.expect("an instance"));
                        guest.try_say(command.as_bytes())
                    })
                })
                .collect();
            for guest in guests {
                let (said, record) = guest.join().expect("no panic");
                assert_eq!(said.expect("no trap").expect("no fault"), alone);
                let counts = record.counts;
                assert_eq!((counts.inferences, counts.max_batch), (1, 3));
                assert!((counts.mean_batch() - 3.0).abs() < 1e-9);
                let difference = record.total_ns.abs_diff(record.stages.sum());
                assert!(difference <= 10, "rounding only: {record:?}");
            }
        });
    }
}
