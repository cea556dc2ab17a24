//! The jail: what a helper can do and what it costs the host when it cannot go on. Helpers are the program itself.

use std::{fs, io::Read, path::Path, process::Command, time::Duration};

use serde_json::Value;
use tollgate_deploy::compile::HELPER;
use tollgate_jail::{Bounds, Done, Error, Job, Layer, Strength};
use tollgate_wasm::Calls;

use crate::{
    cli::{path, run, tollgate},
    support::{ENGINE, component, file, has},
};

/// Far more than the guests here need to be compiled.
const ENOUGH: Bounds = Bounds {
    memory_bytes: 6 << 30,
    private_bytes: 6 << 30,
    result_bytes: 1 << 30,
    time: Duration::from_secs(300),
};

/// Compiles in a helper of the program, within these bounds.
fn compile(wasm: &[u8], bounds: Bounds) -> Result<Done, Error> {
    let target = ENGINE
        .target(Calls::of(wasm))
        .expect("an engine")
        .to_string();
    let [jail, compile] = HELPER;
    let job = Job {
        arguments: &[jail, compile, &target],
        bounds,
        strength: Strength::Best,
    };
    job.run_program(Path::new(tollgate().get_program()), wasm)
}

fn meter_reader() -> Vec<u8> {
    fs::read(component("meter-reader")).expect("a readable component")
}

#[test]
fn doctor_shows_each_layer_and_that_a_helper_is_kept_from_what_it_must_not_do() {
    let (_, stdout, _) = run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&stdout).expect("one object");
    let jail = &report["jail"];
    assert_eq!(jail["problem"], Value::Null, "{jail}");
    let layers = jail["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), Layer::ALL.len());
    for layer in layers {
        assert_ne!(
            layer["there"].as_bool().expect("a fact"),
            layer["reason"].is_string(),
            "one that is not there has a reason: {layer}"
        );
    }
    let tried = jail["tried"].as_array().expect("attempts");
    assert!(tried.len() >= 6, "{jail}");
    for attempt in tried {
        assert_eq!(attempt["held"], Value::Bool(true), "{attempt}");
    }
    assert!(!Path::new("/tmp/tollgate-jail-probe").exists());
    has(
        &run(&["doctor"]).1,
        &["jail", "seccomp", "cannot", "open a socket"],
    );
}

#[test]
fn code_from_a_helper_is_the_code_of_this_process() {
    let wasm = meter_reader();
    let done = compile(&wasm, ENOUGH).expect("it compiles");
    let mut code = Vec::new();
    (&done.file).read_to_end(&mut code).expect("readable");
    let here = tollgate_runtime::Plugin::new(&ENGINE, &wasm).expect("a plugin");
    assert!(code == here.to_compiled().expect("code"), "byte for byte");
    assert_eq!(done.bytes, code.len() as u64);
    fs::File::options()
        .write(true)
        .open(format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&done.file)
        ))
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"other code"))
        .expect_err("it is sealed");
}

#[test]
fn a_helper_that_takes_more_than_it_may_is_a_sentence() {
    let wasm = meter_reader();
    let with = |change: fn(&mut Bounds)| {
        let mut bounds = ENOUGH;
        change(&mut bounds);
        compile(&wasm, bounds).map(|done| done.bytes)
    };
    let late = with(|bounds| bounds.time = Duration::ZERO);
    assert!(matches!(late, Err(Error::Late(_))), "{late:?}");
    let large = with(|bounds| bounds.result_bytes = 1 << 10);
    assert!(matches!(large, Err(Error::Result(_))), "{large:?}");
    // Less than the program itself takes: whatever asks for memory first fails.
    let memory = with(|bounds| bounds.memory_bytes = 1 << 20);
    assert!(
        matches!(
            memory,
            Err(Error::Memory(_) | Error::Died(_) | Error::Refused(_))
        ),
        "{memory:?}"
    );
    with(|_| ()).expect("the next one is not harmed");
}

#[test]
fn what_is_no_plugin_is_refused_in_the_words_of_this_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.wasm");
    let mut wasm = meter_reader();
    let end = wasm.len() - 100;
    wasm.truncate(end);
    fs::write(&broken, &wasm).expect("written");
    let said = |jail: &str| {
        let frames = file("examples/meter-reader/frames");
        let (code, _, stderr) = run(&[
            "run",
            path(&broken),
            path(&frames),
            "--no-cache",
            "--jail",
            jail,
        ]);
        assert_eq!(code, Some(1), "{stderr}");
        stderr
    };
    let here = said("off");
    assert_eq!(said("best"), here);
    assert_eq!(said("strict"), here, "this machine has all layers");
}

#[test]
fn only_the_program_itself_is_a_helper() {
    for told in [
        &["jail"][..],
        &["jail", "compile", "x", "1,2,3", "best"],
        &["jail", "rm", "-rf", "/"],
    ] {
        let output = tollgate().args(told).output().expect("it starts");
        assert_eq!(output.status.code(), Some(10), "{told:?}");
        has(
            &String::from_utf8_lossy(&output.stderr),
            &["only the program itself starts"],
        );
    }
}

/// A helper outlives its host by nothing: it is killed with it.
#[test]
fn a_helper_dies_with_its_host() {
    // A host that starts a helper, which waits for its bytes, and is killed itself.
    let script = format!(
        "exec 3<&0; '{}' jail compile sync,1,1 6442450944,6442450944,1,60000 best <&3 2>/dev/null & echo $!; wait",
        tollgate().get_program().to_string_lossy()
    );
    let mut host = Command::new("/bin/sh")
        .args(["-c", &script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(host.stdout.as_mut().expect("its output")),
        &mut line,
    )
    .expect("the helper's number");
    let helper = format!("/proc/{}", line.trim());
    let status = || fs::read_to_string(format!("{helper}/status"));
    wait_until("it is confined", || {
        status().is_ok_and(|status| status.contains("Seccomp:\t2"))
    });
    host.kill().expect("killed");
    host.wait().expect("ended");
    wait_until("it is gone", || {
        status().map_or(true, |status| status.contains("State:\tZ"))
    });
}

/// Waiting has a bound that no machine reaches; nothing is measured.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
