//! A guest's mistakes with graphs and tensors: each gets wasi-nn's code for it and a sentence, and
//! the guest goes on.

use tollgate_nn::{Device, ErrorCode, GraphOptions, GraphRegistry};
use tollgate_services::{Grants, GraphGrant, Limits};

use crate::support::{self, Conduct, all_graphs, has, model};

/// All ways to infer say the same of the same mistake.
fn each(guest: &mut Conduct, arguments: &str, words: &[&str]) {
    for command in ["compute", "infer", "prepared"] {
        let said = guest.say(&format!("{command} {arguments}"));
        has(&said, words);
    }
    let fine = guest.say("compute pair a:FP32:1,4 b:I64:1");
    has(&fine, &["sum="]);
}

#[test]
fn wrong_tensors_are_invalid_arguments_and_name_the_input() {
    let mut guest = Conduct::new(&["pair"]);
    let invalid = "InvalidArgument";
    each(
        &mut guest,
        "pair a:FP32:4 b:I64:1",
        &[invalid, "`a`", "[?, 4]", "[4]"],
    );
    each(
        &mut guest,
        "pair a:FP32:1,5 b:I64:1",
        &[invalid, "`a`", "[?, 4]", "[1, 5]"],
    );
    each(
        &mut guest,
        "pair a:I32:1,4 b:I64:1",
        &[invalid, "`a`", "FP32", "I32"],
    );
    each(
        &mut guest,
        "pair a:FP32:1,4:12 b:I64:1",
        &[invalid, "`a`", "16 bytes", "12 came"],
    );
    each(
        &mut guest,
        "pair a:FP32:1,4:15 b:I64:1",
        &[invalid, "16 bytes", "15 came"],
    );
    each(
        &mut guest,
        "pair a:FP32:1,4:20 b:I64:1",
        &[invalid, "16 bytes", "20 came"],
    );
    each(
        &mut guest,
        "pair a:FP32:1,4",
        &[invalid, "2 input", "1 came"],
    );
    each(&mut guest, "pair", &[invalid, "2 input", "0 came"]);
    each(
        &mut guest,
        "pair a:FP32:1,4 b:I64:1 a:FP32:1,4",
        &[invalid, "3 came"],
    );
    each(
        &mut guest,
        "pair a:FP32:1,4 a:FP32:1,4",
        &[invalid, "`a`", "twice"],
    );
}

#[test]
fn unknown_names_are_not_found_and_say_what_there_is() {
    let mut guest = Conduct::new(&["pair"]);
    each(
        &mut guest,
        "pair a:FP32:1,4 c:I64:1",
        &["NotFound", "`c`", "a, b"],
    );
    each(&mut guest, "pair a:FP32:1,4 7:I64:1", &["NotFound", "`7`"]);
    each(
        &mut guest,
        "nope a:FP32:1,4 b:I64:1",
        &["NotFound", "`nope`", "pair"],
    );
}

#[test]
fn an_inference_is_refused_when_it_is_prepared_and_not_later() {
    let mut guest = Conduct::new(&["pair"]);
    for (arguments, words) in [
        ("pair a:FP32:1,5 b:I64:1", ["InvalidArgument", "`a`"]),
        ("pair a:I32:1,4 b:I64:1", ["InvalidArgument", "`a`"]),
        ("pair a:FP32:1,4", ["InvalidArgument", "1 came"]),
        ("pair a:FP32:1,4 c:I64:1", ["NotFound", "`c`"]),
        (
            "pair a:FP32:4294967295,4294967295,4294967295 b:I64:1",
            ["InvalidArgument", "`a`"],
        ),
    ] {
        has(&guest.say(&format!("prepare-only {arguments}")), &words);
    }
    // Only what is not there yet is left for the run.
    let arguments = "pair a:FP32:1,4:12 b:I64:1";
    assert_eq!(guest.say(&format!("prepare-only {arguments}")), "prepared");
    has(
        &guest.say(&format!("prepared {arguments}")),
        &["`a`", "12 came"],
    );
    // Which does it no harm.
    let right = "pair a:FP32:1,4 b:I64:1";
    let fused = guest.say(&format!("infer {right}"));
    has(
        &guest.say(&format!("prepared-again {right}")),
        &["InvalidArgument", "0 came", &format!("true {fused}")],
    );
}

#[test]
fn one_input_and_one_output_or_none_at_all() {
    let mut guest = Conduct::new(&["pair", "type-fp32"]);
    let invalid = "InvalidArgument";
    has(
        &guest.say("prepared-one pair a:FP32:1,4 b:I64:1"),
        &[invalid, "2 outputs", "`run`"],
    );
    let described = guest.say("describe type-fp32");
    let input = described.split_once(':').expect("a name").0.to_owned();
    let one = guest.say(&format!("prepared-one type-fp32 {input}:FP32:2,3"));
    assert_eq!(guest.say(&format!("infer type-fp32 {input}:FP32:2,3")), one);
    has(
        &guest.say(&format!("prepared-one type-fp32 {input}:FP32:2,3:20")),
        &[invalid, "24 bytes", "20 came"],
    );
}

#[test]
fn dimensions_beyond_any_memory_are_too_large() {
    let mut guest = Conduct::new(&["pair"]);
    let said = guest.say("compute pair a:FP32:4294967295,4294967295,4294967295:4 b:I64:1");
    has(&said, &["TooLarge"]);
}

#[test]
fn more_tensors_than_the_limit_are_too_large() {
    let limits = Limits {
        tensor_bytes: 64,
        ..Limits::default()
    };
    let mut guest = Conduct::with(&["pair"], &all_graphs(), &limits);
    let said = guest.say("compute pair a:FP32:4,4 b:I64:4");
    has(&said, &["TooLarge", "at most 64 bytes"]);
    has(&guest.say("compute pair a:FP32:1,4 b:I64:1"), &["sum="]);
    // What is prepared keeps its outputs, as long as it is there.
    let said = guest.say("prepare-only pair a:FP32:64,4 b:I64:64");
    has(&said, &["TooLarge", "at most 64 bytes"]);
    for _ in 0..100 {
        has(&guest.say("prepared pair a:FP32:2,4 b:I64:2"), &["[2]"]);
    }
    assert_eq!(guest.say("hoard"), "refused");
}

#[test]
fn graphs_that_are_not_granted_are_a_matter_of_security() {
    let grants = Grants {
        graphs: GraphGrant::Names(vec!["pair".to_owned()]),
        ..Grants::default()
    };
    let mut guest = Conduct::with(&["pair", "mlp"], &grants, &Limits::default());
    assert_eq!(guest.say("by-name pair"), "loaded");
    has(&guest.say("by-name mlp"), &["Security", "`mlp`"]);
    has(&guest.say("by-name no-such-graph"), &["Security"]);
    let mut guest = Conduct::with(&["pair"], &Grants::default(), &Limits::default());
    has(&guest.say("by-name pair"), &["Security"]);
}

fn load(guest: &mut Conduct, command: &str, bytes: &[u8]) -> String {
    let frame = [command.as_bytes(), b"\n", bytes].concat();
    guest.try_say(&frame).0.expect("no trap").expect("no fault")
}

#[test]
fn loading_from_bytes_needs_the_grant() {
    let bytes = std::fs::read(model("pair")).expect("a model");
    let mut guest = Conduct::with(&[], &all_graphs(), &Limits::default());
    has(&load(&mut guest, "load", &bytes), &["Security", "granted"]);
    let granted = Grants {
        load: true,
        ..Grants::default()
    };
    let mut guest = Conduct::with(&[], &granted, &Limits::default());
    assert_eq!(load(&mut guest, "load", &bytes), "loaded");
    assert_eq!(
        load(&mut guest, "load-as autodetect cpu 1", &bytes),
        "loaded"
    );
    has(
        &load(&mut guest, "load-as openvino cpu 1", &bytes),
        &["UnsupportedOperation"],
    );
    has(
        &load(&mut guest, "load-as onnx tpu 1", &bytes),
        &["UnsupportedOperation"],
    );
    has(
        &load(&mut guest, "load-as onnx cpu 2", &bytes),
        &["InvalidArgument", "2 came"],
    );
    has(
        &load(&mut guest, "load-as onnx cpu 0", &bytes),
        &["InvalidArgument", "0 came"],
    );
    // The target is a device that this build of ONNX Runtime lacks: refused, not moved to the CPU.
    has(
        &load(&mut guest, "load-as onnx gpu 1", &bytes),
        &["UnsupportedOperation", "cuda", "cpu"],
    );
}

#[test]
fn broken_models_are_refused_each_for_what_it_is() {
    let granted = Grants {
        load: true,
        ..Grants::default()
    };
    let limits = Limits {
        model_bytes: 20_000,
        ..Limits::default()
    };
    let mut guest = Conduct::with(&[], &granted, &limits);
    let mlp = std::fs::read(model("mlp")).expect("a model");
    has(
        &load(&mut guest, "load", b"no model at all"),
        &["InvalidEncoding"],
    );
    has(&load(&mut guest, "load", b""), &["InvalidEncoding"]);
    has(
        &load(&mut guest, "load", &mlp[..mlp.len() / 2]),
        &["InvalidEncoding"],
    );
    has(
        &load(&mut guest, "load", &[0xff; 20_001]),
        &["TooLarge", "20000", "20001"],
    );
    let unknown = std::fs::read(model("unknown-op")).expect("a model");
    has(
        &load(&mut guest, "load", &unknown),
        &["UnsupportedOperation", "Teleport"],
    );
    let external = std::fs::read(model("external")).expect("a model");
    has(
        &load(&mut guest, "load", &external),
        &["UnsupportedOperation", "other files"],
    );
    has(
        &load(&mut guest, "load", b"\0\0\0\0ORTM and so on"),
        &["InvalidEncoding"],
    );
    assert_eq!(
        load(&mut guest, "load", &mlp),
        "loaded",
        "and the host goes on"
    );
}

#[test]
fn every_truncation_of_a_model_is_an_error_or_loads() {
    support::onnxruntime();
    let whole = std::fs::read(model("pair")).expect("a model");
    for length in 0..whole.len() {
        let loaded = GraphRegistry::load_private(&whole[..length], &GraphOptions::default());
        if let Err(error) = loaded {
            let code = error.code();
            assert!(
                matches!(
                    code,
                    ErrorCode::InvalidEncoding | ErrorCode::UnsupportedOperation
                ),
                "{length}: {error}"
            );
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_and_what_is_there_named() {
    support::onnxruntime();
    let registry = GraphRegistry::new();
    for device in [Device::Cuda, Device::TensorRt, Device::OpenVino] {
        let options = GraphOptions {
            device,
            ..GraphOptions::default()
        };
        let error = registry
            .load_file("pair", &model("pair"), &options)
            .expect_err("the CPU build has no such provider");
        has(&error.to_string(), &[device.name(), "which has: cpu"]);
        assert!(registry.get("pair").is_none(), "nothing was loaded instead");
    }
}

#[test]
fn a_model_may_keep_its_weights_beside_it_when_the_user_chose_the_file() {
    let mut guest = Conduct::new(&["external"]);
    // 1, 2, 3, 4 plus the weight 1, 2, 3, 4.
    let sums = "00000040000080400000c04000000041";
    has(&guest.say("infer external x:FP32:4"), &[sums]);
}
