//! The plugin world as one WIT package with its dependencies under `deps`, which is how the tools
//! of all languages want it. In the repository the packages lie beside each other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{guests, workspace::Workspace};

/// Where each file goes.
const FILES: [(&str, &str); 6] = [
    ("wit/plugin/plugin.wit", "plugin.wit"),
    ("wit/nn/nn.wit", "deps/nn/nn.wit"),
    ("wit/deps/wasi-nn/wasi-nn.wit", "deps/wasi-nn/wasi-nn.wit"),
    (
        "wit/deps/wasi-logging/logging.wit",
        "deps/wasi-logging/logging.wit",
    ),
    (
        "wit/deps/wasi-config/store.wit",
        "deps/wasi-config/store.wit",
    ),
    (
        "wit/deps/wasi-keyvalue/keyvalue.wit",
        "deps/wasi-keyvalue/keyvalue.wit",
    ),
];

/// Puts it together under `target/` and says where.
pub fn assemble(workspace: &Workspace) -> Result<PathBuf> {
    let folder = guests::folder(workspace, "guests/wit")?;
    for (from, to) in FILES {
        let (from, to) = (workspace.path(from), folder.join(to));
        let text = fs::read(&from).with_context(|| format!("cannot read `{}`", from.display()))?;
        let beside = to.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(beside)
            .with_context(|| format!("cannot create `{}`", beside.display()))?;
        guests::write_if_changed(&to, &text)?;
    }
    Ok(folder)
}
