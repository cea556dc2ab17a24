//! What a WebAssembly file is, read from its bytes alone: nothing is compiled, nothing is run.
//!
//! It answers what somebody asks who was handed a file: which language and toolchain it comes from,
//! which world it is for, what it imports and what each import takes to be granted, how large it is
//! and how much memory it begins with. Reading stops at the first byte that is not WebAssembly, and takes time
//! that grows with the file's size alone.

mod known;
mod links;
mod module;
mod needs;
mod origin;
mod producers;
mod read;

use serde::Serialize;

pub use needs::{Need, missing};
pub use producers::Producer;
pub use read::inspect;

/// Why there is nothing to say.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not WebAssembly.
    #[error(
        "not WebAssembly: expected a component or a core module, which begin with `\\0asm`: name the `.wasm` file"
    )]
    NotWasm,
    /// They begin as WebAssembly and do not go on as such.
    #[error("not valid WebAssembly at byte {offset}: {reason}; build or copy it again")]
    Invalid {
        /// Where.
        offset: u64,
        /// What the parser said.
        reason: String,
    },
    /// It is built in a way that is not read.
    #[error("it is not read: expected at most {limit} {what}, {came} came; build it smaller")]
    Structure {
        /// What is counted.
        what: &'static str,
        /// How many are accepted.
        limit: u64,
        /// How many came.
        came: u64,
    },
}

/// What a file is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// Names this shape.
    pub schema: &'static str,
    /// A component or a core module.
    pub kind: Kind,
    /// What it is for, and how it would be run.
    pub world: World,
    /// The newest generation of WASI that it imports or exports; null where it has none.
    pub wasi: Option<Wasi>,
    /// Whether its calls may wait, which takes an engine whose calls cost more.
    pub calls: Calls,
    /// What it was written in, as far as it shows; null where it does not.
    pub language: Option<String>,
    /// What the toolchain says of itself.
    pub producers: Vec<Producer>,
    /// The file's size.
    pub bytes: u64,
    /// Its code.
    pub code_bytes: u64,
    /// The data that memories begin with.
    pub data_bytes: u64,
    /// What toolchains left for debuggers and readers.
    pub custom_bytes: u64,
    /// Core modules inside; one for a core module.
    pub modules: u32,
    /// Linear memory when it starts, over all memories.
    pub memory_bytes: u64,
    /// What it may grow to; null where nothing bounds it but the host.
    pub memory_max_bytes: Option<u64>,
    /// Entries of its tables when it starts.
    pub table_elements: u64,
    /// What of newer WebAssembly its core modules declare: `exceptions`, `garbage collection`, `64-bit memory`,
    /// `several memories`, `threads`.
    pub features: Vec<&'static str>,
    /// What it imports, in its order.
    pub imports: Vec<Import>,
    /// What it exports, in its order.
    pub exports: Vec<String>,
    /// What somebody should know before it is run.
    pub notes: Vec<String>,
}

/// What kind of WebAssembly it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component.
    #[default]
    Component,
    /// A core module.
    Module,
    /// A core module that describes a component, and has yet to be encoded as one.
    UnencodedComponent,
}

/// A generation of WASI. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Wasi {
    /// Core modules'.
    #[serde(rename = "preview1")]
    Preview1,
    /// The component model's first.
    #[serde(rename = "0.2")]
    Version2,
    /// The one with asynchronous functions, streams and futures.
    #[serde(rename = "0.3")]
    Version3,
}

/// How it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// Its functions return before anything else happens to it.
    #[default]
    Synchronous,
    /// Its functions may wait.
    Asynchronous,
}

/// What it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum World {
    /// Frames in, outputs out.
    #[serde(rename = "tollgate:plugin/plugin")]
    Plugin,
    /// Run once, with arguments.
    #[serde(rename = "wasi:cli/command")]
    Command,
    /// HTTP requests, which nothing here serves yet.
    #[serde(rename = "wasi:http/proxy")]
    Http,
    /// A preview1 reactor that takes frames on its standard input.
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
    /// The functions of it that are called, by core modules' names; empty where none is.
    pub functions: Vec<String>,
    /// What it takes.
    pub need: Need,
    /// In words: the option to add, or why it cannot be had.
    pub grant: String,
}
