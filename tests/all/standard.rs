//! What guests are built against, beside the standard's own text: the same packages, interfaces,
//! names, types and order. Comments are ours, and nothing else may differ.
//!
//! The standard's text is what Wasmtime's crates carry; `cargo xtask test` has Cargo get them, and
//! leaves what they carry under `target/standard`. Nothing of it is kept in this repository.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tollgate_runtime::Plugin;
use wasm_encoder::{EntityType, ImportSection, Module, TypeSection, ValType};
use wit_component::WitPrinter;
use wit_parser::{Resolve, UnresolvedPackageGroup};
use witx::{Layout, Type, WasmType};

use crate::support::{ENGINE, file, root};

/// One package of ours, and where the standard has it.
struct Row {
    /// A folder of this repository.
    ours: &'static str,
    /// A folder of the texts that a crate carries.
    standard: &'static str,
    /// What the standard has beside it and we do not.
    left_out: &'static [&'static str],
    /// Whether the crate's text says which version it is; ours always does.
    versioned: bool,
}

const ROWS: [Row; 5] = [
    Row {
        ours: "wit/deps/wasi-nn",
        standard: "wasmtime-wasi-nn-48.0.8/wit",
        left_out: &[],
        versioned: true,
    },
    Row {
        ours: "wit/deps/wasi-nn-2024-08-19",
        standard: "wasmtime-wasi-nn-27.0.0/wit",
        left_out: &[],
        versioned: true,
    },
    Row {
        ours: "wit/deps/wasi-config",
        standard: "wasmtime-wasi-config-48.0.8/wit/deps/config",
        left_out: &[],
        versioned: true,
    },
    Row {
        ours: "wit/deps/wasi-keyvalue",
        standard: "wasmtime-wasi-keyvalue-48.0.8/wit/deps/keyvalue",
        // What a plugin would export.
        left_out: &["interface watcher", "world watch-service"],
        versioned: true,
    },
    Row {
        ours: "wit/deps/wasi-logging",
        standard: "wasi-logging-0.0.1/wit/deps/logging",
        left_out: &[],
        versioned: false,
    },
];

/// The text of preview1's interface.
const WITX: &str = "wasmtime-wasi-nn-48.0.8/witx/wasi-nn.witx";

fn standard(path: &str) -> PathBuf {
    file(&format!("target/standard/{path}"))
}

/// A package without its comments: its own line, then a block for each interface and world.
fn blocks(folder: &Path) -> Vec<String> {
    let group = UnresolvedPackageGroup::parse_dir(folder).expect("a package");
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).expect("a package that resolves");
    let mut printer = WitPrinter::default();
    let printed = printer
        .emit_docs(false)
        .print(&resolve, package, &[])
        .map(|()| printer.output.to_string())
        .expect("a package that prints");
    let mut blocks = vec![String::new()];
    for line in printed.lines() {
        let block = blocks.last_mut().expect("one at least");
        block.push_str(line);
        block.push('\n');
        // The package's line and the end of each block stand alone at the margin.
        if line.starts_with("package ") || line == "}" {
            blocks.push(String::new());
        }
    }
    blocks.retain(|block| !block.trim().is_empty());
    blocks.iter().map(|block| block.trim().to_owned()).collect()
}

#[test]
fn every_package_is_the_standards() {
    for row in &ROWS {
        let mut ours = blocks(&root().join(row.ours));
        if !row.versioned {
            let name = ours[0].split('@').next().unwrap_or_default();
            ours[0] = format!("{name};");
        }
        let mut theirs = blocks(&standard(row.standard));
        for name in row.left_out {
            let before = theirs.len();
            theirs.retain(|block| !block.starts_with(&format!("{name} {{")));
            assert_eq!(theirs.len() + 1, before, "the standard has no `{name}`");
        }
        assert!(ours.len() > 1, "{} is more than a name", row.ours);
        assert_eq!(ours, theirs, "{} and {}", row.ours, row.standard);
    }
}

#[test]
fn a_difference_would_be_seen() {
    let ours = blocks(&root().join("wit/deps/wasi-nn"));
    let older = blocks(&root().join("wit/deps/wasi-nn-2024-08-19"));
    assert_eq!(ours.len(), older.len());
    let differ = ours.iter().zip(&older).filter(|(a, b)| a != b).count();
    // The package's version, and how an execution context is used.
    assert_eq!(differ, 2, "{ours:?}");
}

/// WASI itself is Wasmtime's to offer: texts of it are for our own guests, and have no more than those
/// use.
const WASI: [&str; 7] = [
    "wasi-cli",
    "wasi-clocks",
    "wasi-filesystem",
    "wasi-http",
    "wasi-io",
    "wasi-random",
    "wasi-sockets",
];

#[test]
fn every_package_that_we_offer_has_a_row() {
    let folder = root().join("wit/deps");
    for entry in fs::read_dir(folder).expect("the packages") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        if WASI.contains(&&*name) {
            continue;
        }
        let ours = format!("wit/deps/{name}");
        assert!(ROWS.iter().any(|row| row.ours == ours), "no row for {ours}");
    }
}

fn preview1() -> witx::Document {
    witx::load(&[standard(WITX)]).expect("the interface in witx")
}

/// How the host implements it.
fn source() -> String {
    let path = file("host/crates/runtime/src/imports/ephemeral.rs");
    fs::read_to_string(path).expect("the source")
}

/// A module that imports every function of the standard, with exactly its type, is linked; and there
/// are no others.
#[test]
fn preview1_has_the_standards_functions() {
    let document = preview1();
    let module = document
        .module(&witx::Id::new("wasi_ephemeral_nn"))
        .expect("the module");
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    let mut names = BTreeSet::new();
    for (place, function) in module.funcs().enumerate() {
        let (takes, gives) = function.wasm_signature();
        types
            .ty()
            .function(takes.into_iter().map(core), gives.into_iter().map(core));
        let ty = EntityType::Function(u32::try_from(place).expect("few functions"));
        imports.import("wasi_ephemeral_nn", function.name.as_str(), ty);
        names.insert(function.name.as_str().to_owned());
    }
    let mut wasm = Module::new();
    wasm.section(&types).section(&imports);
    if let Err(error) = Plugin::any(&ENGINE, &wasm.finish()) {
        panic!("{error}");
    }
    let offered: BTreeSet<String> = source()
        .split("func_wrap(MODULE, \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(offered, names);
}

fn core(ty: WasmType) -> ValType {
    match ty {
        WasmType::I32 => ValType::I32,
        WasmType::I64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}

/// The cases of one of the standard's enumerations, in order.
fn cases(document: &witx::Document, name: &str) -> Vec<String> {
    let named = document.typename(&witx::Id::new(name)).expect(name);
    let Type::Variant(variant) = &**named.type_() else {
        panic!("{name} is no enumeration");
    };
    let cases = variant.cases.iter();
    cases.map(|case| case.name.as_str().to_owned()).collect()
}

/// The arms of one of the host's functions from numbers or to numbers: the words of each, in
/// `snake_case`, by its number.
fn arms(source: &str, function: &str) -> Vec<(Vec<String>, usize)> {
    let body = source.split(&format!("fn {function}(")).nth(1);
    let body = body.expect(function).split("\n}\n").next();
    let arms = body.expect(function).lines().filter_map(|line| {
        let (from, to) = line.trim().trim_end_matches(',').split_once(" => ")?;
        let (number, words) = match (from.parse(), to.parse()) {
            (Ok(number), _) => (number, to),
            (_, Ok(number)) => (number, from),
            _ => return None,
        };
        let words = words.split(" | ").map(|word| {
            let name = word.rsplit("::").next().unwrap_or_default();
            snake(name)
        });
        Some((words.collect(), number))
    });
    arms.collect()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[test]
fn preview1_numbers_everything_as_the_standard_does() {
    let document = preview1();
    let source = source();
    for (name, function) in [
        ("tensor_type", "tensor_type"),
        ("graph_encoding", "encoding_of"),
        ("execution_target", "target_of"),
    ] {
        let ours: Vec<String> = arms(&source, function)
            .into_iter()
            .enumerate()
            .map(|(place, (words, number))| {
                assert_eq!((place, words.len()), (number, 1), "{function}");
                // Preview1 calls floats by their width alone.
                words[0].replace("fp", "f")
            })
            .collect();
        assert_eq!(ours, cases(&document, name), "{function}");
    }
    // The later generations' codes are more: each number has one that is called as the standard calls
    // it, and every code that it has goes by its own number.
    let errors = cases(&document, "nn_errno");
    let ours = arms(&source, "errno");
    assert!(ours.len() >= 6, "{ours:?}");
    for (words, number) in &ours {
        assert!(words.contains(&errors[*number]), "{words:?} is {number}");
        for word in words.iter().filter(|word| errors.contains(word)) {
            assert_eq!(*word, errors[*number]);
        }
    }
}

#[test]
fn preview1_lays_a_tensor_out_as_the_standard_does() {
    let document = preview1();
    let named = document.typename(&witx::Id::new("tensor")).expect("it");
    let Type::Record(record) = &**named.type_() else {
        panic!("it is no record");
    };
    let offsets: Vec<usize> = record
        .member_layout()
        .into_iter()
        .map(|member| member.offset)
        .collect();
    // A list is an address and a count. `module-conduct` writes the same record.
    assert_eq!((offsets, record.mem_size()), (vec![0, 8, 12], 20));
    let source = source();
    for line in [
        "const TENSOR_BYTES: u64 = 20;",
        "(number(record, 0), number(record, 4))",
        "record.get(8)",
        "(number(record, 12), number(record, 16))",
    ] {
        assert!(source.contains(line), "{line}");
    }
}
