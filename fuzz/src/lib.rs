//! What the targets share: ONNX Runtime, an engine, small models and guests that call as they are
//! told. Made once a process; nothing that a run leaves behind is seen by the next.
//!
//! What a target wants is found as the tests find it: guests under `target/guests`, models under
//! `tests`, ONNX Runtime where `tollgate runtime install` puts it. `cargo xtask fuzz` sees to all.

pub mod protobuf;

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Duration,
};

use tollgate::config::Environment;
use tollgate_deploy::onnxruntime;
use tollgate_nn::{Device, GraphOptions, GraphRegistry};
use tollgate_runtime::{Engine, EngineConfig, Error, Instance, Plugin};
use tollgate_services::{Frame, Grants, GraphGrant, Ledger, Limits, NnHost};

/// Graphs that guests can name; `tests/guests/calls` knows the names.
const MODELS: [(&str, &str); 6] = [
    ("pair", "tests/models/pair.onnx"),
    ("type-u8", "tests/models/type-u8.onnx"),
    ("nonzero", "tests/models/nonzero.onnx"),
    ("lookup", "tests/models/lookup.onnx"),
    ("pass-open", "tests/cases/hostile/models/pass-open.onnx"),
    ("rows-fp32", "tests/models/rows-fp32.onnx"),
];

/// A file of the workspace.
pub fn file(path: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join(path);
    assert!(
        path.exists(),
        "{} is missing: `cargo xtask fuzz` makes it",
        path.display()
    );
    path
}

/// Loads ONNX Runtime as the command line does.
pub fn onnxruntime() {
    let search = Environment::of_this_process().onnxruntime(None, Device::Cpu);
    onnxruntime::load(&search).expect("`cargo xtask fuzz` installs ONNX Runtime");
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(&EngineConfig::default()));

static HOST: LazyLock<NnHost> = LazyLock::new(|| {
    onnxruntime();
    let registry = GraphRegistry::new();
    for (name, path) in MODELS {
        registry
            .load_file(name, &file(path), &GraphOptions::default())
            .expect("a model that loads");
    }
    NnHost::new(Arc::new(registry), GraphOptions::default())
});

/// A guest of `tests/guests`, compiled.
pub fn plugin(name: &str) -> Plugin {
    let path = file(&format!("target/guests/components/{name}.wasm"));
    let wasm = std::fs::read(path).expect("a readable guest");
    Plugin::new(&ENGINE, &wasm).expect("a plugin")
}

/// Hands a program to a fresh instance of a guest, with leave to load models where its first byte
/// has bit 0. However the guest ends, it must be the guest that ends.
pub fn call(plugin: &Plugin, program: &[u8]) {
    let grants = Grants {
        graphs: GraphGrant::All,
        load: program.first().is_some_and(|flags| flags & 1 != 0),
        ..Grants::default()
    };
    // So low that programs reach them, and that none of them takes long.
    let limits = Limits {
        memory_bytes: 8 << 20,
        tensor_bytes: 1 << 20,
        model_bytes: 1 << 20,
        handles: 64,
        host_call_bytes: 1 << 20,
        deadline: Some(Duration::from_secs(1)),
        inference: Duration::from_millis(500),
        ..Limits::default()
    };
    let mut instance = Instance::new(plugin, &HOST, &grants, &limits).expect("an instance");
    let frame = Frame {
        sequence: 0,
        source: "fuzz".into(),
        content_type: String::new().into(),
        acquired_ns: 0,
        data: program.to_vec().into(),
    };
    let mut ledger = Ledger::open();
    ledger.start();
    let result = instance.handle(&frame, &mut ledger);
    assert!(
        matches!(result, Ok(_) | Err(Error::Guest(_))),
        "{:?}",
        result.err()
    );
    let record = ledger.close();
    let (sum, total) = (record.stages.sum(), record.total_ns);
    assert!(sum <= total + total / 10 + 1_000_000, "{record:?}");
}
