//! What cannot be written is refused before anything is measured, and what is there stays until then.

use std::fs;

use super::meter;
use crate::{
    cli::{path, run},
    support::{case, has},
};

#[test]
fn late_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "before").expect("written");
    let bad = [
        "/nonexistent/x.html".to_owned(),
        path(folder.path()).to_owned(),
        format!("{}/below", path(&file)),
    ];
    for place in &bad {
        for (command, rest) in [
            ("bench", &["--html", place][..]),
            ("tune", &["--html", place, "--p99", "1s"]),
            ("tune", &["--out", place, "--p99", "1s"]),
        ] {
            // Nothing else of it is there: it is refused before anything is looked at.
            let mut arguments = vec![command, "no-such-plugin.wasm", "no-such-frame"];
            arguments.extend(rest);
            let (code, stdout, stderr) = run(&arguments);
            assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
            has(&stderr, &["cannot write", place]);
        }
    }
    for place in ["/proc/nonexistent/out", &bad[2]] {
        let mut arguments = meter("run");
        arguments.extend(["--out-dir".to_owned(), place.to_owned()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        has(&stderr, &["cannot write outputs", place]);
    }
    let wasm = case("hostile/wasm/inj-start.wasm");
    let (code, _, stderr) = run(&["pack", path(&wasm), "--output", "/nonexistent/x.wasm"]);
    assert_eq!(code, Some(1));
    has(
        &stderr,
        &["cannot write the component", "/nonexistent/x.wasm"],
    );
    assert_eq!(fs::read_to_string(&file).expect("kept"), "before");
}

#[test]
fn what_is_there_stays_until_there_is_something_to_put_in_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    fs::write(&page, "before").expect("written");
    let arguments = ["bench", "no-such-plugin.wasm", "f", "--html", path(&page)];
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(1));
    has(&stderr, &["no-such-plugin.wasm"]);
    assert_eq!(fs::read_to_string(&page).expect("kept"), "before");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}
