//! The generator of models: that it makes what it says, the same each time, and all of its table.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The name of a case's operator.
fn operator(case: &Case) -> &str {
    let (name, _) = case.what.split_once(' ').expect("words");
    name
}

#[test]
fn equal_seeds_make_equal_cases_and_others_make_others() {
    let all: Vec<_> = (0..1000).map(one_node).collect();
    for (seed, case) in (0..).zip(&all) {
        assert!(*case == one_node(seed), "{case:?}");
    }
    let models: BTreeSet<_> = all.iter().map(|case| &case.model).collect();
    assert!(models.len() > 990, "{} models", models.len());
}

#[test]
fn every_operator_comes_up() {
    let cases: Vec<_> = (5000..7000).map(one_node).collect();
    let seen: BTreeSet<_> = cases.iter().map(operator).collect();
    for known in OPERATORS.iter() {
        assert!(seen.contains(known.name), "{}", known.name);
    }
    for name in ["Conv", "Einsum", "Scan", "MatMulNBits", "SVMRegressor"] {
        assert!(seen.contains(name), "{name}");
    }
}

#[test]
fn every_model_can_be_read_and_has_its_inputs() {
    for seed in 0..2000 {
        let case = one_node(seed);
        let read = tollgate_onnx::references(&case.model);
        assert!(matches!(read, Ok(None)), "{seed}: {case:?}");
        let read = tollgate_onnx::unwritten(&case.model);
        assert!(read.is_ok(), "{seed}: {case:?}");
        for input in &case.inputs {
            let bytes = input.ty.bytes_for(&input.dimensions);
            assert_eq!(bytes, Some(input.bytes.len()), "{seed}: {case:?}");
            assert!(input.bytes.len() <= 1 << 20, "{seed}: {case:?}");
            let name = input.name.as_bytes();
            let mut windows = case.model.windows(name.len());
            assert!(windows.any(|part| part == name), "{seed}: {case:?}");
        }
    }
}

#[test]
fn inputs_have_every_type_and_all_sizes() {
    let cases: Vec<_> = (0..2000).map(one_node).collect();
    let inputs = cases.iter().flat_map(|case| &case.inputs);
    let mut types = BTreeMap::new();
    for input in inputs.clone() {
        *types.entry(input.ty.to_string()).or_insert(0) += 1;
    }
    assert!(types.len() == 7, "{types:?}");
    assert!(types.values().all(|&count| count > 20), "{types:?}");
    for size in [0, 1, 2, 3, 5, 8, 224] {
        assert!(
            inputs.clone().any(|input| input.dimensions.contains(&size)),
            "{size}"
        );
    }
    assert!(inputs.clone().any(|input| input.dimensions.is_empty()));
}

/// What is known to have killed ONNX Runtime comes up without waiting for chance to find it.
#[test]
fn what_is_known_to_kill_comes_up() {
    let all: Vec<_> = (0..40_000).map(one_node).map(|case| case.what).collect();
    let count = |name: &str, holds: &str| {
        let those = all
            .iter()
            .filter(|what| what.starts_with(&format!("{name} ")) && what.contains(holds));
        those.count()
    };
    for (name, holds) in [
        ("Einsum", "equation \"ij,kj->ik\""),
        ("GRU", "FP32[0, "),
        ("LSTM", "FP32[0, "),
        ("RNN", "FP32[0, "),
        ("MatMulInteger", ", 0]"),
        ("Split", "axis 7"),
        ("DFT", " = 9"),
        ("Max", "[0, "),
    ] {
        assert!(count(name, holds) >= 3, "{name} with {holds}");
    }
}

#[test]
fn a_mutated_model_is_another_and_not_much_longer() {
    let models: Vec<_> = (0..20).map(|seed| one_node(seed).model).collect();
    let largest = models.iter().map(Vec::len).max().expect("models");
    let mut readable = 0;
    let mut differ = BTreeSet::new();
    for seed in 0..2000 {
        let bytes = mutated(seed, &models);
        assert_eq!(bytes, mutated(seed, &models));
        assert!(bytes.len() <= 4 * largest, "{seed}");
        readable += usize::from(tollgate_onnx::references(&bytes).is_ok());
        differ.insert(bytes);
    }
    // Enough of them for a loader to see more than its first check.
    assert!(readable > 700, "{readable}");
    assert!(differ.len() > 1500, "{}", differ.len());
    for model in &models {
        for seed in 0..200 {
            assert_ne!(*model, mutated(seed, std::slice::from_ref(model)));
        }
    }
}
