//! A plugin: a compiled guest, linked as far as it can be without a store. Plugin lifetime:
//! shared and immutable.

use std::path::Path;

use wasmtime::{
    CodeBuilder,
    component::{Component, ComponentExportIndex, InstancePre},
};

use crate::{Engine, Error, error::reason, state::State};

/// The interface that makes a component a plugin.
const HANDLER: &str = "tollgate:plugin/handler@0.1.0";
/// The interface that makes a component a command, in any point release of WASI 0.2.
const COMMAND: &str = "wasi:cli/run@0.2.";

/// What a component is for, told by what it exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// `tollgate:plugin/plugin`: frames in, outputs out.
    Plugin,
    /// `wasi:cli/command`: run once, with arguments.
    Command,
    /// Neither, taken as it is by [`Plugin::any`].
    Other,
}

impl World {
    pub(crate) fn words(self) -> &'static str {
        match self {
            World::Plugin => "a plugin",
            World::Command => "a command",
            World::Other => "of another world",
        }
    }
}

/// A compiled guest.
pub struct Plugin {
    engine: Engine,
    component: Component,
    pre: InstancePre<State>,
    world: World,
    handle: Option<ComponentExportIndex>,
}

impl Plugin {
    /// Compiles a component.
    ///
    /// # Errors
    ///
    /// [`Error::NotAComponent`], [`Error::Invalid`], [`Error::WrongWorld`], [`Error::Imports`].
    pub fn new(engine: &Engine, wasm: &[u8]) -> Result<Self, Error> {
        Self::accept(engine, compile(engine, wasm)?)
    }

    /// As [`Plugin::new`], for a component of any world, whose exports are called by
    /// [`crate::Instance::typed`].
    ///
    /// # Errors
    ///
    /// As [`Plugin::new`], without [`Error::WrongWorld`].
    pub fn any(engine: &Engine, wasm: &[u8]) -> Result<Self, Error> {
        Self::link(engine, compile(engine, wasm)?)
    }

    /// Compiles a component to bytes that [`Plugin::from_compiled_file`] takes, for a cache.
    ///
    /// # Errors
    ///
    /// As [`Plugin::new`].
    pub fn compile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        let plugin = Self::new(engine, wasm)?;
        plugin
            .component
            .serialize()
            .map_err(|error| Error::Invalid {
                reason: reason(&error),
            })
    }

    /// Loads what [`Plugin::compile`] gave, from a file, which is mapped into memory.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where the file is not compiled code of this very build.
    ///
    /// # Safety
    ///
    /// The file is executed. The caller vouches that it holds, unchanged, what
    /// [`Plugin::compile`] of this build gave, and that nobody changes it while it is in use.
    #[expect(
        unsafe_code,
        reason = "compiled code is trusted by whoever kept it; the promise is passed on as it is"
    )]
    pub unsafe fn from_compiled_file(engine: &Engine, path: &Path) -> Result<Self, Error> {
        // SAFETY: the caller's promise, above.
        let component = unsafe { Component::deserialize_file(engine.wasmtime(), path) };
        Self::accept(
            engine,
            component.map_err(|error| Error::Invalid {
                reason: reason(&error),
            })?,
        )
    }

    fn accept(engine: &Engine, component: Component) -> Result<Self, Error> {
        let plugin = Self::link(engine, component)?;
        if plugin.world == World::Other {
            let ty = plugin.component.component_type();
            let names: Vec<&str> = ty
                .exports(engine.wasmtime())
                .map(|(name, _)| name)
                .collect();
            let exports = if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            };
            return Err(Error::WrongWorld { exports });
        }
        Ok(plugin)
    }

    fn link(engine: &Engine, component: Component) -> Result<Self, Error> {
        let ty = component.component_type();
        let exports = |wanted: &dyn Fn(&str) -> bool| {
            ty.exports(engine.wasmtime()).any(|(name, _)| wanted(name))
        };
        let world = if exports(&|name| name == HANDLER) {
            World::Plugin
        } else if exports(&|name| name.starts_with(COMMAND)) {
            World::Command
        } else {
            World::Other
        };
        let pre = engine
            .linker()
            .instantiate_pre(&component)
            .map_err(|error| Error::Imports {
                reason: reason(&error),
            })?;
        let handle = component
            .get_export_index(None, HANDLER)
            .and_then(|handler| component.get_export_index(Some(&handler), "handle"));
        Ok(Self {
            engine: engine.clone(),
            component,
            pre,
            world,
            handle,
        })
    }

    /// What it is for.
    pub fn world(&self) -> World {
        self.world
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.pre
    }

    pub(crate) fn handle(&self) -> Option<&ComponentExportIndex> {
        self.handle.as_ref()
    }
}

fn compile(engine: &Engine, wasm: &[u8]) -> Result<Component, Error> {
    check_kind(wasm)?;
    CodeBuilder::new(engine.wasmtime())
        .wasm_binary(wasm, None)
        .and_then(|builder| builder.compile_component())
        .map_err(|error| Error::Invalid {
            reason: reason(&error),
        })
}

/// Says what bytes are that are not a component, since Wasmtime's own words are about parsing.
fn check_kind(wasm: &[u8]) -> Result<(), Error> {
    let (what, advice) = match wasm {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => (
            "a core module",
            "build for `wasm32-wasip2`, or encode it as a component",
        ),
        [0, b'a', b's', b'm', _, _, _, _, ..] => (
            "a component of another version of the format",
            "rebuild it with a current toolchain",
        ),
        [] => ("an empty file", "check how it was built"),
        [0, b'a', b's', b'm', ..] => ("a truncated file", "copy or build it again"),
        [0x7f, b'E', b'L', b'F', ..] => (
            "a native library or program",
            "pass the `.wasm` file; a twin goes with `--twin`",
        ),
        _ => ("not WebAssembly at all", "pass a `.wasm` file"),
    };
    Err(Error::NotAComponent { what, advice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_their_first_bytes() {
        let says = |bytes: &[u8], words: &str| {
            let message = check_kind(bytes).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        };
        assert!(check_kind(b"\0asm\x0d\0\x01\0").is_ok());
        says(b"\0asm\x01\0\0\0", "a core module");
        says(b"\0asm\x0d", "a truncated file");
        says(b"", "an empty file");
        says(b"hello", "not WebAssembly");
        says(b"\x7fELF....", "a native library");
    }
}
