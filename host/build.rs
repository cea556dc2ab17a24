//! Gathers what `tollgate new` writes down, so that the program carries it: the SDKs, the interfaces,
//! the starting projects, a model. Whole folders, so that a file that comes to an SDK comes along.
//!
//! It makes `embedded.rs`: a table of paths, as `new::sdk` knows them, and bytes.

use std::{
    env, fs,
    io::{Error, Result, Write},
    path::{Path, PathBuf},
};

/// Where things lie, seen from the repository's root, and what they are called in the table.
const SOURCES: [(&str, &str); 12] = [
    ("Cargo.toml", "Cargo.toml"),
    ("Cargo.lock", "Cargo.lock"),
    ("LICENSE", "LICENSE"),
    ("examples/meter-reader/models/digits.onnx", "digits.onnx"),
    ("guest-sdk/assemblyscript", "assemblyscript"),
    ("guest-sdk/c", "c"),
    ("guest-sdk/go", "go"),
    ("guest-sdk/js", "js"),
    ("guest-sdk/python", "python"),
    ("guest-sdk/rust", "rust"),
    ("guest-sdk/zig", "zig"),
    ("wit", "wit"),
];

/// Folders of an SDK that a project has no use for, and what tools leave behind.
const LEFT_OUT: [&str; 3] = ["tests", "__pycache__", "node_modules"];

fn main() -> Result<()> {
    let host = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = host
        .parent()
        .ok_or_else(|| Error::other("the host's folder has no parent"))?;
    let mut files = Vec::new();
    for (path, name) in SOURCES {
        gather(&root.join(path), name, &mut files)?;
    }
    gather(&host.join("src/new/templates"), "templates", &mut files)?;
    files.sort();

    let table = Path::new(&variable("OUT_DIR")?).join("embedded.rs");
    let mut table = fs::File::create(table)?;
    writeln!(table, "&[")?;
    for (name, path) in &files {
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    writeln!(table, "]")
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| Error::other(format!("{name}: {error}: run by Cargo")))
}

/// Files with what they are called. A folder's own name is watched too, for files that come and go.
fn gather(path: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.is_dir() {
        files.push((name.to_owned(), path.to_owned()));
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?.file_name();
        let below = entry
            .to_str()
            .ok_or_else(|| Error::other(format!("{entry:?} is not UTF-8")))?;
        if !LEFT_OUT.contains(&below) {
            gather(&path.join(below), &format!("{name}/{below}"), files)?;
        }
    }
    Ok(())
}
