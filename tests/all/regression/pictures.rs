//! Pictures as cameras really write them, to the meter reader in every language.

use std::{fs, path::Path};

use crate::{
    polyglot::{LANGUAGES, read},
    support::{case, file, has},
};

/// A folder with these of the pictures.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let from = case(&format!("pictures/{name}"));
        fs::copy(from, folder.path().join(name)).expect("copied");
    }
    folder
}

/// Both plugins that read JPEG read what `frames/truth.json` says of the picture that these were made of.
fn reads(names: &[&str]) {
    let folder = folder(names);
    for guest in ["meter-reader", "preview1-meter-reader"] {
        let found = read(guest, folder.path());
        assert_eq!(
            found.outputs.len(),
            names.len(),
            "{guest}: {:?}",
            found.faults
        );
        for output in &found.outputs {
            has(output, &["\"reading\":\"10578\""]);
        }
    }
}

#[test]
fn exif() {
    reads(&["meter-004-o3.jpg", "meter-004-o6.jpg"]);
}

#[test]
fn mjpeg() {
    reads(&["meter-004-no-dht.jpg"]);
}

#[test]
fn rgb_jpeg() {
    reads(&["meter-004-rgb-t0.jpg"]);
}

#[test]
fn upright_pictures_read_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = file("examples/meter-reader/frames/meter-004.jpg");
    fs::copy(from, folder.path().join("meter-004.jpg")).expect("copied");
    let found = read("meter-reader", folder.path());
    has(&found.outputs.concat(), &["\"reading\":\"10578\""]);
}

/// The other languages read PGM, and say of a JPEG that it is one: none of them misreads it.
#[test]
fn a_jpeg_is_named_where_it_is_not_read() {
    let names = [
        "meter-004-o3.jpg",
        "meter-004-o6.jpg",
        "meter-004-no-dht.jpg",
        "meter-004-rgb-t0.jpg",
    ];
    let folder = folder(&names);
    for language in LANGUAGES
        .into_iter()
        .filter(|name| !name.starts_with("preview1"))
    {
        refuses(language, folder.path(), names.len());
    }
}

fn refuses(language: &str, folder: &Path, count: usize) {
    let found = read(language, folder);
    assert_eq!(
        (found.outputs.len(), found.faults.len()),
        (0, count),
        "{language}"
    );
    for fault in &found.faults {
        has(fault, &["expected a binary PGM (P5), got a JPEG"]);
    }
}
