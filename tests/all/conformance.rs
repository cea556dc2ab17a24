//! One table, walked through every generation of wasi-nn that guests are built against: what each
//! function gives, every tensor type, every error code.
//!
//! The generations differ in how they are called and in how much they say; the rows are the same.
//! Preview1 has numbers for errors, and fewer of them.

use tollgate_runtime::{Instance, Plugin};
use tollgate_services::{Grants, Ledger, Limits, NnHost};

use crate::support::{self, ENGINE, component, frame_of};

/// The generations, and the guest that speaks each.
const GENERATIONS: [(Generation, &str); 3] = [
    (Generation::Newest, "conduct"),
    (Generation::Older, "conduct-older"),
    (Generation::Preview1, "module-conduct"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Generation {
    /// `wasi:nn@0.2.0-rc-2024-10-28`.
    Newest,
    /// `wasi:nn@0.2.0-rc-2024-08-19`.
    Older,
    /// `wasi_ephemeral_nn`.
    Preview1,
}

/// A guest of one generation.
struct Guest {
    generation: Generation,
    instance: Instance,
}

impl Guest {
    fn new(generation: Generation, name: &str, host: &NnHost, grants: &Grants) -> Self {
        let limits = Limits {
            // Enough for what is asked here, and little enough to be exceeded.
            tensor_bytes: 1 << 20,
            model_bytes: 1 << 16,
            inference: std::time::Duration::from_millis(100),
            ..Limits::default()
        };
        let wasm = std::fs::read(component(name)).expect("a guest");
        let plugin = Plugin::new(&ENGINE, &wasm).expect("a plugin");
        let instance = Instance::new(&plugin, host, grants, &limits).expect("an instance");
        Self {
            generation,
            instance,
        }
    }

    fn say(&mut self, command: &[u8]) -> String {
        let frame = frame_of(command.to_vec());
        let result = self.instance.handle(&frame, &mut Ledger::open());
        let outputs = result.expect("no trap").expect("no fault");
        String::from_utf8(outputs[0].data.clone()).expect("text")
    }

    /// Computes with inputs by their places; all outputs as hexadecimal, or an error's name.
    fn compute(&mut self, graph: &str, outputs: usize, inputs: &str) -> String {
        let command = match self.generation {
            Generation::Newest => format!("compute {graph} {inputs}"),
            Generation::Older => {
                let names: Vec<String> = (0..outputs).map(|place| place.to_string()).collect();
                format!("compute {graph} {inputs} >{}", names.join(" "))
            }
            Generation::Preview1 => format!("compute {graph} {outputs} {inputs}"),
        };
        self.say(command.as_bytes())
    }

    fn load(&mut self, encoding: &str, target: &str, builders: u32, model: &[u8]) -> String {
        let (encoding, target) = match self.generation {
            Generation::Preview1 => (
                ["openvino", "onnx", "", "", "", "autodetect"]
                    .iter()
                    .position(|&known| known == encoding)
                    .expect("an encoding")
                    .to_string(),
                ["cpu", "gpu", "tpu"]
                    .iter()
                    .position(|&known| known == target)
                    .expect("a target")
                    .to_string(),
            ),
            _ => (encoding.to_owned(), target.to_owned()),
        };
        let mut command = format!("load-as {encoding} {target} {builders}\n").into_bytes();
        command.extend_from_slice(model);
        self.say(&command)
    }

    #[track_caller]
    fn expects(&self, said: &str, error: &str) {
        let words = match (self.generation, error) {
            (Generation::Preview1, "InvalidArgument") => "errno 1",
            (Generation::Preview1, "InvalidEncoding") => "errno 2",
            (Generation::Preview1, "Timeout" | "RuntimeError") => "errno 5",
            (Generation::Preview1, "UnsupportedOperation" | "Security") => "errno 6",
            (Generation::Preview1, "TooLarge") => "errno 7",
            (Generation::Preview1, "NotFound") => "errno 8",
            _ => error,
        };
        assert!(
            said.contains(words),
            "{:?}: expected {words}, got: {said}",
            self.generation
        );
    }
}

/// Walks a table through all generations.
fn walk(models: &[&str], grants: &Grants, mut row: impl FnMut(&mut Guest)) {
    let host = support::host(models);
    for (generation, name) in GENERATIONS {
        row(&mut Guest::new(generation, name, &host, grants));
    }
}

#[test]
fn every_type_doubles() {
    /// The model, its type, and how its output begins.
    const ROWS: [(&str, &str, &str); 7] = [
        ("type-fp16", "FP16", "00440048"),
        ("type-fp32", "FP32", "0000004000008040"),
        ("type-fp64", "FP64", "00000000000000400000000000001040"),
        ("type-bf16", "BF16", "00408040"),
        ("type-u8", "U8", "0204"),
        ("type-i32", "I32", "0200000004000000"),
        ("type-i64", "I64", "02000000000000000400000000000000"),
    ];
    walk(
        &ROWS.map(|(model, ..)| model),
        &support::all_graphs(),
        |guest| {
            for (model, ty, bytes) in ROWS {
                // Preview1 has no name for this type.
                if guest.generation == Generation::Preview1 && ty == "BF16" {
                    continue;
                }
                let said = guest.compute(model, 1, &format!("0:{ty}:2,3"));
                assert!(said.contains(bytes), "{:?} {ty}: {said}", guest.generation);
            }
        },
    );
}

#[test]
fn several_inputs_and_outputs() {
    let mut answers = Vec::new();
    walk(&["pair"], &support::all_graphs(), |guest| {
        let said = guest.compute("pair", 2, "0:FP32:3,4 1:I64:3");
        // The elements alone, which is all that every generation tells.
        let elements: Vec<String> = said
            .split_whitespace()
            .map(|word| word.rsplit(']').next().unwrap_or(word).to_owned())
            .filter(|word| word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit()))
            .collect();
        answers.push(elements);
    });
    assert_eq!(answers[0].len(), 2, "{answers:?}");
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{answers:?}"
    );
}

#[test]
fn arguments_that_are_wrong() {
    /// A graph, its inputs, and the error.
    const ROWS: [(&str, &str, &str); 8] = [
        ("pair", "0:FP32:3,4", "InvalidArgument"),
        ("pair", "0:FP32:3,5 1:I64:3", "InvalidArgument"),
        ("pair", "0:FP32:3,4,1 1:I64:3", "InvalidArgument"),
        ("pair", "0:I64:3,4 1:I64:3", "InvalidArgument"),
        ("pair", "0:FP32:3,4:47 1:I64:3", "InvalidArgument"),
        ("pair", "0:FP32:3,4:52 1:I64:3", "InvalidArgument"),
        ("pair", "0:FP32:3,4 7:I64:3", "NotFound"),
        ("nobody", "0:FP32:1", "NotFound"),
    ];
    walk(&["pair"], &support::all_graphs(), |guest| {
        for (graph, inputs, error) in ROWS {
            let said = guest.compute(graph, 2, inputs);
            guest.expects(&said, error);
        }
        let said = guest.compute("pair", 2, "0:FP32:3,4 1:I64:3");
        assert!(
            !said.contains("rror") && !said.contains("errno"),
            "it goes on: {said}"
        );
    });
}

#[test]
fn limits_and_deadlines() {
    walk(&["type-u8", "slow"], &support::all_graphs(), |guest| {
        let said = guest.compute("type-u8", 1, "0:U8:1025,1024");
        guest.expects(&said, "TooLarge");
        let said = guest.compute("slow", 1, "0:FP32:1");
        guest.expects(&said, "Timeout");
    });
}

#[test]
fn models_from_bytes() {
    let model = std::fs::read(support::model("type-u8")).expect("a model");
    let strange = std::fs::read(support::model("unknown-op")).expect("a model");
    let granted = Grants {
        load: true,
        ..support::all_graphs()
    };
    walk(&[], &granted, |guest| {
        assert_eq!(guest.load("onnx", "cpu", 1, &model), "loaded");
        assert_eq!(guest.load("autodetect", "cpu", 1, &model), "loaded");
        for (encoding, target, builders, bytes, error) in [
            ("openvino", "cpu", 1, &model[..], "UnsupportedOperation"),
            ("onnx", "tpu", 1, &model, "UnsupportedOperation"),
            ("onnx", "gpu", 1, &model, "UnsupportedOperation"),
            ("onnx", "cpu", 2, &model, "InvalidArgument"),
            ("onnx", "cpu", 0, &model, "InvalidArgument"),
            ("onnx", "cpu", 1, b"no model at all", "InvalidEncoding"),
            (
                "onnx",
                "cpu",
                1,
                &model[..model.len() / 2],
                "InvalidEncoding",
            ),
            ("onnx", "cpu", 1, &strange, "UnsupportedOperation"),
            ("onnx", "cpu", 1, &[0; (1 << 16) + 1], "TooLarge"),
        ] {
            let said = guest.load(encoding, target, builders, bytes);
            guest.expects(&said, error);
        }
    });
    walk(&[], &support::all_graphs(), |guest| {
        let said = guest.load("onnx", "cpu", 1, &model);
        guest.expects(&said, "Security");
    });
}

#[test]
fn graphs_that_are_not_granted() {
    walk(&["pair"], &Grants::default(), |guest| {
        let said = guest.compute("pair", 2, "0:FP32:3,4 1:I64:3");
        guest.expects(&said, "Security");
    });
}

/// A guest of a generation whose contexts keep their tensors.
fn keepers(models: &[&str], mut row: impl FnMut(&mut Guest)) {
    walk(models, &support::all_graphs(), |guest| {
        if guest.generation != Generation::Newest {
            row(guest);
        }
    });
}

#[test]
fn contexts_keep_inputs_and_outputs() {
    keepers(&["pair"], |guest| {
        let inputs = "0:FP32:3,4 1:I64:3";
        let once = guest.compute("pair", 2, inputs);
        let twice = match guest.generation {
            Generation::Older => format!("twice pair {inputs} >0 1"),
            _ => format!("twice pair 2 {inputs}"),
        };
        assert_eq!(guest.say(twice.as_bytes()), once);
        let said = guest.say(b"unset pair");
        guest.expects(&said, "InvalidArgument");
        let early = match guest.generation {
            Generation::Older => format!("early pair {inputs} >0"),
            _ => format!("early pair 1 {inputs}"),
        };
        let said = guest.say(early.as_bytes());
        guest.expects(&said, "InvalidArgument");
        let beyond = guest.compute("pair", 3, inputs);
        guest.expects(&beyond, "NotFound");
    });
}

#[test]
fn what_is_dropped_is_given_back_and_what_cannot_be_is_bounded() {
    keepers(&["pair"], |guest| {
        let inputs = "0:FP32:3,4 1:I64:3";
        match guest.generation {
            Generation::Older => {
                let said = guest.say(format!("leak 10000 pair {inputs} >0 1").as_bytes());
                assert_eq!(said, "done");
            }
            _ => {
                for _ in 0..10_000 {
                    let said = guest.say(format!("warm pair 2 {inputs}").as_bytes());
                    assert!(!said.contains("errno"), "{said}");
                }
                let said = guest.say(format!("leak 10000 pair 2 {inputs}").as_bytes());
                guest.expects(&said, "TooLarge");
            }
        }
    });
}

/// Calls with numbers that no honest guest has: an errno each, and the guest goes on.
#[test]
fn raw_addresses_are_held_against_the_memory() {
    /// `!N` is N bytes before the end of the memory, `@` an aligned place inside.
    const ROWS: [(&str, u32); 31] = [
        ("load_by_name 4294967295 16 @", 1),
        ("load_by_name @ 4294967295 @", 1),
        ("load_by_name !4 8 @", 1),
        ("load_by_name @ 4 !2", 1),
        ("load_by_name @ 4 @1", 1),
        ("load_by_name @ 4 4294967292", 1),
        ("load @ 4294967295 1 0 @", 1),
        ("load !4 1 1 0 @", 1),
        ("load @2 1 1 0 @", 1),
        ("load @ 0 9 0 @", 1),
        ("load @ 0 1 9 @", 1),
        ("init_execution_context 77 @", 1),
        ("init_execution_context 4294967295 @", 1),
        ("init_execution_context 0 !1", 1),
        ("set_input 77 0 @", 1),
        ("set_input 0 0 !16", 1),
        ("set_input 0 0 @2", 1),
        ("set_tensor 0 0 4294967292 2 1 @ 48", 1),
        ("set_tensor 0 0 @2 2 1 @ 48", 1),
        ("set_tensor 0 0 @ 4294967295 1 @ 48", 1),
        ("set_tensor 0 0 @ 2 9 @ 48", 1),
        ("set_tensor 0 0 @ 2 1 !4 48", 1),
        ("set_tensor 0 0 @ 2 1 @ 4294967295", 1),
        ("load_builder !4 8 @", 1),
        ("load_builder @ 4294967295 @", 1),
        ("load_builder 4294967295 4294967295 @", 1),
        ("compute 4294967295", 1),
        ("get_output 77 0 @ 8 @", 1),
        ("get_output 0 0 !8 4294967295 @", 1),
        ("get_output 0 0 @ 8 !2", 1),
        ("get_output 0 9 @ 8 @", 8),
    ];
    let host = support::host(&["pair"]);
    let mut guest = Guest::new(
        Generation::Preview1,
        "module-conduct",
        &host,
        &support::all_graphs(),
    );
    // So that graph 0 and context 0 are there.
    let honest = guest.compute("pair", 2, "0:FP32:3,4 1:I64:3");
    for (call, errno) in ROWS {
        let said = guest.say(format!("raw {call}").as_bytes());
        assert_eq!(said, format!("errno {errno}"), "{call}");
    }
    // The buffer, and the number of bytes written, may overlap: bytes first, then the number.
    let said = guest.say(b"raw get_output 0 0 @ 64 @");
    assert!(said.starts_with("done"), "{said}");
    // A buffer that is too small is left alone.
    assert_eq!(guest.say(b"raw get_output 0 0 @ 1 @8"), "errno 7");
    assert_eq!(guest.compute("pair", 2, "0:FP32:3,4 1:I64:3"), honest);
}

#[test]
fn a_module_says_why_it_failed() {
    let host = support::host(&["pair"]);
    let all = support::all_graphs();
    let mut guest = Guest::new(Generation::Preview1, "module-conduct", &host, &all);
    let said = guest.compute("pair", 2, "0:FP32:3,5 1:I64:3");
    guest.expects(&said, "InvalidArgument");
    let mut fail = |command: &[u8]| {
        let result = guest
            .instance
            .handle(&frame_of(command.to_vec()), &mut Ledger::open());
        result.expect("no trap").expect_err("a fault").to_string()
    };
    let fault = fail(b"fail out of ink");
    support::has(&fault, &["out of ink"]);
    support::has(&fail(b"fail"), &["`handle` returned 3"]);
    // The next frame is a frame like any other, and one that writes without end is stopped.
    let said = guest.say(b"flood");
    assert!(said.starts_with("x"), "it wrote as much as it may");
    assert!(said.len() <= Limits::default().host_call_bytes);
}
