//! What a guest can make the host keep, and that every limit does what its name says.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use tollgate_runtime::{Instance, Plugin};
use tollgate_services::{
    FAULT_BYTES, Fault, Grants, GraphGrant, Ledger, Limit, Limits, MESSAGE_BYTES, RANK,
};

use crate::{
    cli::tollgate,
    support::{self, Conduct, ENGINE, all_graphs, case, component, frame, has, model},
};

/// What a cut message ends with is not counted in its limit.
const MORE: usize = 64;

const MIB: usize = 1 << 20;

pub(super) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// No grant at all, as a plugin has that is run without any option.
fn ungranted(limits: &Limits) -> Conduct {
    Conduct::with(&["pair"], &Grants::default(), limits)
}

#[test]
fn host_memory_no_grant_messages_are_cut() {
    let mut guest = ungranted(&Limits::default());
    let said = guest.say(&format!("keep-errors {} 40", 16 * MIB));
    let longest: usize = said.parse().expect("a number");
    assert!((1..=MESSAGE_BYTES + MORE).contains(&longest), "{longest}");
    let said = guest.say("name 200");
    has(
        &said,
        &["Security", "nnn… and 72 bytes more` is not granted"],
    );

    // Where there are graphs, in every place that takes a name.
    let mut guest = Conduct::new(&["pair"]);
    has(&guest.say("name 200"), &["NotFound", "… and 72 bytes more"]);
    let long = format!("infer pair {}:FP32:1,4 b:I64:1", "n".repeat(MIB));
    for command in ["compute", "infer", "prepared"] {
        let said = guest.say(&long.replacen("infer", command, 1));
        has(&said, &[" bytes "]);
        assert!(said.len() <= MESSAGE_BYTES + MORE, "{} bytes", said.len());
    }
}

#[test]
fn host_memory_no_grant_ranks_are_bounded() {
    let mut guest = ungranted(&Limits::default());
    assert_eq!(
        guest.say(&format!("keep-dimensions {RANK} 1 2")),
        RANK.to_string(),
        "obeyed"
    );
    for last in [1, 0] {
        let said = guest.say(&format!("keep-dimensions 4000000 {last} 20"));
        assert_eq!(said, "0", "none of them is kept");
    }
    let mut guest = Conduct::new(&["pair"]);
    for command in ["rank 65", "rank 4000000", "prepare-rank 4000000"] {
        let said = guest.say(command);
        has(&said, &["InvalidArgument", "at most 64 dimensions"]);
    }
    let many = ["1"; 65].join(",");
    has(
        &guest.say(&format!("compute pair a:FP32:{many} b:I64:1")),
        &["input `a`", "at most 64 dimensions, 65 came"],
    );
}

#[test]
fn host_memory_no_grant_lists_are_bounded() {
    let mut guest = Conduct::new(&["pair"]);
    for count in [3, 100_000] {
        has(
            &guest.say(&format!("name-inputs {count} 10")),
            &[
                "InvalidArgument",
                "takes 2 input(s)",
                &format!("{count} came"),
            ],
        );
    }
    // More than one call may bring, as the host would keep it.
    let error = guest.dies("name-inputs 2000000 1");
    assert_eq!(error.limit(), Some(Limit::HostCallBytes), "{error}");
    has(&error.to_string(), &["at most 33554432 bytes in one call"]);
}

/// The whole, as the command line runs it: one guest, 64 MiB, no grant.
#[test]
fn host_memory_no_grant_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = [
        format!("keep-errors {} 40", 16 * MIB),
        "keep-dimensions 4000000 1 40".to_owned(),
        "keep-dimensions 4000000 0 40".to_owned(),
    ];
    for (place, line) in lines.iter().enumerate() {
        fs::write(folder.path().join(format!("{place}.txt")), line).expect("written");
    }
    let mut running = tollgate()
        .arg("run")
        .arg(component("conduct"))
        .arg(folder.path())
        // More is to come, so that there is a process to look at.
        .arg("-")
        .args(["--max-memory", "64MiB"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(running.stdout.take().expect("piped")).lines();
    for _ in &lines {
        stdout.next().expect("an output").expect("text");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("Linux");
    running.kill().expect("it runs");
    running.wait().expect("gone");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    let kilobytes: usize = peak
        .and_then(|peak| peak.trim().parse().ok())
        .expect("a peak");
    assert!(kilobytes < 400_000, "{kilobytes} kB");
}

#[test]
fn host_memory_no_grant_random_bytes() {
    let text = r#"(component
        (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $memory
            (memory (export "memory") 64)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $memory (instantiate $memory))
        (core func $get (canon lower (func $random "get-random-bytes")
            (memory $memory "memory") (realloc (func $memory "realloc"))))
        (core module $main
            (func $get (import "random" "get") (param i64 i32))
            (func (export "go") (param i64) (call $get (local.get 0) (i32.const 8))))
        (core instance $main (instantiate $main
            (with "random" (instance (export "get" (func $get))))))
        (func (export "go") (param "len" u64) (canon lift (core func $main "go"))))"#;
    let limits = limits(|limits| limits.host_call_bytes = MIB);
    let mut instance = any(text, &limits);
    let go = instance.typed::<(u64,), ()>("go").expect("it is exported");
    let mut ask = |bytes| instance.call(&go, (bytes,), 0, &mut Ledger::open());
    ask(MIB as u64).expect("obeyed");
    has(
        &ask(MIB as u64 + 1).expect_err("too much").to_string(),
        &["1048576"],
    );
}

pub(super) fn any(text: &str, limits: &Limits) -> Instance {
    let wasm = wat::parse_str(text).expect("text that assembles");
    let plugin = Plugin::any(&ENGINE, &wasm).expect("a component");
    Instance::new(&plugin, &support::host(&[]), &Grants::default(), limits).expect("an instance")
}

#[test]
fn tensors_and_models_of_33_mib_are_taken_with_the_default_limits() {
    let mut guest = Conduct::with(
        &[],
        &Grants {
            load: true,
            ..Grants::default()
        },
        &Limits::default(),
    );
    assert_eq!(
        guest.say(&format!("tensor {}", 33 * MIB)),
        (33 * MIB).to_string()
    );
    let bytes = fs::read(model("type-fp32")).expect("a model");
    let mut load = |command: &str| {
        let command = [format!("{command}\n").as_bytes(), &bytes].concat();
        let said = guest.try_say(&command).0;
        said.expect("no trap").expect("no fault")
    };
    assert_eq!(load(&format!("keep-model {}", 33 * MIB)), "done");
}

#[test]
fn the_models_that_an_instance_holds_are_counted_together() {
    let grants = Grants {
        load: true,
        ..Grants::default()
    };
    let bytes = fs::read(model("type-fp32")).expect("a model");
    let limits = limits(|limits| limits.model_bytes = 3 * MIB);
    let load = |command: &str| {
        let mut guest = Conduct::with(&[], &grants, &limits);
        let command = [format!("{command}\n").as_bytes(), &bytes].concat();
        let said = guest.try_say(&command).0;
        said.expect("no trap").expect("no fault")
    };
    assert_eq!(load(&format!("keep-two-models {MIB}")), "done", "obeyed");
    for command in ["keep-model 3145728", "keep-two-models 2097152"] {
        has(
            &load(command),
            &[
                "TooLarge",
                "the instance's models",
                "at most 3145728 bytes, ",
            ],
        );
    }
}

#[test]
fn models_count_as_what_they_become() {
    let grants = Grants {
        load: true,
        ..Grants::default()
    };
    // 186 bytes that compute hundreds of megabytes of constants when they are loaded.
    let small = fs::read(case("hostile/models/fold-mem200.onnx")).expect("a model");
    assert!(small.len() < 1024, "the file itself is far below the limit");
    let limits = limits(|limits| limits.model_bytes = 100 * MIB);
    let mut guest = Conduct::with(&[], &grants, &limits);
    let command = [&b"load\n"[..], &small].concat();
    let said = guest.try_say(&command).0;
    let said = said.expect("no trap").expect("no fault");
    has(&said, &["TooLarge", "the instance's models", "104857600"]);
}

#[test]
fn granted_names_are_all_that_is_told() {
    let grants = Grants {
        graphs: GraphGrant::Names(vec!["a".to_owned(), "pair".to_owned()]),
        ..Grants::default()
    };
    let mut guest = Conduct::with(&["nonzero", "slow"], &grants, &Limits::default());
    let said = guest.say("by-name a");
    has(
        &said,
        &["NotFound", "no graph is named `a`: none is loaded"],
    );
    let (there, nowhere) = (guest.say("by-name slow"), guest.say("by-name slaw"));
    assert_eq!(there.replace("slow", "slaw"), nowhere);

    let mut guest = Conduct::with(&["pair", "slow"], &grants, &Limits::default());
    let said = guest.say("by-name a");
    has(&said, &["no graph is named `a`: loaded are pair"]);
    assert!(!said.contains("slow"), "{said}");
}

#[test]
fn handles_in_bytes() {
    let limits = limits(|limits| limits.handles = 100);
    for leak in [
        "leak",
        "prepare-and-leak pair a:FP32:1,4 b:I64:1",
        "keep-errors 4 200",
    ] {
        let mut guest = Conduct::with(&["pair"], &all_graphs(), &limits);
        let error = guest.dies(leak);
        assert_eq!(error.limit(), Some(Limit::Handles), "{error}");
        has(&error.to_string(), &["at most 100 handles"]);
    }
    let module = support::plugin("module-conduct");
    let mut instance = Instance::new(&module, &support::host(&["pair"]), &all_graphs(), &limits)
        .expect("an instance");
    let leak = frame("leak 200 pair 1 0:FP32:1,4 1:I64:1");
    let outcome = instance
        .handle(&leak, &mut Ledger::open())
        .expect("no trap");
    assert!(outcome.is_ok(), "it says its errno");
}

#[test]
fn tensors_over_their_limit_are_told_in_bytes() {
    let limits = limits(|limits| limits.tensor_bytes = 1000);
    let mut guest = Conduct::with(&["pair"], &all_graphs(), &limits);
    assert_eq!(guest.say("tensor 1000"), "1000", "obeyed");
    has(
        &guest.say("compute pair a:U8:1001 b:I64:1"),
        &[
            "TooLarge",
            "the instance's tensors",
            "at most 1000 bytes, 1001 came",
        ],
    );
}

#[test]
fn last_refusal_is_told_with_the_trap() {
    let mut guest = Conduct::new(&["pair"]);
    let error = guest.dies("unwrap no\u{1b}[2Jbody");
    has(
        &error.to_string(),
        &[
            "the guest trapped",
            "the host's last refusal: no graph is named `no\\u{1b}[2Jbody`",
        ],
    );
    assert!(!error.to_string().contains('\u{1b}'));
    let error = Conduct::new(&[]).dies("unwrap-tensor");
    has(
        &error.to_string(),
        &["last refusal: ", "must have 2 bytes, 1 came"],
    );
    let error = Conduct::new(&[]).dies("unwrap-bucket counts");
    has(&error.to_string(), &["last refusal: no bucket is granted"]);
    let error = Conduct::new(&[]).dies(&format!("unwrap {}", "n".repeat(MIB)));
    assert!(error.to_string().len() < FAULT_BYTES + MESSAGE_BYTES + MORE);

    // What an earlier call was refused does not explain how this one ends.
    let mut guest = Conduct::new(&["pair"]);
    has(&guest.say("by-name nobody"), &["NotFound"]);
    let error = guest.dies("trap").to_string();
    assert!(!error.contains("refusal"), "{error}");

    // A refusal for a limit says which.
    let limits = limits(|limits| limits.tensor_bytes = 1000);
    let mut guest = Conduct::with(&[], &Grants::default(), &limits);
    let error = guest.dies("unwrap-tensors 1001");
    assert_eq!(error.limit(), Some(Limit::TensorBytes), "{error}");
}

#[test]
fn kept_outputs_faults_are_cut() {
    let mut guest = Conduct::new(&[]);
    let short = "f".repeat(FAULT_BYTES);
    for (text, expected) in [
        (short.clone(), short.len()),
        ("f".repeat(30 * MIB), FAULT_BYTES + MORE),
    ] {
        let (said, _) = guest.try_say(format!("fault {text}").as_bytes());
        let fault = said.expect("no trap").expect_err("a fault");
        let Fault::InvalidFrame(text) = fault else {
            panic!("another fault");
        };
        assert!(
            text.starts_with("fff") && text.len() <= expected,
            "{}",
            text.len()
        );
    }
}

#[test]
fn a_limit_is_named_by_its_option_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("frame.txt");
    for (command, options, option) in [
        ("leak", ["--max-handles", "100"], "--max-handles"),
        ("exhaust", ["--max-memory", "16MiB"], "--max-memory"),
        (
            "name-inputs 2000000 1",
            ["--max-memory", "256MiB"],
            "--max-host-call",
        ),
        (
            "unwrap-tensors 1001",
            ["--max-tensors", "1000B"],
            "--max-tensors",
        ),
    ] {
        fs::write(&path, command).expect("written");
        let mut running = tollgate();
        running.arg("run").arg(component("conduct")).arg(&path);
        let pair = format!("pair={}", model("pair").display());
        let output = running.args(options).args(["--model", &pair]).output();
        let stderr = String::from_utf8(output.expect("it starts").stderr).expect("text");
        has(&stderr, &[&format!("; raise it with `{option}`")]);
    }
}
