//! The check of a core module: its imports against those that are offered, and its exports against those that
//! it needs.

use tollgate_wasm::offered::{self, HANDLE, START};
use wasmtime::{ExternType, FuncType, ImportType, Module, ValType};

use super::World;
use crate::Error;

/// The function that makes a core module a plugin. It reads the frame from standard input, writes its output to
/// standard output, and returns zero on success.
const HANDLER: &str = "handle";
/// The function that makes a core module a command.
const COMMAND: &str = "_start";
/// An optional function in which a plugin sets itself up.
const INITIALIZE: &str = "_initialize";

/// The kind of a module. One with [`COMMAND`] sets itself up there, so it cannot process frames without
/// being run.
pub(super) fn world(module: &Module) -> World {
    let exports = |name| {
        let export = module.get_export(name);
        export.is_some_and(|export| export.func().is_some())
    };
    if exports(COMMAND) {
        World::Command
    } else if exports(HANDLER) {
        World::Plugin
    } else {
        World::Other
    }
}

/// Refuses imports that are not offered.
pub(super) fn check_imports(module: &Module) -> Result<(), Error> {
    // Imports of a WIT world have a colon in their name, as Extism's functions do. A module with imports of a
    // WIT world should have been encoded as a component.
    let wit = |name: &str| name.contains(':') && !name.starts_with("extism:");
    if module.imports().any(|import| wit(import.module())) {
        return Err(Error::NotAComponent {
            what: "a core module that imports what components import",
            advice: "encode it as a component, or build for `wasm32-wasip2`",
        });
    }
    let refused: Vec<_> = module
        .imports()
        .filter_map(|import| refused(&import))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::Imports {
        reason: some_of(&refused),
    })
}

/// Refuses functions of its world that are of another type.
pub(super) fn check_entries(module: &Module, world: World) -> Result<(), Error> {
    let entries: &[_] = match world {
        World::Plugin => &[(HANDLER, HANDLE), (INITIALIZE, START)],
        World::Command => &[(COMMAND, START)],
        World::Other => &[],
    };
    for &(name, expected) in entries {
        let export = module.get_export(name);
        if let Some(is) = export.and_then(|ty| ty.func().map(signature))
            && is != expected
        {
            return Err(Error::Export {
                name: name.to_owned(),
                reason: format!("expected {expected}, it is {is}"),
            });
        }
    }
    Ok(())
}

/// What is wrong with an import, if anything is.
fn refused(import: &ImportType<'_>) -> Option<String> {
    let ty = match import.ty() {
        ExternType::Func(ty) => signature(&ty),
        ExternType::Global(_) => "(global)".to_owned(),
        ExternType::Table(_) => "(table)".to_owned(),
        ExternType::Memory(_) => "(memory)".to_owned(),
        ExternType::Tag(_) => "(tag)".to_owned(),
    };
    offered::refused(import.module(), import.name(), &ty)
}

fn signature(ty: &FuncType) -> String {
    let text = |ty: ValType| ty.to_string();
    offered::signature(ty.params().map(text), ty.results().map(text))
}

/// The first ones of a list, in one line.
pub(super) fn some_of(all: &[String]) -> String {
    /// How many a message shows: more than a reader needs.
    const SHOWN: usize = 8;
    let shown: Vec<_> = all.iter().take(SHOWN).map(String::as_str).collect();
    let mut some = shown.join(", ");
    if all.len() > SHOWN {
        let left = all.len() - SHOWN;
        some.push_str(&format!(" and {left} more"));
    }
    some
}
