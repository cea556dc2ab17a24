//! Deployments: names of their own over models that they share, made, swapped and dropped while frames flow.

use std::{
    num::NonZero,
    path::Path,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use tollgate_dispatch::{
    Admission, Answer, Deployment, Priority, Queues, Task, TaskQueues, Workers,
};
use tollgate_nn::{
    Argument, Data, Error, GraphOptions, GraphRegistry, GraphStore, Scratch, TensorType,
    clock::Stamp,
};
use tollgate_runtime::{Plugin, Policy};
use tollgate_services::{Frame, Limits, NnHost};

use crate::support::{ENGINE, all_graphs, component, file, frame, has, model, onnxruntime};

/// Swaps in all; the memory after the first of them is what it may come back to.
const SWAPS: usize = 100;
const SETTLED: usize = 30;

/// What may be there more in the end, in bytes: a fifteenth of what the models of the swaps between take.
const MORE: u64 = 64 << 20;

/// What is waited for a swap: far beyond what the slowest machine takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Set in the process that swaps, which nothing else is to use.
const CHILD: &str = "TOLLGATE_TEST_SWAPS";

fn unbatched() -> GraphOptions {
    let mut options = GraphOptions::default();
    options.batch.policy = tollgate_nn::BatchPolicy::Off;
    options
}

#[test]
fn equal_models_are_loaded_once_and_stay_as_long_as_a_graph_of_them() {
    onnxruntime();
    let store = Arc::new(GraphStore::new());
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.onnx");
    std::fs::copy(model("pair"), &copy).expect("a copy");
    let [first, second] = [(); 2].map(|()| GraphRegistry::over(Arc::clone(&store)));
    let options = unbatched();
    let load = |registry: &GraphRegistry, name: &str, path: &Path, options: &GraphOptions| {
        registry.load_file(name, path, options).expect("it loads")
    };
    let one = load(&first, "mine", &model("pair"), &options);
    let same = load(&second, "yours", &copy, &options);
    assert!(one.shares(&same), "equal bytes, equal options");
    assert_eq!(store.len(), 1);
    // The same name in two deployments, and another model under it.
    let other = load(&second, "mine", &model("mlp"), &options);
    assert!(!one.shares(&other));
    // Other options are another session.
    let threads = GraphOptions {
        threads: NonZero::new(2),
        ..options.clone()
    };
    assert!(!one.shares(&load(&second, "wide", &model("pair"), &threads)));
    assert_eq!(store.len(), 3);
    // Weights in other files: the model's bytes do not say what it is.
    let beside = load(&first, "beside", &model("external"), &options);
    assert!(!beside.shares(&load(&second, "beside", &model("external"), &options)));
    assert_eq!(store.len(), 3);

    drop((first, one));
    assert_eq!(store.len(), 3, "the second one has it still");
    drop((second, same, other));
    assert!(store.is_empty());
}

#[test]
fn what_is_said_of_a_shared_model_is_said_in_the_graphs_own_name() {
    onnxruntime();
    let store = Arc::new(GraphStore::new());
    let [first, second] = [(); 2].map(|()| GraphRegistry::over(Arc::clone(&store)));
    first
        .load_file("secret", &model("mlp"), &unbatched())
        .expect("it loads");
    let graph = second
        .load_file("public", &model("mlp"), &unbatched())
        .expect("it loads");
    let said = |error: Error| {
        has(&error.to_string(), &["`public`"]);
        assert!(!error.to_string().contains("secret"), "{error}");
    };
    assert_eq!(graph.name(), "public");
    said(graph.input_place("nothing").expect_err("no such input"));
    said(graph.output_place("nothing").expect_err("no such output"));
    let mut scratch = Scratch::new().expect("a scratch");
    said(graph.run(&mut scratch, &[], None).expect_err("no input"));
    let argument = Argument {
        name: None,
        data: Data::Bytes {
            ty: TensorType::U8,
            dimensions: &[1],
            bytes: &[0],
        },
    };
    graph
        .run(&mut scratch, &[argument], None)
        .expect_err("of another type");
    scratch.allow(1);
    let row = Argument {
        name: None,
        data: Data::Bytes {
            ty: TensorType::Fp32,
            dimensions: &[1, 64],
            bytes: &[0; 256],
        },
    };
    let too_large = graph.run(&mut scratch, &[row], None);
    said(too_large.expect_err("an output over the limit"));
    let duplicate = second.load_file("public", &model("mlp"), &unbatched());
    said(duplicate.expect_err("the name is taken"));
}

/// A deployment of `conduct` whose model no deployment before it has in this way.
fn deployment(store: &Arc<GraphStore>, plugin: &Arc<Plugin>, number: usize) -> Deployment {
    let registry = GraphRegistry::over(Arc::clone(store));
    let options = GraphOptions {
        // Two that follow each other share nothing.
        arena: number.is_multiple_of(2),
        ..unbatched()
    };
    registry
        .load_file("model", &file("target/models/mobilenet_v2.onnx"), &options)
        .expect("a model that loads");
    Deployment::new(
        Arc::clone(plugin),
        NnHost::new(Arc::new(registry), options),
        all_graphs(),
        Limits::default(),
        Policy::default(),
    )
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.expect("a number").parse::<u64>().expect("a number") << 10
}

/// Ends the clients when it is dropped, by a failed assertion as well.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps a hundred times while two clients send frames; gives the memory at the beginning and at the end.
fn swap() -> (u64, u64) {
    onnxruntime();
    let wasm = std::fs::read(component("conduct")).expect("a readable component");
    let plugin = Arc::new(Plugin::new(&ENGINE, &wasm).expect("a plugin"));
    let store = Arc::new(GraphStore::new());
    let queues: Arc<TaskQueues> = Arc::new(Queues::new(2));
    let workers = Workers::start(Arc::clone(&queues), 2).expect("threads");
    let admission = Admission {
        capacity: NonZero::new(4).expect("not zero"),
        deadline: None,
        priority: Priority::Normal,
    };
    let line = queues.open(admission, Arc::new(deployment(&store, &plugin, 0)));
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let text = OnceLock::new();
    let mut memory = (0, 0);
    thread::scope(|scope| {
        let _end = End(&stop);
        let client = || {
            scope.spawn(|| {
                let (to, answers) = mpsc::channel::<Answer>();
                while !stop.load(Ordering::Relaxed) {
                    let to = to.clone();
                    let asked: Frame = frame("infer model input:FP32:1,3,224,224");
                    let task = Task::new(asked, Stamp::now(), move |answer| {
                        to.send(answer).expect("it is waited for");
                    });
                    queues.send(line, task).expect("there is room");
                    let answer = answers.recv().expect("every task is answered");
                    let done = answer.outcome.expect("no frame is lost or fails");
                    let all = text.get_or_init(|| done.outputs[0].data.clone());
                    assert_eq!(done.outputs[0].data, *all, "the same from every deployment");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let clients = [client(), client()];
        for number in 1..=SWAPS {
            let next = deployment(&store, &plugin, number);
            let before = queues
                .swap(line, Arc::new(next))
                .expect("the line is there");
            let gone = Arc::downgrade(&before);
            drop(before);
            let until = answered.load(Ordering::Relaxed) + 4;
            // Frames that it has are done soon, and nothing else holds it or its model.
            let held = || gone.strong_count() > 0 || store.len() > 1;
            let patience = Instant::now();
            while answered.load(Ordering::Relaxed) < until || held() {
                let failed = clients.iter().any(ScopedJoinHandle::is_finished);
                assert!(!failed, "a client says above what went wrong");
                assert!(
                    patience.elapsed() < PATIENCE,
                    "swap {number}: it is held for ever"
                );
                thread::sleep(Duration::from_micros(200));
            }
            if number == SETTLED {
                memory.0 = resident_bytes();
            }
        }
        memory.1 = resident_bytes();
    });
    assert!(queues.drain(line, Duration::from_secs(60)));
    drop(workers);
    assert!(store.is_empty(), "and with the line the last one is gone");
    memory
}

#[test]
fn a_hundred_swaps_lose_no_frame_and_give_the_memory_back() {
    if std::env::var_os(CHILD).is_some() {
        let (begin, end) = swap();
        println!("memory {begin} {end}");
        return;
    }
    let output = Command::new(std::env::current_exe().expect("the tests"))
        .args([
            "--exact",
            "deployments::a_hundred_swaps_lose_no_frame_and_give_the_memory_back",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .expect("the tests start");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = said.lines().find_map(|line| line.strip_prefix("memory "));
    let numbers = line.expect("the memory is told").split(' ');
    let numbers: Vec<u64> = numbers.map(|one| one.parse().expect("a number")).collect();
    let [begin, end] = numbers[..] else {
        panic!("two numbers: {numbers:?}");
    };
    assert!(
        end < begin + MORE,
        "{begin} bytes at first, {end} in the end"
    );
}
