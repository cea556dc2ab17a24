//! A plugin: a compiled guest, linked as far as possible without a store. It is shared and immutable.

mod module;

use std::path::Path;

use tollgate_wasm::{Calls, check_outline, check_work};
use wasmtime::{
    CodeBuilder, Module,
    component::{Component, ComponentExportIndex, InstancePre},
};

use crate::{Engine, Error, error::reason, state::State};

/// The interfaces that make a component a plugin: the second one's `handle` may wait.
const HANDLERS: [&str; 2] = [
    "tollgate:plugin/handler@0.1.0",
    "tollgate:plugin-async/handler@0.1.0",
];
/// The interfaces that make a component a command, in any point release of WASI 0.3 or 0.2.
const COMMANDS: [&str; 2] = ["wasi:cli/run@0.3.", "wasi:cli/run@0.2."];

/// The kind of a guest, known from its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// `tollgate:plugin/plugin`: frames in, outputs out.
    Plugin,
    /// `wasi:cli/command`: run once, with arguments.
    Command,
    /// Neither of them; only [`Plugin::any`] accepts it.
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
    /// The engine's own engine for such guests.
    wasmtime: wasmtime::Engine,
    calls: Calls,
    code: Code,
    world: World,
}

/// The compiled code.
pub(crate) enum Code {
    Component {
        component: Component,
        pre: InstancePre<State>,
        /// The world's function: `handle` or `run`.
        entry: Option<ComponentExportIndex>,
    },
    /// A core module for preview1.
    Module(wasmtime::InstancePre<State>),
}

/// Compiled code that is not linked yet.
enum Compiled {
    Component(Component),
    Module(Module),
}

impl Plugin {
    /// Compiles a component, or a preview1 core module.
    ///
    /// # Errors
    ///
    /// [`Error::NotAComponent`], [`Error::Wasm`], [`Error::Invalid`], [`Error::WrongWorld`], [`Error::WrongModule`], [`Error::Imports`], [`Error::Export`].
    pub fn new(engine: &Engine, wasm: &[u8]) -> Result<Self, Error> {
        let (calls, compiled) = compile(engine, wasm)?;
        Self::accept(engine, calls, compiled)
    }

    /// Refuses bytes that are no component or module, or whose structure is over a limit. It must be called
    /// before anything else reads a guest's bytes.
    ///
    /// # Errors
    ///
    /// [`Error::NotAComponent`], [`Error::Wasm`].
    pub fn check(wasm: &[u8]) -> Result<(), Error> {
        Kind::of(wasm)?;
        Ok(check_outline(wasm)?)
    }

    /// As [`Plugin::new`], for a component of any world. Its exports are called with
    /// [`crate::Instance::typed`].
    ///
    /// # Errors
    ///
    /// As [`Plugin::new`], without [`Error::WrongWorld`].
    pub fn any(engine: &Engine, wasm: &[u8]) -> Result<Self, Error> {
        let (calls, compiled) = compile(engine, wasm)?;
        Self::link(engine, calls, compiled)
    }

    /// Its compiled code, for [`Plugin::from_compiled_file`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if it cannot be written down.
    pub fn to_compiled(&self) -> Result<Vec<u8>, Error> {
        let (kind, code) = match &self.code {
            Code::Component { component, .. } => (Kind::Component, component.serialize()),
            Code::Module(pre) => (Kind::Module, pre.module().serialize()),
        };
        code.map_err(|error| kind.invalid(&error))
    }

    /// Loads the code of `wasm` from a file, which is mapped into memory. `wasm`
    /// was checked with [`Plugin::check`] before.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the file is not compiled code of this very build for such bytes.
    ///
    /// # Safety
    ///
    /// The file is executed. The caller must ensure that it holds, unchanged, what
    /// [`Plugin::to_compiled`] or [`crate::Target::compile`] of this build returned for these bytes, and that it is not changed while
    /// it is in use.
    #[expect(
        unsafe_code,
        reason = "compiled code is trusted by whoever kept it; the promise is passed on as it is"
    )]
    pub unsafe fn from_compiled_file(
        engine: &Engine,
        wasm: &[u8],
        path: &Path,
    ) -> Result<Self, Error> {
        let kind = Kind::of(wasm)?;
        let calls = Calls::of(wasm);
        let wasmtime = engine.wasmtime(calls)?;
        let compiled = match kind {
            Kind::Module => {
                // SAFETY: the caller's promise, above.
                unsafe { Module::deserialize_file(wasmtime, path) }.map(Compiled::Module)
            }
            Kind::Component => {
                // SAFETY: the caller's promise, above.
                unsafe { Component::deserialize_file(wasmtime, path) }.map(Compiled::Component)
            }
        };
        Self::accept(
            engine,
            calls,
            compiled.map_err(|error| kind.invalid(&error))?,
        )
    }

    fn accept(engine: &Engine, calls: Calls, compiled: Compiled) -> Result<Self, Error> {
        let plugin = Self::link(engine, calls, compiled)?;
        if plugin.world == World::Other {
            let exports = plugin.exports();
            let exports = if exports.is_empty() {
                "nothing".to_owned()
            } else {
                module::some_of(&exports)
            };
            return Err(match plugin.code {
                Code::Component { .. } => Error::WrongWorld { exports },
                Code::Module(_) => Error::WrongModule { exports },
            });
        }
        plugin.check_entries()?;
        Ok(plugin)
    }

    fn link(engine: &Engine, calls: Calls, compiled: Compiled) -> Result<Self, Error> {
        match compiled {
            Compiled::Component(component) => Self::link_component(engine, calls, component),
            Compiled::Module(module) => Self::link_module(engine, &module),
        }
    }

    fn link_component(engine: &Engine, calls: Calls, component: Component) -> Result<Self, Error> {
        let wasmtime = engine.wasmtime(calls)?;
        let ty = component.component_type();
        let exported = |prefixes: &[&str]| {
            let wanted = prefixes.iter().find_map(|prefix| {
                let mut names = ty.exports(wasmtime).map(|(name, _)| name.to_owned());
                names.find(|name| {
                    name == prefix || prefix.ends_with('.') && name.starts_with(prefix)
                })
            })?;
            component.get_export_index(None, &wanted)
        };
        let (world, interface, function) = if let Some(handler) = exported(&HANDLERS) {
            (World::Plugin, Some(handler), "handle")
        } else if let Some(run) = exported(&COMMANDS) {
            (World::Command, Some(run), "run")
        } else {
            (World::Other, None, "")
        };
        let entry =
            interface.and_then(|interface| component.get_export_index(Some(&interface), function));
        let pre = engine
            .linker(calls)?
            .instantiate_pre(&component)
            .map_err(|error| Error::Imports {
                reason: reason(&error),
            })?;
        Ok(Self {
            engine: engine.clone(),
            wasmtime: wasmtime.clone(),
            calls,
            code: Code::Component {
                component,
                pre,
                entry,
            },
            world,
        })
    }

    fn link_module(engine: &Engine, module: &Module) -> Result<Self, Error> {
        module::check_imports(module)?;
        let world = module::world(module);
        let pre = engine
            .modules()?
            .instantiate_pre(module)
            .map_err(|error| Error::Imports {
                reason: reason(&error),
            })?;
        Ok(Self {
            engine: engine.clone(),
            wasmtime: engine.wasmtime(Calls::Sync)?.clone(),
            calls: Calls::Sync,
            code: Code::Module(pre),
            world,
        })
    }

    /// Refuses a guest without the functions of its world, and a core module whose functions have other types.
    /// (The types of a component are checked when an instance is made.)
    fn check_entries(&self) -> Result<(), Error> {
        match (&self.code, self.world) {
            (Code::Component { entry: Some(_), .. }, _) | (_, World::Other) => Ok(()),
            (Code::Component { entry: None, .. }, world) => {
                let name = if world == World::Plugin {
                    "handle"
                } else {
                    "run"
                };
                Err(Error::Export {
                    name: name.to_owned(),
                    reason: "there is none in its interface".to_owned(),
                })
            }
            (Code::Module(pre), world) => module::check_entries(pre.module(), world),
        }
    }

    fn exports(&self) -> Vec<String> {
        match &self.code {
            Code::Component { component, .. } => component
                .component_type()
                .exports(&self.wasmtime)
                .map(|(name, _)| name.to_owned())
                .collect(),
            Code::Module(pre) => pre
                .module()
                .exports()
                .map(|export| export.name().to_owned())
                .collect(),
        }
    }

    /// The interfaces that it imports; a core module's are left out.
    pub fn imports(&self) -> Vec<String> {
        match &self.code {
            Code::Component { component, .. } => component
                .component_type()
                .imports(&self.wasmtime)
                .map(|(name, _)| name.to_owned())
                .collect(),
            Code::Module(_) => Vec::new(),
        }
    }

    /// Its kind.
    pub fn world(&self) -> World {
        self.world
    }

    /// How it is called.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }
}

fn compile(engine: &Engine, wasm: &[u8]) -> Result<(Calls, Compiled), Error> {
    let kind = Kind::of(wasm)?;
    check_outline(wasm)?;
    check_work(wasm)?;
    let calls = Calls::of(wasm);
    let compiled = compile_for(engine.wasmtime(calls)?, kind, wasm)?;
    Ok((calls, compiled))
}

fn compile_for(wasmtime: &wasmtime::Engine, kind: Kind, wasm: &[u8]) -> Result<Compiled, Error> {
    let mut builder = CodeBuilder::new(wasmtime);
    let compiled = builder
        .wasm_binary(wasm, None)
        .and_then(|builder| match kind {
            Kind::Component => builder.compile_component().map(Compiled::Component),
            Kind::Module => builder.compile_module().map(Compiled::Module),
        });
    compiled.map_err(|error| kind.invalid(&error))
}

/// The code of a guest whose outline was checked, as bytes.
pub(crate) fn code(wasmtime: &wasmtime::Engine, wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let kind = Kind::of(wasm)?;
    check_work(wasm)?;
    let code = match compile_for(wasmtime, kind, wasm)? {
        Compiled::Component(component) => component.serialize(),
        Compiled::Module(module) => module.serialize(),
    };
    code.map_err(|error| kind.invalid(&error))
}

/// The kinds of bytes that can be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Component,
    Module,
}

impl Kind {
    /// Whether bytes are a component or a core module. For other bytes the error says what they are, since
    /// Wasmtime's own message is only about parsing.
    fn of(wasm: &[u8]) -> Result<Self, Error> {
        let (what, advice) = match wasm {
            [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => return Ok(Kind::Component),
            [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => return Ok(Kind::Module),
            [0, b'a', b's', b'm', _, _, _, _, ..] => (
                "a component of another version of the format",
                "rebuild it with a current toolchain",
            ),
            [] => ("an empty file", "check how it was built"),
            [0, b'a', b's', b'm', ..] => ("a truncated file", "copy or build it again"),
            [0x7f, b'E', b'L', b'F', ..] => {
                ("a native library or program", "pass the `.wasm` file")
            }
            _ => ("not WebAssembly at all", "pass a `.wasm` file"),
        };
        Err(Error::NotAComponent { what, advice })
    }

    fn invalid(self, error: &wasmtime::Error) -> Error {
        Error::Invalid {
            what: match self {
                Kind::Component => "component",
                Kind::Module => "core module",
            },
            reason: reason(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_their_first_bytes() {
        let says = |bytes: &[u8], words: &str| {
            let message = Kind::of(bytes).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        };
        assert_eq!(Kind::of(b"\0asm\x0d\0\x01\0").ok(), Some(Kind::Component));
        assert_eq!(Kind::of(b"\0asm\x01\0\0\0").ok(), Some(Kind::Module));
        says(b"\0asm\x0d", "a truncated file");
        says(b"", "an empty file");
        says(b"hello", "not WebAssembly");
        says(b"\x7fELF....", "a native library");
    }
}
