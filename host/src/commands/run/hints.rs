//! What to add where a run failed: of the grants that a plugin's imports take, those that were not
//! given, each with the import that wants it and the option to type.
//!
//! Read from the file and from what was typed, not from how the run failed, so that it holds for
//! every kind of guest; a guest that did not use the import failed for another reason, which is why
//! these are hints and no errors.

use std::io::{self, Write};

use tollgate_runtime::{Grants, World};

use crate::{
    config::Run,
    egress,
    inspect::{self, Import},
};

/// Says them on standard error.
pub(super) fn say(run: &Run, world: World, wasm: &[u8]) {
    let Ok(seen) = inspect::inspect(wasm) else {
        return;
    };
    let command = world == World::Command;
    let grants = if command {
        run.command().map(|(grants, _)| grants)
    } else {
        run.frames().map(|frames| frames.grants)
    };
    let Ok(grants) = grants else {
        return;
    };
    let missing = |import: &Import| missing(import, run.models.is_empty(), command, &grants);
    let hints = seen.imports.iter().filter_map(missing);
    let notes = seen.notes.into_iter();
    for hint in hints.chain(notes) {
        let mut line = String::new();
        egress::escape(&hint, &mut line);
        // Nobody is left to tell when standard error is gone.
        writeln!(io::stderr(), "hint: {line}").ok();
    }
}

/// What an import wants that was not given.
fn missing(import: &Import, no_models: bool, command: bool, grants: &Grants) -> Option<String> {
    let calls = |names: [&str; 2]| import.functions.iter().any(|f| names.contains(&f.as_str()));
    let (interface, _) = import.name.split_once('@').unwrap_or((&import.name, ""));
    let name = &import.name;
    match interface {
        "wasi:nn/graph" | "wasi_ephemeral_nn" => {
            if no_models && calls(["load-by-name", "load_by_name"]) {
                Some(format!(
                    "`{name}` asks for a graph by its name and no model was given: add `--model NAME=PATH`"
                ))
            } else if !grants.load && calls(["load", "load"]) {
                let remedy = if command {
                    "leave out `--deny load`"
                } else {
                    "add `--allow load`"
                };
                Some(format!(
                    "`{name}` can load a model of the plugin's own, which is not granted: {remedy}"
                ))
            } else {
                None
            }
        }
        "wasi:filesystem/preopens" | "wasi_snapshot_preview1"
            if command && grants.dirs.is_empty() && opens(import) =>
        {
            Some(format!(
                "`{name}` opens files and no folder was given: add `--dir HOST::GUEST`"
            ))
        }
        _ => None,
    }
}

fn opens(import: &Import) -> bool {
    let opening = ["get-directories", "path_open"];
    import
        .functions
        .iter()
        .any(|function| opening.contains(&function.as_str()))
}
