//! Models that are unusual but legal, and files that are no models at all.

use std::{path::Path, sync::Arc, thread, time::Duration};

use tollgate_nn::{
    Argument, BatchOptions, BatchPolicy, Data, GraphOptions, GraphRegistry, Scratch, TensorType,
};
use tollgate_runtime::{Instance, Plugin};
use tollgate_services::{Grants, Ledger, Limits, NnHost};

use crate::support::{self, ENGINE, all_graphs, case, component, frame_of, has, model};

/// A test guest with one graph, called `g`.
struct Guest(Instance);

impl Guest {
    fn new(name: &str, path: &Path) -> Self {
        support::onnxruntime();
        let registry = GraphRegistry::new();
        let loaded = registry.load_file("g", path, &GraphOptions::default());
        loaded.expect("a graph");
        let host = NnHost::new(Arc::new(registry), GraphOptions::default());
        let wasm = std::fs::read(component(name)).expect("a guest");
        let plugin = Plugin::new(&ENGINE, &wasm).expect("a plugin");
        let grants = Grants {
            load: true,
            ..all_graphs()
        };
        Self(Instance::new(&plugin, &host, &grants, &Limits::default()).expect("an instance"))
    }

    fn say(&mut self, command: &str) -> String {
        self.say_with(command, &[])
    }

    fn say_with(&mut self, command: &str, bytes: &[u8]) -> String {
        let mut data = command.as_bytes().to_vec();
        if !bytes.is_empty() {
            data.push(b'\n');
            data.extend_from_slice(bytes);
        }
        let said = self.0.handle(&frame_of(data), &mut Ledger::open());
        let outputs = said.expect("no trap").expect("no fault");
        String::from_utf8(outputs[0].data.clone()).expect("text")
    }
}

#[test]
fn unknown_rank() {
    for (name, input, dimensions) in [
        ("no-rank", "x:FP32:2,2", "[2, 2]"),
        ("no-rank", "x:FP32:4", "[4]"),
        ("no-rank", "x:FP32:", "[]"),
        ("rank", "x:FP32:1,10", "[10]"),
    ] {
        let mut guest = Guest::new("conduct", &case(&format!("unknown-rank/{name}.onnx")));
        for command in [
            "compute",
            "infer",
            "prepared",
            "prepared-one",
            "prepared-again",
        ] {
            let said = guest.say(&format!("{command} g {input}"));
            has(&said, &[&format!("Fp32{dimensions}")]);
        }
    }
    // What is said before the run is not what a scalar's dimensions are: whoever reads them once and
    // keeps them keeps nothing then.
    let mut guest = Guest::new("conduct", &case("unknown-rank/no-rank.onnx"));
    let said = guest.say("prepared-outputs g x:FP32:2,2");
    has(
        &said,
        &["y:TensorType::Fp32[None] then y:TensorType::Fp32[Some(2), Some(2)]"],
    );
    let said = guest.say("prepared-outputs g x:FP32:");
    has(
        &said,
        &["y:TensorType::Fp32[None] then y:TensorType::Fp32[]"],
    );
}

/// 1 2 3 4 times three, and times one.
const TRIPLED: &str = "000040400000c0400000104100004041";
const ONCE: &str = "0000803f000000400000404000008040";

#[test]
fn defaults() {
    let path = case("defaults/ir8.onnx");
    let mut guest = Guest::new("conduct", &path);
    for command in ["compute", "infer", "prepared", "prepared-again"] {
        has(&guest.say(&format!("{command} g x:FP32:1,4")), &[TRIPLED]);
        // By name, in any order; by place; and left out again.
        for inputs in [
            "x:FP32:1,4 threshold:FP32:",
            "threshold:FP32: x:FP32:1,4",
            "0:FP32:1,4 1:FP32:",
        ] {
            has(&guest.say(&format!("{command} g {inputs}")), &[ONCE]);
        }
        has(&guest.say(&format!("{command} g x:FP32:1,4")), &[TRIPLED]);
        for (inputs, words) in [
            ("threshold:FP32:", ["InvalidArgument", "`x`"]),
            ("x:FP32:1,4 x:FP32:1,4", ["InvalidArgument", "twice"]),
            (
                "x:FP32:1,4 threshold:I64:",
                ["InvalidArgument", "threshold"],
            ),
            ("x:FP32:1,4 other:FP32:", ["NotFound", "threshold"]),
            ("", ["InvalidArgument", "may be left out: threshold"]),
        ] {
            has(&guest.say(&format!("{command} g {inputs}")), &words);
        }
    }
    has(&guest.say("infer g _:FP32:1,4 _:FP32:"), &[ONCE]);
    let mut guest = Guest::new("conduct-older", &path);
    has(&guest.say("compute g x:FP32:1,4 >y"), &[TRIPLED]);
    has(
        &guest.say("compute g threshold:FP32: x:FP32:1,4 >y"),
        &[ONCE],
    );
    has(
        &guest.say("compute g threshold:FP32: >y"),
        &["InvalidArgument", "`x`"],
    );
    let mut guest = Guest::new("module-conduct", &path);
    has(&guest.say("compute g 1 0:FP32:1,4"), &[TRIPLED]);
    has(&guest.say("compute g 1 0:FP32:1,4 1:FP32:"), &[ONCE]);
    assert_eq!(guest.say("compute g 1 1:FP32:"), "errno 1");
    assert_eq!(guest.say("compute g 1 0:FP32:1,4 2:FP32:"), "errno 8");
}

#[test]
fn defaults_in_a_batch() {
    support::onnxruntime();
    let options = GraphOptions {
        batch: BatchOptions {
            policy: BatchPolicy::On,
            max: 4.try_into().expect("rows"),
            delay: Duration::from_millis(50),
        },
        ..GraphOptions::default()
    };
    let loaded = GraphRegistry::new().load_file("g", &model("optional-rows"), &options);
    let graph = loaded.expect("a graph");
    thread::scope(|scope| {
        for caller in 0..8u8 {
            let graph = &graph;
            scope.spawn(move || {
                let mut scratch = Scratch::new().expect("a scratch");
                for turn in 0..20u8 {
                    let value = f32::from(caller * 20 + turn);
                    let x = [value, -value].map(f32::to_le_bytes).concat();
                    let scale = 2f32.to_le_bytes();
                    let of = |dimensions, bytes| Argument {
                        name: None,
                        data: Data::Bytes {
                            ty: TensorType::Fp32,
                            dimensions,
                            bytes,
                        },
                    };
                    let both = [of(&[1, 2], &x), of(&[], &scale)];
                    let given = (caller + turn) % 2 == 0;
                    let arguments = if given { &both[..] } else { &both[..1] };
                    let outcome = graph.run(&mut scratch, arguments, None).expect("a run");
                    let right = value * if given { 2. } else { 3. };
                    let right = [right, -right].map(f32::to_le_bytes).concat();
                    assert_eq!(outcome.outputs[0].bytes(), right, "{caller} {turn}");
                }
            });
        }
    });
}

#[test]
fn types() {
    for (name, words) in [
        ("in-bool", ["bool", "Cast"]),
        ("in-u16", ["u", "Cast"]),
        ("in-string", ["strings", "outside of the model"]),
    ] {
        let path = case(&format!("types/{name}.onnx"));
        let mut guest = Guest::new("conduct", &path);
        let model = std::fs::read(&path).expect("a model");
        assert_eq!(guest.say_with("load", &model), "loaded", "{name}");
        for command in ["compute", "infer", "prepare-only"] {
            for inputs in ["", "mask:U8:1,4"] {
                let said = guest.say(&format!("{command} g {inputs}"));
                has(&said, &["UnsupportedOperation", "input `mask`", "`g`"]);
                has(&said, &words);
            }
        }
        let mut guest = Guest::new("conduct-older", &path);
        has(&guest.say("unset g"), &["UnsupportedOperation", "`mask`"]);
        has(
            &guest.say("compute g mask:U8:1,4 >y"),
            &["UnsupportedOperation", "`mask`"],
        );
        let mut guest = Guest::new("module-conduct", &path);
        assert_eq!(guest.say("unset g"), "errno 6", "{name}");
    }
}

#[test]
fn types_of_outputs() {
    // 10 for the first class.
    let label = "0a00000000000000";
    let path = case("types/zipmap.onnx");
    let mut guest = Guest::new("conduct", &path);
    has(&guest.say("describe g"), &["label"]);
    assert!(!guest.say("describe g").contains("probabilities"));
    for command in ["compute", "infer", "prepared", "prepared-one"] {
        has(&guest.say(&format!("{command} g x:FP32:1,2")), &["[1]"]);
    }
    let mut older = Guest::new("conduct-older", &path);
    has(&older.say("compute g x:FP32:1,2 >label"), &["[1]"]);
    for output in ["probabilities", "1"] {
        let said = older.say(&format!("compute g x:FP32:1,2 >{output}"));
        has(
            &said,
            &[
                "UnsupportedOperation",
                "output `probabilities`",
                "sequence",
                "zipmap=False",
            ],
        );
    }
    has(
        &older.say("compute g x:FP32:1,2 >other"),
        &["NotFound", "label"],
    );
    let mut module = Guest::new("module-conduct", &path);
    let said = module.say("compute g 1 0:FP32:1,2");
    assert_eq!(said.trim().len(), label.len(), "{said}");
    assert_eq!(module.say("compute g 2 0:FP32:1,2"), "errno 6");

    // An index is the model's own, whatever else cannot be named.
    let relu = "0000803f00000040";
    let path = model("mixed-outputs");
    let mut guest = Guest::new("conduct", &path);
    for command in ["compute", "infer", "prepared", "prepared-one"] {
        has(&guest.say(&format!("{command} g x:FP32:1,2")), &[relu]);
    }
    let mut older = Guest::new("conduct-older", &path);
    has(&older.say("compute g x:FP32:1,2 >1"), &[relu]);
    has(
        &older.say("compute g x:FP32:1,2 >0"),
        &["UnsupportedOperation", "`positive`", "bool"],
    );

    // An input that may be left out is left out, of whatever type it is.
    let path = model("optional-mask");
    let mut guest = Guest::new("conduct", &path);
    for command in ["compute", "infer", "prepared", "prepared-one"] {
        has(&guest.say(&format!("{command} g x:FP32:1,2")), &[relu]);
    }
    has(
        &guest.say("infer g x:FP32:1,2 mask:U8:"),
        &["UnsupportedOperation", "input `mask`", "bool"],
    );
}
