//! Which files are accepted as what, and what is said of the others.

use tollgate_runtime::{Error, Instance, Plugin, World};
use tollgate_services::{Ledger, Limits};

use crate::support::{self, CONDUCT, ENGINE, component, has};

fn refused(bytes: &[u8]) -> String {
    match Plugin::new(&ENGINE, bytes) {
        Ok(plugin) => panic!("accepted as {:?}", plugin.world()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn worlds_are_told_apart_by_what_is_exported() {
    assert_eq!(CONDUCT.world(), World::Plugin);
    assert_eq!(support::plugin("command-classify").world(), World::Command);
}

#[test]
fn files_that_are_no_plugin_are_named_for_what_they_are() {
    has(&refused(b"just text"), &["not WebAssembly"]);
    has(&refused(b""), &["empty"]);
    has(
        &refused(b"\0asm\x01\0\0\0"),
        &["core module", "`handle`", "`_start`"],
    );
    let whole = std::fs::read(component("conduct")).expect("a component");
    has(
        &refused(&whole[..whole.len() / 2]),
        &["not valid WebAssembly at byte"],
    );
    let mut broken = whole.clone();
    let middle = broken.len() / 2;
    for byte in &mut broken[middle..middle + 64] {
        *byte ^= 0xff;
    }
    has(&refused(&broken), &["not "]);
    let other = std::fs::read(component("boundary-standard")).expect("a component");
    has(
        &refused(&other),
        &["another world", "infer", "tollgate:plugin/handler@0.1.0"],
    );
}

#[test]
fn commands_and_plugins_are_not_used_as_each_other() {
    let command = support::plugin("command-classify");
    let (host, limits) = (support::host(&[]), Limits::default());
    let grants = tollgate_services::Grants::default();
    let error = Instance::new(&command, &host, &grants, &limits).map(|_| ());
    assert!(matches!(error, Err(Error::OtherWorld { .. })));
    let mut ledger = Ledger::open();
    let error = Instance::run_command(&CONDUCT, &host, &grants, &limits, &mut ledger);
    assert!(matches!(error, Err(Error::OtherWorld { .. })));
}

#[test]
fn compiled_code_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("code");
    std::fs::write(&path, b"not compiled code").expect("written");
    // SAFETY: the file is not compiled code at all, which is refused before any of it is used.
    #[expect(unsafe_code, reason = "the refusal is what is tested")]
    let plugin = unsafe { Plugin::from_compiled_file(&ENGINE, b"\0asm\x01\0\0\0", &path) };
    assert!(matches!(plugin.map(|_| ()), Err(Error::Invalid { .. })));
}
