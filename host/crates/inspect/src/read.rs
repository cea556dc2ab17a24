//! Reads a file's sections in order, including nested modules and components.

use std::collections::{BTreeSet, HashMap, HashSet};

use tollgate_wasm::check_outline;
use wasmparser::{CompositeInnerType, Encoding, ExternalKind, Parser, Payload, TypeRef};

use crate::{
    Calls, Error, Import, Inspection, Kind, Need, Wasi, World,
    links::Links,
    module::Module,
    needs::{self, Needs},
    origin, producers,
};

/// The schema of an inspection's JSON.
const SCHEMA: &str = "tollgate.inspect/1";

/// The name of the section in which a toolchain describes the component that a module will become.
const COMPONENT_TYPE: &str = "component-type";

/// The default page size of linear memory, as a power of two.
const PAGE: u32 = 16;

/// The largest number of notes of one kind.
const NOTES: usize = 8;

/// Describes a file.
///
/// # Errors
///
/// [`Error`]: it is not WebAssembly, or is invalid further on.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, Error> {
    if !wasm.starts_with(b"\0asm") {
        return Err(Error::NotWasm);
    }
    check_outline(wasm).map_err(outside)?;
    let mut walk = Walk::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(invalid)?;
        walk.see(payload).map_err(invalid)?;
    }
    let mut seen = walk.finish(wasm.len() as u64);
    seen.calls = match tollgate_wasm::Calls::of(wasm) {
        tollgate_wasm::Calls::Sync => Calls::Synchronous,
        tollgate_wasm::Calls::Async => Calls::Asynchronous,
    };
    Ok(seen)
}

fn outside(error: tollgate_wasm::Error) -> Error {
    match error {
        tollgate_wasm::Error::Structure { what, limit, came } => {
            Error::Structure { what, limit, came }
        }
        tollgate_wasm::Error::Unreadable { offset, reason } => Error::Invalid { offset, reason },
    }
}

fn invalid(error: wasmparser::BinaryReaderError) -> Error {
    Error::Invalid {
        offset: error.offset(),
        reason: error.message().to_owned(),
    }
}

/// The state of reading.
#[derive(Default)]
struct Walk {
    inspection: Inspection,
    /// The modules and components being read, outermost first.
    open: Vec<Encoding>,
    /// Whether a section describes a component.
    describes_component: bool,
    imports: Imports,
    /// The imports and exports of the file's own core module, if it is one.
    module: Module,
    features: BTreeSet<&'static str>,
    /// Which of the component's imports lead to the host.
    links: Links,
    /// The language of an embedded interpreter.
    interpreter: Option<&'static str>,
    unbounded: bool,
}

/// The imports.
#[derive(Default)]
struct Imports {
    /// Interfaces and modules, in the order of their first import.
    order: Vec<String>,
    known: HashSet<String>,
    /// The functions that core modules import, by interface or module, in the order of their first import.
    functions: HashMap<String, Functions>,
}

#[derive(Default)]
struct Functions {
    order: Vec<String>,
    known: HashSet<String>,
}

impl Imports {
    fn name(&mut self, name: &str) {
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.order.push(name.to_owned());
        }
    }

    fn function(&mut self, module: &str, name: &str) {
        let functions = match self.functions.get_mut(module) {
            Some(functions) => functions,
            None => self.functions.entry(module.to_owned()).or_default(),
        };
        if !functions.known.contains(name) {
            functions.known.insert(name.to_owned());
            functions.order.push(name.to_owned());
        }
    }
}

impl Walk {
    fn see(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        if self.open.len() == 1 {
            self.links.see(&payload)?;
            if self.inspection.kind == Kind::Module {
                self.module.see(&payload)?;
            }
        }
        if let Payload::ExportSection(section) = &payload {
            for export in section.clone() {
                let interpreter = origin::interpreter(export?.name);
                self.interpreter = self.interpreter.or(interpreter);
            }
        }
        let seen = &mut self.inspection;
        match payload {
            Payload::Version { encoding, .. } => {
                if self.open.is_empty() {
                    seen.kind = match encoding {
                        Encoding::Component => Kind::Component,
                        Encoding::Module => Kind::Module,
                    };
                }
                seen.modules += u32::from(encoding == Encoding::Module);
                self.open.push(encoding);
            }
            Payload::End(_) => {
                self.open.pop();
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.imports.function(import.module, import.name);
                    if self.open.len() == 1 {
                        self.imports.name(import.module);
                    }
                    match import.ty {
                        TypeRef::Tag(_) => {
                            self.features.insert("exceptions");
                        }
                        TypeRef::Memory(memory) if memory.shared => {
                            self.features.insert("threads");
                        }
                        _ => {}
                    }
                }
            }
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.types() {
                        let inner = &ty.composite_type.inner;
                        if !matches!(inner, CompositeInnerType::Func(_)) {
                            self.features.insert("garbage collection");
                        }
                    }
                }
            }
            Payload::TagSection(section) if section.count() > 0 => {
                self.features.insert("exceptions");
            }
            Payload::ComponentImportSection(section) if self.open.len() == 1 => {
                for import in section {
                    self.imports.name(import?.name.name);
                }
            }
            Payload::ExportSection(section) if self.open.len() == 1 => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        seen.exports.push(export.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if self.open.len() == 1 => {
                for export in section {
                    seen.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::MemorySection(section) => {
                if section.count() > 1 {
                    self.features.insert("several memories");
                }
                for memory in section {
                    let memory = memory?;
                    if memory.memory64 {
                        self.features.insert("64-bit memory");
                    }
                    if memory.shared {
                        self.features.insert("threads");
                    }
                    let page = memory.page_size_log2.unwrap_or(PAGE);
                    let bytes = |pages: u64| pages.checked_shl(page).unwrap_or(u64::MAX);
                    seen.memory_bytes = seen.memory_bytes.saturating_add(bytes(memory.initial));
                    match memory.maximum {
                        Some(pages) => {
                            let most = seen.memory_max_bytes.unwrap_or(0);
                            seen.memory_max_bytes = Some(most.saturating_add(bytes(pages)));
                        }
                        None => self.unbounded = true,
                    }
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let entries = table?.ty.initial;
                    seen.table_elements = seen.table_elements.saturating_add(entries);
                }
            }
            Payload::CodeSectionStart { size, .. } => seen.code_bytes += u64::from(size),
            Payload::DataSection(section) => {
                let range = section.range();
                seen.data_bytes += range.end - range.start;
            }
            Payload::CustomSection(section) => {
                seen.custom_bytes += section.data().len() as u64;
                if section.name() == "producers" {
                    seen.producers.extend(producers::read(section.data()));
                }
                self.describes_component |= section.name().starts_with(COMPONENT_TYPE);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self, bytes: u64) -> Inspection {
        let mut seen = std::mem::take(&mut self.inspection);
        seen.schema = SCHEMA;
        seen.bytes = bytes;
        seen.producers.sort();
        seen.producers.dedup();
        if self.unbounded {
            seen.memory_max_bytes = None;
        }
        if seen.kind == Kind::Module && self.describes_component {
            seen.kind = Kind::UnencodedComponent;
        }
        seen.language = origin::of(self.interpreter, &seen.producers);
        seen.features = self.features.into_iter().collect();
        let mut stubbed = Vec::new();
        let mut functions = self.imports.functions;
        seen.imports = self
            .imports
            .order
            .into_iter()
            .map(|name| {
                let called = functions.remove(&name).unwrap_or_default().order;
                let functions = if seen.kind == Kind::Component {
                    stubbed.extend(stub(&name, &called, &self.links));
                    self.links.functions(&name, called)
                } else {
                    called
                };
                let needs = match self.module.refused(&name) {
                    Some(words) if seen.kind == Kind::Module => Needs::NotOffered(words),
                    _ => needs::of(&name, &functions),
                };
                let (need, asks, grant) = match needs {
                    Needs::Nothing => (Need::Nothing, None, String::new()),
                    Needs::Grant(grant) => (Need::Grant, Some(grant), String::new()),
                    Needs::NotOffered(words) => (Need::NotOffered, None, words),
                };
                Import {
                    name,
                    functions,
                    need,
                    asks,
                    grant,
                }
            })
            .collect();
        seen.world = world(seen.kind, &seen.exports);
        let imports = seen.imports.iter().map(|import| &import.name);
        seen.wasi = imports.chain(&seen.exports).filter_map(wasi).max();
        seen.notes = notes(&seen);
        if seen.kind == Kind::Module {
            seen.notes.extend(self.module.wrong_entries());
        }
        let more = stubbed.len().saturating_sub(NOTES);
        stubbed.truncate(NOTES);
        seen.notes.extend(stubbed);
        if more > 0 {
            let words = format!("its toolchain stubbed {more} more interfaces of wasi:nn");
            seen.notes.push(words);
        }
        seen
    }
}

/// The generation of WASI that an interface belongs to. Versions of wasi:nn do not tell.
fn wasi(name: &String) -> Option<Wasi> {
    let version = |part: &str| name.starts_with("wasi:") && name.contains(part);
    if name.starts_with("wasi:nn/") {
        None
    } else if version("@0.3.") {
        Some(Wasi::Version3)
    } else if version("@0.2.") {
        Some(Wasi::Version2)
    } else {
        (name == "wasi_snapshot_preview1").then_some(Wasi::Preview1)
    }
}

/// What a file is for, from its exports.
fn world(kind: Kind, exports: &[String]) -> World {
    let names = exports;
    let exports = |wanted: &str| names.iter().any(|name| name == wanted);
    let any_of = |wanted: &str| names.iter().any(|name| name.starts_with(wanted));
    match kind {
        // A module with `_start` sets itself up there, so it cannot take frames without running it.
        Kind::Module if exports("_start") => World::Preview1Command,
        Kind::Module if exports("handle") => World::Preview1Plugin,
        Kind::Module => World::Other,
        _ if exports("tollgate:plugin/handler@0.1.0") => World::Plugin,
        _ if exports("tollgate:plugin-async/handler@0.1.0") => World::Plugin,
        _ if any_of("wasi:cli/run@0.3.") || any_of("wasi:cli/run@0.2.") => World::Command,
        _ if any_of("wasi:http/incoming-handler@0.2.") => World::Http,
        _ => World::Other,
    }
}

/// The note that functions of wasi:nn are called inside but none of them leads to the host.
fn stub(interface: &str, called: &[String], links: &Links) -> Option<String> {
    let function = called.iter().find(|name| !name.starts_with('['))?;
    let stubbed = interface.starts_with("wasi:nn/") && !links.lead(interface);
    stubbed.then(|| {
        format!(
            "its toolchain stubbed `{interface}`: `{function}` leads to a trap and not to the host, so \
             its first inference will trap; build it again without stubs (`--stub-wasi` makes them)"
        )
    })
}

fn notes(seen: &Inspection) -> Vec<String> {
    let mut notes = Vec::new();
    if seen.kind == Kind::UnencodedComponent {
        notes.push(
            "it is a core module that describes a component: `tollgate pack` makes it one"
                .to_owned(),
        );
    }
    if seen.world == World::Http {
        notes.push("nothing here serves HTTP to components yet".to_owned());
    }
    if seen.world == World::Other && seen.kind != Kind::UnencodedComponent {
        notes.push(
            "it exports no world that can be run: expected `tollgate:plugin/handler@0.1.0`, \
             `tollgate:plugin-async/handler@0.1.0` or `wasi:cli/run` of WASI 0.2 or 0.3 of a component, \
             `handle` or `_start` of a module"
                .to_owned(),
        );
    }
    let infers = seen.imports.iter().any(|import| {
        ["wasi:nn/", "tollgate:nn/", "wasi_ephemeral_nn"]
            .iter()
            .any(|known| import.name.starts_with(known))
    });
    if !infers {
        notes.push(
            "it imports no wasi:nn: it makes no inferences, or its toolchain stubbed the interface \
             (`--stub-wasi` does), and then its first inference traps"
                .to_owned(),
        );
    }
    if seen
        .imports
        .iter()
        .any(|import| import.need == Need::NotOffered)
    {
        notes.push("it does not run here as it is: an import is not offered".to_owned());
    }
    if seen.features.contains(&"threads") {
        notes.push("it needs threads, which are not offered: build it without".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports `wasi_ephemeral_nn.compute`, has a page of memory and exports `_start`.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x09\x02\x60\0\0\x60\x01\x7f\x01\x7f\
        \x02\x1d\x01\x11wasi_ephemeral_nn\x07compute\0\x01\
        \x03\x02\x01\0\
        \x05\x03\x01\0\x01\
        \x07\x0a\x01\x06_start\0\x01\
        \x0a\x04\x01\x02\0\x0b";

    #[test]
    fn a_module_is_read() {
        let seen = inspect(MODULE).unwrap();
        assert_eq!(
            (seen.kind, seen.world),
            (Kind::Module, World::Preview1Command)
        );
        assert_eq!((seen.modules, seen.memory_bytes), (1, 65536));
        assert_eq!(seen.memory_max_bytes, None);
        assert_eq!(seen.imports.len(), 1);
        assert_eq!(seen.imports[0].functions, ["compute"]);
        assert_eq!(seen.imports[0].need, Need::Grant);
        assert!(seen.notes.is_empty(), "{:?}", seen.notes);
    }

    #[test]
    fn what_is_no_wasm_is_refused_where_it_stops_being_any() {
        assert!(matches!(inspect(b"hello"), Err(Error::NotWasm)));
        assert!(matches!(inspect(b""), Err(Error::NotWasm)));
        for end in 5..MODULE.len() {
            // Some cuts leave a valid, smaller module; none may panic.
            if let Err(error) = inspect(&MODULE[..end]) {
                assert!(error.to_string().contains("at byte"), "{error}");
            }
        }
        let empty = inspect(b"\0asm\x01\0\0\0").unwrap();
        assert_eq!(empty.world, World::Other);
        assert_eq!(empty.notes.len(), 2);
    }
}
