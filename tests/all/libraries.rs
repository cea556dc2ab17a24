//! Libraries that are named as ONNX Runtime and are not fit to be loaded: a sentence, never the program's end.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tollgate::config::Environment;
use tollgate_deploy::onnxruntime::{
    self, Flavour, install,
    probe::{Error, HELPER, Prober},
};
use tollgate_jail::{Bounds, Job, Strength};
use tollgate_nn::Device;

use crate::{
    cli::{path, run, tollgate},
    support::{has, root},
};

/// What is run when a library is loaded.
fn at_start(body: &str) -> String {
    format!(
        "#[used]\n#[unsafe(link_section = \".init_array\")]\n\
         static AT_START: extern \"C\" fn() = {{ extern \"C\" fn at_start() {{ {body} }} at_start }};"
    )
}

/// Never comes back from the first function that is called.
const ENDLESS: &str = "#[unsafe(no_mangle)]\n\
    pub extern \"C\" fn OrtGetApiBase() -> *const u8 { loop { std::thread::park() } }";

/// An ONNX Runtime of long ago, which is talkative.
const OLD: &str = "#[repr(C)]\npub struct Base(extern \"C\" fn(u32) -> usize, extern \"C\" fn() -> *const u8);\n\
    extern \"C\" fn api(_: u32) -> usize { 0 }\n\
    extern \"C\" fn version() -> *const u8 { b\"1.2.3\\0\".as_ptr() }\n\
    static BASE: Base = Base(api, version);\n\
    #[unsafe(no_mangle)]\n\
    pub extern \"C\" fn OrtGetApiBase() -> *const Base { println!(\"path = 7\"); &BASE }";

/// Compiles a shared library.
fn library(folder: &Path, name: &str, source: &str) -> PathBuf {
    let (text, library) = (folder.join("source.rs"), folder.join(name));
    fs::write(&text, source).expect("written");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .current_dir(root())
        .args(["--edition", "2024", "--crate-type", "cdylib", "-O", "-o"])
        .args([&library, &text])
        .output()
        .expect("a compiler");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    library
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// With helpers of the program, not of the tests.
fn prober() -> Prober {
    Prober {
        program: tollgate().get_program().into(),
        ..Prober::default()
    }
}

/// The library that the other tests load.
fn real() -> PathBuf {
    let search = Environment::of_this_process().onnxruntime(None, Device::Cpu);
    prober().find(&search).expect("ONNX Runtime").0.path
}

#[test]
fn doctor_outlives_each_library_and_says_what_became_of_it() {
    let folder = folder();
    let make = |name: &str, source: &str| library(folder.path(), name, source);
    let text = folder.path().join("text.so");
    fs::write(&text, "an apology of a web server").expect("written");
    let died = &["cannot be used: the process that tried it died (signal: "][..];
    for (library, words) in [
        (
            make("aborts.so", &at_start("std::process::abort()")),
            &[died, &["SIGABRT"]].concat()[..],
        ),
        (
            make(
                "crashes.so",
                &at_start("unsafe { (8 as *mut u8).write_volatile(0) }"),
            ),
            &[died, &["SIGSEGV"]].concat(),
        ),
        (
            make("leaves.so", &at_start("std::process::exit(3)")),
            &["cannot be used: the process that tried it died (exit status: 3)"],
        ),
        (
            make("other.so", "pub fn other() {}"),
            &["is a library, but not ONNX Runtime"],
        ),
        (make("old.so", OLD), &["ONNX Runtime 1.2.3", "too old"]),
        (text, &["cannot load ONNX Runtime from", "text.so"]),
    ] {
        let (code, stdout, stderr) = run(&["doctor", "--onnxruntime", path(&library)]);
        assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
        has(&stdout, words);
        has(
            &stdout,
            &[path(&library), "`tollgate runtime install`", "Wasmtime"],
        );
        let (code, stdout, _) = run(&["doctor", "--onnxruntime", path(&library), "--json"]);
        assert_eq!(code, Some(1));
        let report: Value = serde_json::from_str(&stdout).expect("one object");
        assert_eq!(report["onnxruntime"]["usable"], false);
        has(
            report["onnxruntime"]["problem"].as_str().expect("one"),
            words,
        );
    }
}

#[test]
fn a_library_that_never_comes_back_is_given_up() {
    let folder = folder();
    let library = library(folder.path(), "endless.so", ENDLESS);
    let prober = Prober {
        time: Duration::from_secs(2),
        ..prober()
    };
    let error = prober.library(Some(&library)).expect_err("no answer");
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    has(
        &error.to_string(),
        &[path(&library), "was not done within 2 s"],
    );
}

#[test]
fn a_library_that_works_is_told_with_its_devices() {
    let there = prober().library(Some(&real())).expect("it loads");
    assert!(there.version.starts_with("1."), "{there:?}");
    assert!(there.devices.iter().any(|device| device == "cpu"));
    // A session is made on a device that is there, and is not on one that is not.
    let session = |device| {
        let [jail, name] = HELPER;
        let job = Job {
            arguments: &[jail, name, device],
            bounds: Bounds {
                memory_bytes: u64::MAX,
                private_bytes: u64::MAX,
                result_bytes: 64 << 10,
                time: Duration::from_secs(60),
            },
            strength: Strength::Best,
        };
        let program = tollgate();
        let done = job.run_apart(Path::new(program.get_program()), path(&real()).as_bytes());
        std::io::read_to_string(done.expect("an answer").file).expect("text")
    };
    let cpu = session("cpu");
    assert!(!cpu.contains("problem"), "{cpu}");
    has(&session("directml"), &["problem", "directml"]);
}

/// The program with a data folder of its own, and a Python that unpacks this library.
fn install(home: &Path, library: &Path) -> Output {
    let bin = home.join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let python = bin.join("python3");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         *' download '*) while [ \"$1\" != --dest ]; do shift; done; mkdir \"$2\"; : > \"$2/a.whl\";;\n\
         *zipfile*) for to; do :; done; mkdir -p \"$to/onnxruntime/capi\"; \
         cp '{}' \"$to/onnxruntime/capi/libonnxruntime.so.1\";;\nesac\n",
        library.display()
    );
    fs::write(&python, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&python, mode).expect("a program");
    tollgate()
        .args(["runtime", "install"])
        .env("TOLLGATE_HOME", home)
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .output()
        .expect("it starts")
}

#[test]
fn a_build_that_dies_is_not_installed_and_one_that_works_takes_its_place() {
    let home = folder();
    let dying = library(home.path(), "dying.so", &at_start("std::process::abort()"));
    let builds = onnxruntime::flavour_dir(home.path(), Flavour::Cpu);
    let refused = || {
        let output = install(home.path(), &dying);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty());
        has(
            &stderr,
            &["is not installed", "died (signal: 6", "--onnxruntime"],
        );
    };
    refused();
    let left = |builds: &Path| fs::read_dir(builds).expect("a folder").count();
    assert_eq!(left(&builds), 0, "nothing half installed");

    // One that is there and dies stays until one that works is there.
    let wheel = install::wheel(Flavour::Cpu, env::consts::OS, env::consts::ARCH);
    let place = builds.join(wheel.expect("a build for this machine").version);
    let there = place.join("onnxruntime/capi/libonnxruntime.so.1");
    fs::create_dir_all(there.parent().expect("a folder")).expect("made");
    fs::copy(&dying, &there).expect("copied");
    refused();
    assert!(there.is_file());
    for (library, words) in [(real(), " installed: "), (dying.clone(), "already there")] {
        let output = install(home.path(), &library);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        has(
            &String::from_utf8_lossy(&output.stdout),
            &[words, path(&there)],
        );
        assert_eq!(left(&builds), 1);
    }

    // The doctor tells all that are installed.
    let other = onnxruntime::flavour_dir(home.path(), Flavour::Openvino);
    let other = other.join("1.0.0/onnxruntime/capi/libonnxruntime.so.1");
    fs::create_dir_all(other.parent().expect("a folder")).expect("made");
    fs::copy(&dying, &other).expect("copied");
    let doctor = |option: &[&str]| {
        let output = tollgate()
            .arg("doctor")
            .args(option)
            .env("TOLLGATE_HOME", home.path())
            .env_remove("ORT_DYLIB_PATH")
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    has(
        &doctor(&[]),
        &["also there  ONNX Runtime at `", path(&other)],
    );
    let report: Value = serde_json::from_str(&doctor(&["--json"])).expect("one object");
    let others = report["onnxruntime"]["others"].as_array().expect("a list");
    assert_eq!(others.len(), 1);
    has(others[0]["problem"].as_str().expect("one"), &["signal: 6"]);
}
