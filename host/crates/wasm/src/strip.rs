//! A WebAssembly file without the sections that only debuggers read. How deep components nest must have been
//! checked before.

use std::ops::Range;

use wasm_encoder::{Component, ComponentSectionId, Module, RawSection};
use wasmparser::{BinaryReaderError, Parser, Payload};

/// Removes the sections that only debuggers read. The `producers` section stays.
///
/// # Errors
///
/// The bytes are no valid WebAssembly.
pub fn strip(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut payloads = Parser::new(0).parse_all(wasm);
    let component = Parser::is_component(wasm);
    if component {
        let mut out = Component::new();
        strip_component(wasm, &mut payloads, &mut out)?;
        Ok(out.finish())
    } else {
        let mut out = Module::new();
        strip_module(wasm, &mut payloads, &mut out)?;
        Ok(out.finish())
    }
}

type Payloads<'a, 'b> = &'b mut dyn Iterator<Item = Result<Payload<'a>, BinaryReaderError>>;

/// A section's bytes. The range came from the parser, so it is within the file.
fn slice(wasm: &[u8], range: Range<u64>) -> &[u8] {
    let bounds = (usize::try_from(range.start), usize::try_from(range.end));
    match bounds {
        (Ok(start), Ok(end)) => wasm.get(start..end).unwrap_or_default(),
        _ => &[],
    }
}

fn stays(name: &str) -> bool {
    name == "producers"
}

fn strip_module(
    wasm: &[u8],
    payloads: Payloads<'_, '_>,
    out: &mut Module,
) -> Result<(), BinaryReaderError> {
    for payload in payloads {
        let payload = payload?;
        match &payload {
            Payload::End(_) => return Ok(()),
            Payload::CustomSection(section) if !stays(section.name()) => continue,
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = slice(wasm, range);
            out.section(&RawSection { id, data });
        }
    }
    Ok(())
}

fn strip_component(
    wasm: &[u8],
    payloads: Payloads<'_, '_>,
    out: &mut Component,
) -> Result<(), BinaryReaderError> {
    while let Some(payload) = payloads.next() {
        let payload = payload?;
        match &payload {
            Payload::End(_) => return Ok(()),
            Payload::CustomSection(section) if !stays(section.name()) => continue,
            Payload::ModuleSection { .. } => {
                let mut inner = Module::new();
                strip_module(wasm, payloads, &mut inner)?;
                out.section(&RawSection {
                    id: ComponentSectionId::CoreModule.into(),
                    data: &inner.finish(),
                });
                continue;
            }
            Payload::ComponentSection { .. } => {
                let mut inner = Component::new();
                strip_component(wasm, payloads, &mut inner)?;
                out.section(&RawSection {
                    id: ComponentSectionId::Component.into(),
                    data: &inner.finish(),
                });
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = slice(wasm, range);
            out.section(&RawSection { id, data });
        }
    }
    Ok(())
}
