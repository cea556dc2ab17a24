//! The walk through a file's sections, its nested modules and components included.

use std::collections::BTreeMap;

use wasmparser::{Encoding, ExternalKind, Parser, Payload};

use super::{
    Calls, Error, Import, Inspection, Kind, Need, Wasi, World, links::Links, needs, origin,
    producers,
};

/// The schema of an inspection's JSON.
const SCHEMA: &str = "tollgate.inspect/1";

/// What a toolchain calls the section that describes a component which a module has yet to become.
const COMPONENT_TYPE: &str = "component-type";

/// How large a page of linear memory is where nothing else is said, as a power of two.
const PAGE: u32 = 16;

/// Reads what a file is.
///
/// # Errors
///
/// [`Error`]: it is not WebAssembly, or not to its end.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, Error> {
    if !wasm.starts_with(b"\0asm") {
        return Err(Error::NotWasm);
    }
    let mut walk = Walk::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(invalid)?;
        walk.see(payload).map_err(invalid)?;
    }
    let mut seen = walk.finish(wasm.len() as u64);
    seen.calls = match tollgate_runtime::Calls::of(wasm) {
        tollgate_runtime::Calls::Sync => Calls::Synchronous,
        tollgate_runtime::Calls::Async => Calls::Asynchronous,
    };
    Ok(seen)
}

fn invalid(error: wasmparser::BinaryReaderError) -> Error {
    Error::Invalid {
        offset: error.offset(),
        reason: error.message().to_owned(),
    }
}

/// What was seen so far.
#[derive(Default)]
struct Walk {
    inspection: Inspection,
    /// The modules and components that are open, outermost first.
    open: Vec<Encoding>,
    /// Whether a section describes a component.
    describes_component: bool,
    /// Interfaces and modules, in the order of their first import.
    imports: Vec<String>,
    /// The functions that core modules import, by interface or module.
    functions: BTreeMap<String, Vec<String>>,
    /// What the component takes out of its imports.
    links: Links,
    /// The interpreter that it brings along.
    interpreter: Option<&'static str>,
    unbounded: bool,
}

impl Walk {
    fn see(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        if self.open.len() == 1 {
            self.links.see(&payload)?;
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
                    let module = self.functions.entry(import.module.to_owned()).or_default();
                    if !module.iter().any(|known| known == import.name) {
                        module.push(import.name.to_owned());
                    }
                    if self.open.len() == 1 && !self.imports.iter().any(|i| i == import.module) {
                        self.imports.push(import.module.to_owned());
                    }
                }
            }
            Payload::ComponentImportSection(section) if self.open.len() == 1 => {
                for import in section {
                    self.imports.push(import?.name.name.to_owned());
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
                for memory in section {
                    let memory = memory?;
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
        let mut seen = self.inspection;
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
        let mut stubbed = Vec::new();
        seen.imports = self
            .imports
            .into_iter()
            .map(|name| {
                let called = self.functions.remove(&name).unwrap_or_default();
                let functions = if seen.kind == Kind::Component {
                    stubbed.extend(stub(&name, &called, &self.links));
                    self.links.functions(&name, called)
                } else {
                    called
                };
                let (need, grant) = needs::of(&name, &functions);
                Import {
                    name,
                    functions,
                    need,
                    grant,
                }
            })
            .collect();
        seen.world = world(seen.kind, &seen.exports);
        let imports = seen.imports.iter().map(|import| &import.name);
        seen.wasi = imports.chain(&seen.exports).filter_map(wasi).max();
        seen.notes = notes(&seen);
        seen.notes.extend(stubbed);
        seen
    }
}

/// The generation of WASI that an interface belongs to. wasi:nn's own versions say nothing of it.
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

/// What it is for, by what it exports.
fn world(kind: Kind, exports: &[String]) -> World {
    let exports = |wanted: &str| exports.iter().any(|name| name.starts_with(wanted));
    match kind {
        Kind::Module if exports("handle") => World::Preview1Plugin,
        Kind::Module if exports("_start") => World::Preview1Command,
        Kind::Module => World::Other,
        _ if exports("tollgate:plugin/handler@0.1.") => World::Plugin,
        _ if exports("tollgate:plugin-async/handler@0.1.") => World::Plugin,
        _ if exports("wasi:cli/run@0.3.") || exports("wasi:cli/run@0.2.") => World::Command,
        _ if exports("wasi:http/incoming-handler@0.2.") => World::Http,
        _ => World::Other,
    }
}

/// Says that functions of wasi:nn are called inside and none of them leads to the host.
fn stub(interface: &str, called: &[String], links: &Links) -> Option<String> {
    let function = called.iter().find(|name| !name.starts_with('['))?;
    let stubbed =
        interface.starts_with("wasi:nn/") && links.functions(interface, called.to_vec()).is_empty();
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
            // Some cuts leave a whole, smaller module; none may panic.
            if let Err(error) = inspect(&MODULE[..end]) {
                assert!(error.to_string().contains("at byte"), "{error}");
            }
        }
        let empty = inspect(b"\0asm\x01\0\0\0").unwrap();
        assert_eq!(empty.world, World::Other);
        assert_eq!(empty.notes.len(), 2);
    }
}
