//! Describes a WebAssembly file from its bytes alone: nothing is compiled or run.
//!
//! The description says which language and toolchain the file comes from, which world it is for,
//! what it imports and which grant each import needs, how large it is, and how much memory it
//! starts with. Reading stops at the first byte that is not valid WebAssembly. The time grows with
//! the file's size only.
//!
//! ```
//! let empty = b"\0asm\x01\0\0\0"; // a core module of nothing
//! let seen = tollgate_inspect::inspect(empty).expect("it is WebAssembly");
//! assert!(seen.wasi.is_none());
//! assert!(tollgate_inspect::inspect(b"#!/bin/sh").is_err());
//! ```

mod known;
mod links;
mod module;
mod needs;
mod origin;
mod producers;
mod read;

use serde::Serialize;

pub use needs::{Grant, Need, missing};
pub use producers::Producer;
pub use read::inspect;

/// Why a file cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not WebAssembly.
    #[error(
        "not WebAssembly: expected a component or a core module, which begin with `\\0asm`: name the `.wasm` file"
    )]
    NotWasm,
    /// The bytes begin as WebAssembly but are not valid.
    #[error("not valid WebAssembly at byte {offset}: {reason}; build or copy it again")]
    Invalid {
        /// The place of the first invalid byte.
        offset: u64,
        /// The parser's message.
        reason: String,
    },
    /// The file has a structure beyond what is read.
    #[error("it is not read: expected at most {limit} {what}, {came} came; build it smaller")]
    Structure {
        /// What is counted.
        what: &'static str,
        /// How many are accepted.
        limit: u64,
        /// How many the file has.
        came: u64,
    },
}

/// The description of a file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// The name of this schema.
    pub schema: &'static str,
    /// A component or a core module.
    pub kind: Kind,
    /// What the file is for, which decides how it is run.
    pub world: World,
    /// The newest generation of WASI that it imports or exports; null if there is none.
    pub wasi: Option<Wasi>,
    /// Whether its calls may wait, which needs an engine with more costly calls.
    pub calls: Calls,
    /// The language that it was written in; null if it cannot be recognised.
    pub language: Option<String>,
    /// The entries of its `producers` section.
    pub producers: Vec<Producer>,
    /// The file's size.
    pub bytes: u64,
    /// The size of its code.
    pub code_bytes: u64,
    /// The size of the initial data of its memories.
    pub data_bytes: u64,
    /// The size of its custom sections, such as debug information.
    pub custom_bytes: u64,
    /// The number of core modules inside; one for a core module.
    pub modules: u32,
    /// Linear memory at the start, over all memories.
    pub memory_bytes: u64,
    /// The limit of linear memory; null if only the host limits it.
    pub memory_max_bytes: Option<u64>,
    /// The number of table entries at the start.
    pub table_elements: u64,
    /// Newer WebAssembly features that its core modules declare: `exceptions`, `garbage
    /// collection`, `64-bit memory`, `several memories`, `threads`.
    pub features: Vec<&'static str>,
    /// Its imports, in order.
    pub imports: Vec<Import>,
    /// Its exports, in order.
    pub exports: Vec<String>,
    /// Facts to know before running it.
    pub notes: Vec<String>,
}

/// The kind of WebAssembly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component.
    #[default]
    Component,
    /// A core module.
    Module,
    /// A core module that describes a component, but is not yet encoded as one.
    UnencodedComponent,
}

/// A generation of WASI. A later one compares as greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Wasi {
    /// The one for core modules.
    #[serde(rename = "preview1")]
    Preview1,
    /// The first one for the component model.
    #[serde(rename = "0.2")]
    Version2,
    /// The one with asynchronous functions, streams and futures.
    #[serde(rename = "0.3")]
    Version3,
}

/// How its functions are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// Each function returns before any other call.
    #[default]
    Synchronous,
    /// Its functions may wait.
    Asynchronous,
}

/// What the file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum World {
    /// It takes frames and returns outputs.
    #[serde(rename = "tollgate:plugin/plugin")]
    Plugin,
    /// It is run once, with arguments.
    #[serde(rename = "wasi:cli/command")]
    Command,
    /// It serves HTTP requests, which is not supported here yet.
    #[serde(rename = "wasi:http/proxy")]
    Http,
    /// A preview1 reactor that reads frames from its standard input.
    #[serde(rename = "preview1 plugin")]
    Preview1Plugin,
    /// A preview1 command.
    #[serde(rename = "preview1 command")]
    Preview1Command,
    /// None of these.
    #[default]
    #[serde(rename = "other")]
    Other,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The interface or module, with its version.
    pub name: String,
    /// The functions of it that core modules call; empty if there are none.
    pub functions: Vec<String>,
    /// What the import needs.
    pub need: Need,
    /// The grant, if it needs one. It has no words here: how it is given depends on who gives it.
    #[serde(skip)]
    pub asks: Option<Grant>,
    /// Why the import is not offered. For one that needs a grant, whoever gives it says here how.
    pub grant: String,
}
