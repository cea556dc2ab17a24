//! Models that a stranger brings, in helper processes: those that crash ONNX Runtime, never end or take all memory, and
//! helpers that are killed, stopped, or answer with what is no answer. The host goes on each time.

mod isolated;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use tollgate_isolate::{Helpers, Private, Setup};
use tollgate_jail::Strength;
use tollgate_nn::{
    Argument, BatchOptions, BatchPolicy, Data, Error, ErrorCode, Graph, GraphOptions,
    GraphRegistry, Loader, Loading, Scratch, TensorType, clock::Deadline,
};

use crate::{
    cli::{path, tollgate},
    support::{case, component, file, has, model, onnxruntime},
};

fn setup(program: &Path) -> Setup {
    onnxruntime();
    Setup {
        program: Some(program.to_path_buf()),
        forked: program == Path::new(tollgate().get_program()),
        strength: Strength::Best,
        spin: Duration::from_micros(30),
        model_bytes: 64 << 20,
        tensor_bytes: 64 << 20,
    }
}

fn helpers() -> Arc<Helpers> {
    Arc::new(Helpers::new(setup(Path::new(tollgate().get_program()))))
}

fn loader(helpers: &Arc<Helpers>) -> Box<dyn Loader> {
    Private(Arc::clone(helpers)).for_instance()
}

/// A deadline that nothing here needs.
fn late() -> Option<Deadline> {
    Some(Deadline::after(Duration::from_secs(120)))
}

fn load(loader: &dyn Loader, bytes: &[u8]) -> Result<Arc<Graph>, Error> {
    loader.load(bytes, &GraphOptions::default(), late())
}

fn hostile(name: &str) -> Vec<u8> {
    fs::read(case(&format!("hostile/models/{name}.onnx"))).expect("a case")
}

fn floats(
    graph: &Graph,
    dimensions: &[u32],
    value: f32,
    deadline: Option<Deadline>,
) -> Result<Vec<Vec<u8>>, Error> {
    let elements = dimensions.iter().product::<u32>() as usize;
    let bytes: Vec<u8> = vec![value; elements]
        .iter()
        .flat_map(|one| one.to_le_bytes())
        .collect();
    let argument = Argument {
        name: None,
        data: Data::Bytes {
            ty: TensorType::Fp32,
            dimensions,
            bytes: &bytes,
        },
    };
    let mut scratch = Scratch::new().expect("a scratch");
    let outcome = graph.run(&mut scratch, &[argument], deadline)?;
    assert!(outcome.ran.jail.is_some(), "it ran in a helper");
    Ok(outcome
        .outputs
        .iter()
        .map(|output| output.bytes().to_vec())
        .collect())
}

/// The small model of the tests, which a helper still runs after whatever happened to another one.
#[track_caller]
fn goes_on(loader: &dyn Loader) {
    let graph = load(loader, &mlp()).expect("it loads");
    let outputs = floats(&graph, &[1, 64], 0.5, late()).expect("it runs");
    assert_eq!(outputs.len(), 1);
    assert_eq!(outputs[0].len(), 40);
}

fn mlp() -> Vec<u8> {
    fs::read(model("mlp")).expect("a model")
}

#[track_caller]
fn died(error: &Error) {
    assert_eq!(error.code(), ErrorCode::RuntimeError, "{error}");
    has(&error.to_string(), &["helper process", "died"]);
}

#[test]
fn a_graph_in_a_helper_gives_the_same_bytes_and_describes_itself_the_same_way() {
    let helpers = helpers();
    let loader = loader(&helpers);
    let bytes = mlp();
    let there = load(&*loader, &bytes).expect("it loads");
    let here = GraphRegistry::load_private(&bytes, &GraphOptions::default()).expect("it loads");
    assert_eq!(there.inputs(), here.inputs());
    assert_eq!(there.outputs(), here.outputs());
    assert_eq!(there.batching(), here.batching());
    let input: Vec<u8> = (0..64)
        .flat_map(|place| (place as f32 / 7.0).to_le_bytes())
        .collect();
    let argument = Argument {
        name: None,
        data: Data::Bytes {
            ty: TensorType::Fp32,
            dimensions: &[1, 64],
            bytes: &input,
        },
    };
    let mut scratch = Scratch::new().expect("a scratch");
    let run = |graph: &Graph, scratch: &mut Scratch| {
        let outcome = graph.run(scratch, &[argument], late()).expect("it runs");
        outcome.outputs[0].bytes().to_vec()
    };
    for _ in 0..3 {
        assert_eq!(run(&there, &mut scratch), run(&here, &mut scratch));
    }
}

#[test]
fn models_that_crash_onnx_runtime_end_their_helper_alone() {
    let helpers = helpers();
    let (loader, other) = (loader(&helpers), loader(&helpers));
    let bystander = load(&*other, &mlp()).expect("it loads");
    for (name, dimensions) in [
        ("crash-dft", &[3, 8, 1, 8][..]),
        ("crash-max", &[8, 1, 1]),
        ("crash-split", &[1]),
    ] {
        // Some die while their constants are computed.
        let error = match load(&*loader, &hostile(name)) {
            Ok(graph) => floats(&graph, dimensions, 1.0, late())
                .map(drop)
                .expect_err(name),
            Err(error) => error,
        };
        // Another version of the library may say why instead.
        assert_eq!(error.code(), ErrorCode::RuntimeError, "{name}: {error}");
        goes_on(&*loader);
        floats(&bystander, &[1, 64], 1.0, late()).expect("another instance's model goes on");
    }
}

#[test]
fn what_does_not_end_is_ended_at_its_deadline() {
    let helpers = helpers();
    let loader = loader(&helpers);
    let soon = || Some(Deadline::after(Duration::from_millis(300)));
    let loading = loader.load(&hostile("fn-laugh"), &GraphOptions::default(), soon());
    let error = loading.map(drop).expect_err("it loads for ever");
    assert_eq!(error.code(), ErrorCode::Timeout, "{error}");
    has(&error.to_string(), &["loading", "300ms"]);
    let endless = load(&*loader, &hostile("loop-empty")).expect("it loads");
    let error = floats(&endless, &[1], 1.0, soon()).expect_err("it runs for ever");
    assert_eq!(error.code(), ErrorCode::Timeout, "{error}");
    let error = floats(&endless, &[1], 1.0, late()).expect_err("its helper was ended");
    has(&error.to_string(), &["ended", "deadline"]);
    goes_on(&*loader);
}

#[test]
fn memory_of_a_helper_stays_within_its_limits() {
    let helpers = helpers();
    let loader = loader(&helpers);
    // 400 MB of constants from 300 bytes, eight times; a helper here has 128 MiB and its own 64.
    let mut held = Vec::new();
    for _ in 0..8 {
        match load(&*loader, &hostile("fold-mem200")) {
            Ok(graph) => held.push(graph),
            Err(error) => assert_ne!(error.code(), ErrorCode::Timeout, "{error}"),
        }
    }
    for graph in &held {
        let ran = floats(graph, &[1], 1.0, late());
        assert!(ran.is_err(), "what it needs does not fit");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", process(&helpers)));
    let status = status.expect("the helper goes on");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most: u64 = most
        .and_then(|kib| kib.trim().split(' ').next()?.parse().ok())
        .expect("a size");
    assert!(most < (128 + 64 + 64) << 10, "{most} KiB");
    drop(held);
    goes_on(&*loader);
}

/// The one helper that has models.
#[track_caller]
fn process(helpers: &Helpers) -> u32 {
    let all = helpers.processes();
    assert_eq!(all.len(), 1);
    all[0]
}

fn signal(id: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &id.to_string()])
        .status();
    assert!(sent.expect("kill starts").success());
}

#[test]
fn a_helper_that_is_killed_or_stopped_is_an_error_and_the_next_load_gets_another() {
    let helpers = helpers();
    for how in ["-KILL", "-STOP"] {
        let loader = loader(&helpers);
        let graph = load(&*loader, &mlp()).expect("it loads");
        signal(process(&helpers), how);
        let soon = Some(Deadline::after(Duration::from_millis(200)));
        let error = floats(&graph, &[1, 64], 1.0, soon).expect_err("its helper is gone");
        if how == "-STOP" {
            assert_eq!(error.code(), ErrorCode::Timeout, "{error}");
        } else {
            died(&error);
        }
        goes_on(&*loader);
    }
}

#[test]
fn a_helper_that_is_killed_in_the_middle_of_a_run_is_an_error() {
    let helpers = helpers();
    let loader = loader(&helpers);
    let endless = load(&*loader, &hostile("loop-empty")).expect("it loads");
    let id = process(&helpers);
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        signal(id, "-KILL");
    });
    let error = floats(&endless, &[1], 1.0, late()).expect_err("its helper is gone");
    died(&error);
    killer.join().expect("it kills");
    goes_on(&*loader);
}

/// A program that stands in for a helper: it says that it is ready, and then does this at each request.
fn false_helper(folder: &Path, script: &str) -> PathBuf {
    // Bell, sleeper, length and the message's first words, at the beginning of the file that it writes.
    let ready = r"printf '\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0lot'";
    let put = r#"put() { dd of=/proc/self/fd/1 bs=1 seek="$1" conv=notrunc status=none; }"#;
    let text = format!("#!/bin/sh\n{put}\n{ready}\nsleep 0.1\n{script}\nsleep 600\n");
    let program = folder.join("helper");
    fs::write(&program, text).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    program
}

#[test]
fn answers_that_are_none_end_the_helper_and_harm_nothing() {
    for (what, script) in [
        ("no message", r"printf '\2' | put 0"),
        (
            "a length beyond its memory",
            r"printf '\377\377\377\377' | put 8; printf '\2' | put 0",
        ),
        (
            "a length and no words",
            r"printf '\0\1\0\0' | put 8; printf '\2' | put 0",
        ),
        (
            "random bytes",
            r"head -c 4096 /dev/urandom | put 12; printf '\100\0\0\0' | put 8; printf '\2' | put 0",
        ),
        (
            "half an answer, and its death",
            r"printf 'llot\377\377\377\377' | put 16; printf '\2\0\0\0' | put 8; printf '\2' | put 0; exit 3",
        ),
        ("its death", "exit 3"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let helpers = Arc::new(Helpers::new(setup(&false_helper(folder.path(), script))));
        let loader = loader(&helpers);
        let loaded = loader.load(&mlp(), &GraphOptions::default(), late());
        let error = loaded.map(drop).expect_err(what);
        assert_eq!(error.code(), ErrorCode::RuntimeError, "{what}: {error}");
        let words = error.to_string();
        assert!(
            words.contains("an answer that is none") || words.contains("process for it died"),
            "{what}: {words}"
        );
        assert!(words.len() < 1000, "{what}: {words}");
    }
}

/// What the kernel says of a helper that has a model, forked or not.
#[test]
fn a_helper_for_models_is_confined_and_none_of_it_can_be_opened() {
    for forked in [true, false] {
        let helpers = Arc::new(Helpers::new(Setup {
            forked,
            ..setup(Path::new(tollgate().get_program()))
        }));
        let loader = loader(&helpers);
        let _graph = load(&*loader, &mlp()).expect("it loads");
        let id = process(&helpers);
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("a status");
        has(&status, &["Seccomp:\t2", "NoNewPrivs:\t1", "Threads:\t1"]);
        let open: Vec<PathBuf> = fs::read_dir(format!("/proc/{id}/fd"))
            .expect("its files")
            .map(|file| fs::read_link(file.expect("a file").path()).expect("a link"))
            .collect();
        assert!(
            open.iter()
                .all(|file| file.to_string_lossy().starts_with("/memfd:tollgate")),
            "{open:?}"
        );
        assert_eq!(open.len(), 3, "{open:?}");
    }
}

#[test]
fn a_program_that_is_no_helper_is_a_sentence() {
    for program in ["/bin/true", "/nowhere/at/all"] {
        let helpers = Arc::new(Helpers::new(setup(Path::new(program))));
        let error = load(&*loader(&helpers), &mlp())
            .map(drop)
            .expect_err(program);
        has(
            &error.to_string(),
            &["a helper process for models cannot be started"],
        );
    }
}

fn classify(model: &str, rest: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("x"), [0; 4 * 3 * 8 * 8]).expect("written");
    fs::copy(
        case(&format!("hostile/models/{model}.onnx")),
        folder.path().join("m.onnx"),
    )
    .expect("copied");
    let guest = component("command-classify");
    let dir = format!("{}::d", path(folder.path()));
    let mut arguments = vec!["run", path(&guest), "--dir", &dir];
    arguments.extend(rest);
    arguments.extend(["--", "d/m.onnx", "d/x", "x", "3,8,1,8"]);
    crate::cli::run(&arguments)
}

#[test]
fn a_command_whose_model_crashes_is_told_so_and_loads_nothing_by_itself_without_a_jail() {
    let (code, _, said) = classify("crash-dft", &[]);
    assert_eq!(code, Some(1), "{said}");
    has(&said, &["command-classify:"]);
    let (code, _, said) = classify("crash-dft", &["--jail", "off"]);
    assert_eq!(code, Some(1), "{said}");
    has(&said, &["not granted"]);
}

/// The memory that helpers share is in files, whose size a limit bounds.
#[test]
fn a_small_limit_of_files_ends_nobody_but_who_needs_a_helper() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("x"), [0; 64 * 4]).expect("written");
    fs::copy(model("mlp"), folder.path().join("m.onnx")).expect("copied");
    let run = |model: &str| {
        let script = format!(
            "ulimit -f 1000; exec '{}' run '{}' --model mlp='{}' --dir '{}'::d -- {model} d/x input 1,64",
            tollgate().get_program().to_string_lossy(),
            path(&component("command-classify")),
            path(&crate::support::model("mlp")),
            path(folder.path()),
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = run("--named mlp");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run("d/m.onnx");
    assert_eq!(code, Some(1), "{said}");
    has(&said, &["ulimit -f"]);
}
