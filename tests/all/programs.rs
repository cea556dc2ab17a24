//! The programs that fuzzing starts from, on the stable compiler: what the guests `calls` and
//! `module-calls` do by them ends in the guest or not at all, and those that are named after an
//! inference make one.

use std::path::Path;

use tollgate_runtime::{Error, Instance, Plugin};
use tollgate_services::{Grants, GraphGrant, Ledger, Limits, NnHost, Record};

use crate::support;

const MODELS: [&str; 5] = ["pair", "type-u8", "nonzero", "lookup", "rows-fp32"];

fn run(plugin: &Plugin, host: &NnHost, program: &[u8]) -> Record {
    let grants = Grants {
        graphs: GraphGrant::All,
        load: program.first().is_some_and(|flags| flags & 1 != 0),
        ..Grants::default()
    };
    let limits = Limits::default();
    let mut instance = Instance::new(plugin, host, &grants, &limits).expect("an instance");
    let mut ledger = Ledger::open();
    let result = instance.handle(&support::frame_of(program.to_vec()), &mut ledger);
    assert!(
        matches!(result, Ok(_) | Err(Error::Guest(_))),
        "{:?}",
        result.err()
    );
    ledger.close()
}

/// Runs a target's programs; how many inferences those made whose names begin so.
fn corpus(target: &str, guest: &str, beginning: &str) -> Vec<u64> {
    let (plugin, host) = (support::plugin(guest), support::host(&MODELS));
    let folder = support::file(&format!("fuzz/corpus/{target}"));
    let mut inferences = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a corpus") {
        let path = entry.expect("an entry").path();
        let record = run(&plugin, &host, &std::fs::read(&path).expect("a program"));
        if named(&path, beginning) {
            inferences.push(record.counts.inferences);
        }
    }
    inferences
}

fn named(path: &Path, beginning: &str) -> bool {
    let name = path.file_name().expect("a name").to_string_lossy();
    name.starts_with(beginning)
}

#[test]
fn of_wasi_nn() {
    let mut inferences = corpus("wasi_nn", "calls", "compute");
    inferences.sort_unstable();
    // One input is missing; as it should be; again, with tensors that are gone by then or not.
    assert_eq!(inferences.first(), Some(&0), "{inferences:?}");
    assert!(inferences.last() >= Some(&1), "{inferences:?}");
    let older = corpus("wasi_nn", "calls", "older");
    assert!(older.iter().all(|&count| count >= 1), "{older:?}");
}

#[test]
fn of_tollgate_nn() {
    let inferences = corpus("tollgate_nn", "calls", "infer");
    assert_eq!(inferences, [2]);
    let prepared = corpus("tollgate_nn", "calls", "prepared");
    assert!(prepared.iter().all(|&count| count >= 1), "{prepared:?}");
}

#[test]
fn of_preview1() {
    let inferences = corpus("preview1", "module-calls", "compute");
    assert!(inferences.contains(&1), "{inferences:?}");
    assert!(inferences.contains(&0), "{inferences:?}");
}
