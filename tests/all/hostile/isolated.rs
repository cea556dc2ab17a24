//! Graphs by name that run in helpers of their own: merged there, started anew, and what a user sees of it.

use super::*;

fn isolated(helpers: &Arc<Helpers>, options: &GraphOptions, path: PathBuf) -> Graph {
    let read = move || {
        fs::read(&path).map_err(|error| Error::File {
            graph: "mlp".to_owned(),
            path: path.display().to_string(),
            reason: error.to_string(),
        })
    };
    helpers.isolated("mlp", options, read).expect("it loads")
}

#[test]
fn callers_of_an_isolated_graph_run_at_once_and_are_merged_there() {
    let helpers = helpers();
    let options = GraphOptions {
        batch: BatchOptions {
            policy: BatchPolicy::On,
            // Callers that are merged wait for each other, on a busy machine as well.
            delay: Duration::from_millis(50),
            ..BatchOptions::default()
        },
        ..GraphOptions::default()
    };
    let graph = isolated(&helpers, &options, model("mlp"));
    assert_eq!(graph.batching().off, None);
    let here = GraphRegistry::new().load_bytes("mlp", &mlp(), &GraphOptions::default());
    let here = here.expect("it loads");
    let merged: u32 = thread::scope(|scope| {
        let callers = (0..6_u8).map(|caller| {
            let (graph, here) = (&graph, &here);
            scope.spawn(move || {
                let mut most = 0;
                let mut scratch = Scratch::new().expect("a scratch");
                for round in 0..20 {
                    let value = f32::from(caller) + f32::from(round as u8) / 100.0;
                    let bytes: Vec<u8> = [value; 64]
                        .iter()
                        .flat_map(|one| one.to_le_bytes())
                        .collect();
                    let argument = Argument {
                        name: None,
                        data: Data::Bytes {
                            ty: TensorType::Fp32,
                            dimensions: &[1, 64],
                            bytes: &bytes,
                        },
                    };
                    let there = graph
                        .run(&mut scratch, &[argument], late())
                        .expect("it runs");
                    most = most.max(there.ran.batch);
                    let alone = here
                        .run(&mut scratch, &[argument], late())
                        .expect("it runs");
                    let numbers = |outcome: &tollgate_nn::Outcome| -> Vec<f32> {
                        let (numbers, _) = outcome.outputs[0].bytes().as_chunks::<4>();
                        numbers.iter().map(|&one| f32::from_le_bytes(one)).collect()
                    };
                    for (a, b) in numbers(&there).iter().zip(numbers(&alone)) {
                        assert!((a - b).abs() < 1e-4, "{a} and {b}");
                    }
                }
                most
            })
        });
        let callers: Vec<_> = callers.collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("no panic"))
            .max()
            .expect("callers")
    });
    assert!(merged > 1, "some were merged");
}

#[test]
fn an_isolated_graph_gets_another_helper_if_its_model_is_still_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("mlp.onnx");
    fs::write(&copy, mlp()).expect("written");
    let helpers = helpers();
    let graph = isolated(&helpers, &GraphOptions::default(), copy.clone());
    let run = || floats(&graph, &[1, 64], 0.5, late());
    let first = run().expect("it runs");
    signal(process(&helpers), "-KILL");
    died(&run().expect_err("it is gone"));
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(run().expect("another helper runs it"), first);
    fs::write(&copy, fs::read(model("pair")).expect("a model")).expect("written");
    signal(process(&helpers), "-KILL");
    run().expect_err("it is gone");
    thread::sleep(Duration::from_millis(1100));
    has(
        &run().expect_err("another model").to_string(),
        &["was replaced"],
    );
}

#[test]
fn an_isolated_graph_reads_the_meter_and_has_a_row_of_its_own() {
    let frame = file("examples/meter-reader/frames/meter-000.jpg");
    let digits = format!(
        "digits={}",
        path(&file("examples/meter-reader/models/digits.onnx"))
    );
    let guest = component("meter-reader");
    let run = |rest: &[&str]| {
        let mut arguments = vec!["run", path(&guest), path(&frame), "--model", &digits];
        arguments.extend(rest);
        crate::cli::run(&arguments)
    };
    let (code, alone, said) = run(&["--json"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, isolated, said) = run(&["--json", "--isolate", "digits"]);
    assert_eq!(code, Some(0), "{said}");
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("one object");
    let (alone, isolated) = (read(&alone), read(&isolated));
    assert_eq!(alone["outputs"], isolated["outputs"]);
    assert_eq!(alone["stages_ns"]["jail"].as_f64(), Some(0.0));
    assert!(
        isolated["stages_ns"]["jail"].as_f64().expect("a figure") > 0.0,
        "{isolated}"
    );
    let (code, _, said) = run(&["--isolate", "digit"]);
    assert_ne!(code, Some(0));
    has(&said, &["`digit`", "`digits`"]);
    let (code, _, said) = run(&["--isolate", "digits", "--jail", "off"]);
    assert_ne!(code, Some(0));
    has(&said, &["isolated", "no jail"]);
}
