//! Every tensor type on both interfaces, bit for bit; and how many copies that takes.

use crate::support::{Conduct, has};

/// The model of each type doubles its input; and how its output then begins, in bytes.
const TYPES: [(&str, &str, &str); 7] = [
    // The guest gives 2, 4, 8, … in half precision, and counts from one in the others.
    ("type-fp16", "FP16", "00440048"),
    ("type-fp32", "FP32", "0000004000008040"),
    ("type-fp64", "FP64", "00000000000000400000000000001040"),
    ("type-bf16", "BF16", "00408040"),
    ("type-u8", "U8", "0204"),
    ("type-i32", "I32", "0200000004000000"),
    ("type-i64", "I64", "02000000000000000400000000000000"),
];

#[test]
fn every_type_is_computed_in_on_both_interfaces() {
    let names = TYPES.map(|(model, ..)| model);
    let mut guest = Conduct::new(&names);
    for (model, ty, bytes) in TYPES {
        let described = guest.say(&format!("describe {model}"));
        let (input, _) = described.split_once(':').expect("a name and a type");
        let input = input.to_owned();
        let shown = ty.to_uppercase();
        has(&described.to_uppercase(), &[&shown]);
        let standard = guest.say(&format!("compute {model} {input}:{ty}:2,3"));
        has(&standard, &["[2, 3]", bytes]);
        let fused = guest.say(&format!("infer {model} {input}:{ty}:2,3"));
        has(&fused, &["[2, 3]", bytes]);
        let unaligned = guest.say(&format!("infer {model} {input}:@{ty}:2,3"));
        assert_eq!(
            unaligned, fused,
            "an odd address changes nothing but the copies"
        );
        for command in ["prepared", "prepared-one"] {
            for address in ["", "@"] {
                let ready = guest.say(&format!("{command} {model} {input}:{address}{ty}:2,3"));
                assert_eq!(ready, fused, "{command} at {address:?}");
            }
        }
    }
}

#[test]
fn many_inputs_and_outputs_by_name_by_index_and_in_any_order() {
    let mut guest = Conduct::new(&["pair"]);
    let by_name = guest.say("compute pair a:FP32:3,4 b:I64:3");
    has(&by_name, &["sum=", "count=", "[3]"]);
    assert_eq!(guest.say("compute pair b:I64:3 a:FP32:3,4"), by_name);
    assert_eq!(guest.say("compute pair 0:FP32:3,4 1:I64:3"), by_name);
    let fused = guest.say("infer pair a:FP32:3,4 b:I64:3");
    assert_eq!(guest.say("infer pair _:FP32:3,4 _:I64:3"), fused);
    assert_eq!(guest.say("infer pair b:I64:3 a:FP32:3,4"), fused);
    assert_eq!(guest.say("prepared pair a:FP32:3,4 b:I64:3"), fused);
    assert_eq!(guest.say("prepared pair b:I64:3 a:FP32:3,4"), fused);
    assert_eq!(guest.say("prepared pair _:FP32:3,4 1:I64:3"), fused);
    // Another size of the dynamic dimension, then the first again.
    has(&guest.say("infer pair _:FP32:1,4 _:I64:1"), &["[1]"]);
    assert_eq!(guest.say("infer pair _:FP32:3,4 _:I64:3"), fused);
}

#[test]
fn an_output_whose_size_depends_on_the_values() {
    let mut guest = Conduct::new(&["nonzero"]);
    has(&guest.say("compute nonzero x:FP32:5"), &["I64", "[1, 5]"]);
    has(&guest.say("infer nonzero x:FP32:2"), &["I64", "[1, 2]"]);
    has(&guest.say("prepared nonzero x:FP32:2"), &["I64", "[1, 2]"]);
}

#[test]
fn what_is_prepared_knows_its_outputs_as_soon_as_can_be() {
    let mut guest = Conduct::new(&["pair", "nonzero"]);
    let known = guest.say("prepared-outputs pair a:FP32:3,4 b:I64:3");
    let (before, after) = known.split_once(" then ").expect("both");
    assert_eq!(before, after, "the rows follow from the inputs'");
    has(before, &["sum:", "count:", "[Some(3)]"]);
    let open = guest.say("prepared-outputs nonzero x:FP32:5");
    let (before, after) = open.split_once(" then ").expect("both");
    has(before, &["I64", "None"]);
    has(after, &["I64", "[Some(1), Some(5)]"]);
}

#[test]
fn metadata_names_everything_and_the_device() {
    let said = Conduct::new(&["pair"]).say("describe pair");
    has(
        &said,
        &[
            "a:",
            "Fp32",
            "[None, Some(4)]",
            "b:",
            "I64",
            "sum:",
            "count:",
            "on cpu",
        ],
    );
}

#[test]
fn one_copy_each_way_and_none_in_on_the_extension() {
    let mut guest = Conduct::new(&["mlp"]);
    let described = guest.say("describe mlp");
    let input = described.split_once(':').expect("a name").0.to_owned();
    let record = guest
        .try_say(format!("compute mlp {input}:FP32:1,64").as_bytes())
        .1;
    assert_eq!(
        (record.counts.copies_in, record.counts.copies_out),
        (1, 1),
        "{record:?}"
    );
    let record = guest
        .try_say(format!("infer mlp {input}:FP32:1,64").as_bytes())
        .1;
    assert_eq!(
        (record.counts.copies_in, record.counts.copies_out),
        (0, 1),
        "{record:?}"
    );
    assert_eq!(record.counts.inferences, 1);
    for (place, copies) in [("", 0), ("@", 1)] {
        let record = guest
            .try_say(format!("prepared-one mlp {input}:{place}FP32:1,64").as_bytes())
            .1;
        assert_eq!(
            (record.counts.copies_in, record.counts.copies_out),
            (copies, 1),
            "{record:?}"
        );
    }
    let difference = record.stages.sum().abs_diff(record.total_ns);
    assert!(
        difference * 20 <= record.total_ns,
        "stages add up: {record:?}"
    );
}
