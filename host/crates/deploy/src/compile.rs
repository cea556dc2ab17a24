//! Compiling plugins: in a helper process, where the compiler reads a stranger's bytes without files, network or
//! privileges and within bounds, or in this process.

mod sealed;

use std::{
    fs::File,
    io::{self, Read, Seek},
    time::{Duration, Instant},
};

use serde::Serialize;
use tollgate_jail::{Bounds, Job, Missing, Strength};
use tollgate_runtime::{Engine, Plugin, Target};
use tollgate_wasm::Calls;

use crate::reserve::widest_config;

/// What makes the program a helper that compiles. The text of a [`Target`] and what the helper's own crate adds
/// follow.
pub const HELPER: [&str; 2] = ["jail", "compile"];

/// The most memory that compiling may take, in bytes of address space. 6 GiB: an interpreter of 40 MB with all its
/// code takes less than one; every thread reserves address space as well.
const MEMORY_BYTES: u64 = 6 << 30;

/// The most bytes of compiled code. 1 GiB: what the cache keeps in all.
const CODE_BYTES: u64 = 1 << 30;

/// The longest time that compiling may take. Ten minutes: an interpreter takes some seconds on a server, and fifty
/// times that on the smallest machine.
const TIME: Duration = Duration::from_secs(600);

/// Where plugins are compiled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compiler {
    strength: Strength,
}

/// A plugin that was compiled now.
pub struct Fresh {
    /// The plugin.
    pub plugin: Plugin,
    /// Its code, where a helper has compiled it.
    file: Option<File>,
}

impl Fresh {
    /// Its code.
    pub(crate) fn code(&self) -> io::Result<Vec<u8>> {
        let Some(mut file) = self.file.as_ref() else {
            return self.plugin.to_compiled().map_err(io::Error::other);
        };
        let mut code = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut code)?;
        Ok(code)
    }
}

/// What it takes to compile a plugin, and what comes of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Checked {
    /// How long it took, with the start of a helper and the loading of the code.
    pub compile_ns: u64,
    /// The size of its code.
    pub code_bytes: u64,
}

/// Why a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plugin is refused.
    #[error(transparent)]
    Plugin(#[from] tollgate_runtime::Error),
    /// The helper that compiles it gave no code.
    #[error("compiling it failed")]
    Helper(#[source] tollgate_jail::Error),
    /// What the compiler said of it, in a helper.
    #[error("{0}")]
    Refused(String),
}

impl Compiler {
    /// A compiler in helpers of this strength; with [`Strength::Off`], in this process.
    pub fn new(strength: Strength) -> Self {
        Self { strength }
    }

    /// Checks and compiles a plugin.
    ///
    /// # Errors
    ///
    /// As [`Plugin::check`], [`Engine::target`] and [`Compiler::compile`].
    pub fn fresh(&self, engine: &Engine, wasm: &[u8]) -> Result<Fresh, Error> {
        Plugin::check(wasm)?;
        let target = engine.target(Calls::of(wasm))?;
        self.compile(engine, &target, wasm)
    }

    /// Finds out whether a plugin would be accepted with the highest limits, and what its code takes. Nothing is kept.
    ///
    /// # Errors
    ///
    /// As [`Compiler::fresh`].
    pub fn check(&self, wasm: &[u8]) -> Result<Checked, Error> {
        let engine = Engine::new(&widest_config());
        let begun = Instant::now();
        let fresh = self.fresh(&engine, wasm)?;
        let took = begun.elapsed();
        let code_bytes = match &fresh.file {
            Some(file) => file.metadata().ok().map(|metadata| metadata.len()),
            None => fresh
                .plugin
                .to_compiled()
                .ok()
                .map(|code| code.len() as u64),
        };
        Ok(Checked {
            compile_ns: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
            code_bytes: code_bytes.unwrap_or_default(),
        })
    }

    /// Compiles a plugin that was checked with [`Plugin::check`].
    ///
    /// # Errors
    ///
    /// The plugin is refused, or no helper could compile it.
    pub fn compile(&self, engine: &Engine, target: &Target, wasm: &[u8]) -> Result<Fresh, Error> {
        // There are helpers on Linux only.
        let nowhere = cfg!(not(target_os = "linux")) && self.strength == Strength::Best;
        if nowhere || self.strength == Strength::Off {
            let plugin = Plugin::new(engine, wasm)?;
            return Ok(Fresh { plugin, file: None });
        }
        let text = target.to_string();
        let [jail, compile] = HELPER;
        let job = Job {
            arguments: &[jail, compile, &text],
            bounds: Bounds {
                memory_bytes: MEMORY_BYTES,
                private_bytes: MEMORY_BYTES,
                result_bytes: CODE_BYTES,
                time: TIME,
            },
            strength: self.strength,
        };
        let done = job.run(wasm).map_err(|error| match error {
            tollgate_jail::Error::Refused(why) => Error::Refused(why),
            error => Error::Helper(error),
        })?;
        if !done.missing.is_empty() {
            let all: Vec<String> = done.missing.iter().map(Missing::to_string).collect();
            tracing::warn!(
                "the plugin was compiled in a jail that lacks layers on this machine: {}",
                tollgate_report::terminal::escaped(&all.join(", "))
            );
        }
        let plugin = sealed::load(engine, wasm, &done.file)?;
        let file = Some(done.file);
        Ok(Fresh { plugin, file })
    }
}

/// What a helper does that compiles: `target` is the text of a [`Target`].
///
/// # Errors
///
/// Why the plugin is refused, as text.
pub fn in_helper(target: &str, wasm: &[u8]) -> Result<Vec<u8>, String> {
    let target: Target = target
        .parse()
        .map_err(|()| "this is for helpers, which only the program itself starts".to_owned())?;
    target.compile(wasm).map_err(|error| error.to_string())
}
