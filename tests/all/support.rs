//! What the tests share: one ONNX Runtime, one engine, the fixtures under `target/` and `tests/`.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use tollgate::config::Environment;
use tollgate_deploy::onnxruntime;
use tollgate_nn::{Device, GraphOptions, GraphRegistry};
use tollgate_runtime::{Engine, EngineConfig, Error, Instance, Plugin};
use tollgate_services::{Fault, Frame, Grants, GraphGrant, Ledger, Limits, NnHost, Record};

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the workspace")
        .to_path_buf()
}

/// A file of the workspace, which must be there.
pub fn file(path: &str) -> PathBuf {
    let path = root().join(path);
    assert!(
        path.exists(),
        "{} is missing: `cargo xtask test` makes it",
        path.display()
    );
    path
}

pub fn component(name: &str) -> PathBuf {
    file(&format!("target/guests/components/{name}.wasm"))
}

pub fn model(name: &str) -> PathBuf {
    file(&format!("tests/models/{name}.onnx"))
}

/// Loads ONNX Runtime as the command line does.
pub fn onnxruntime() {
    let search = Environment::of_this_process().onnxruntime(None, Device::Cpu);
    onnxruntime::load(&search).expect("`cargo xtask test` installs ONNX Runtime");
}

pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(&EngineConfig::default()));

/// The plugin that does what its frame says.
pub static CONDUCT: LazyLock<Plugin> = LazyLock::new(|| plugin("conduct"));

pub fn plugin(name: &str) -> Plugin {
    let wasm = std::fs::read(component(name)).expect("a readable component");
    Plugin::new(&ENGINE, &wasm).expect("a plugin")
}

/// A host with these models, each under its file's name.
pub fn host(models: &[&str]) -> NnHost {
    onnxruntime();
    let registry = GraphRegistry::new();
    for name in models {
        registry
            .load_file(name, &model(name), &GraphOptions::default())
            .expect("a model that loads");
    }
    NnHost::new(Arc::new(registry), GraphOptions::default())
}

pub fn all_graphs() -> Grants {
    Grants {
        graphs: GraphGrant::All,
        ..Grants::default()
    }
}

pub fn frame(text: &str) -> Frame {
    frame_of(text.as_bytes().to_vec())
}

pub fn frame_of(data: Vec<u8>) -> Frame {
    Frame {
        sequence: 0,
        source: "test".into(),
        content_type: "text/plain".into(),
        acquired_ns: 0,
        data: data.into(),
    }
}

/// An instance of `conduct`, to be told what to do.
pub struct Conduct(pub Instance);

impl Conduct {
    pub fn new(models: &[&str]) -> Self {
        Self::with(models, &all_graphs(), &Limits::default())
    }

    pub fn with(models: &[&str], grants: &Grants, limits: &Limits) -> Self {
        Self(Instance::new(&CONDUCT, &host(models), grants, limits).expect("an instance"))
    }

    pub fn try_say(&mut self, command: &[u8]) -> (Result<Result<String, Fault>, Error>, Record) {
        let mut ledger = Ledger::open();
        ledger.start();
        let result = self.0.handle(&frame_of(command.to_vec()), &mut ledger);
        let said = result.map(|result| {
            result.map(|outputs| {
                assert_eq!(outputs.len(), 1);
                String::from_utf8(outputs[0].data.clone()).expect("text")
            })
        });
        (said, ledger.close())
    }

    /// What the guest says to a command that it comes back from.
    pub fn say(&mut self, command: &str) -> String {
        let said = self.try_say(command.as_bytes()).0;
        said.expect("no trap").expect("no fault")
    }

    /// How a command ends that the guest does not come back from.
    pub fn dies(&mut self, command: &str) -> Error {
        self.try_say(command.as_bytes())
            .0
            .expect_err("the guest must not come back")
    }
}

/// Asserts that a text has all of these in it.
#[track_caller]
pub fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

/// A file under `tests/cases`.
pub fn case(path: &str) -> PathBuf {
    file(&format!("tests/cases/{path}"))
}

/// A module under `tests/cases` that is kept as text, as bytes.
pub fn case_wat(path: &str) -> Vec<u8> {
    wat::parse_file(case(path)).expect("text that assembles")
}
