//! The walk over a file's sections: sizes, counts and nesting, including those of the WIT inside a module.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Parser, Payload,
};

use super::{
    BODY_BYTES, Bound, FILE_BYTES, INSTANCES, INSTANTIATIONS_UNKNOWN, ITEMS, NESTED, PARTS,
    invalid, types, within,
};
use crate::Error;

/// The toolchains' name for the section with the component that describes a module's world.
const COMPONENT_TYPE: &str = "component-type";

/// Refuses a file that is too large, nested too deep, or has too many parts to be read and compiled. It must
/// be called before anything else reads the file.
///
/// # Errors
///
/// [`Error::Structure`], and [`Error::Unreadable`] if its sections cannot be read to the end.
pub fn check_outline(wasm: &[u8]) -> Result<(), Error> {
    within("bytes", FILE_BYTES, wasm.len() as u64)?;
    let mut walk = Walk::new();
    // A module's world is a component in a section of its own.
    let mut files = vec![wasm];
    while let Some(file) = files.pop() {
        walk.open.clear();
        for payload in Parser::new(0).parse_all(file) {
            let payload = payload.map_err(|error| invalid(&error))?;
            if let Payload::CustomSection(section) = &payload
                && section.name().starts_with(COMPONENT_TYPE)
                && section.data().starts_with(b"\0asm")
            {
                files.push(section.data());
            }
            walk.see(file, &payload)?;
        }
    }
    Ok(())
}

/// The number of instances to which a component unrolls; none if it is not known here.
type Unrolled = Option<u64>;

/// A module or component whose sections are being read.
#[derive(Default)]
struct Open {
    /// Its components, in the order of their numbers.
    components: Vec<Unrolled>,
    /// How many instances are made when it is instantiated.
    instances: u64,
}

struct Walk {
    open: Vec<Open>,
    parts: Bound,
    items: Bound,
    /// Instantiations of components in the file, not unrolled.
    instantiations: Bound,
    /// Whether one of them instantiates a component that is not known here.
    unknown: bool,
}

impl Walk {
    fn new() -> Self {
        Self {
            open: Vec::new(),
            parts: Bound::new("components and modules", PARTS),
            items: Bound::new("items in its sections", ITEMS),
            instantiations: Bound::new("instantiations of components", u64::MAX),
            unknown: false,
        }
    }

    fn see(&mut self, file: &[u8], payload: &Payload<'_>) -> Result<(), Error> {
        self.items.add(count(payload))?;
        match payload {
            Payload::Version { encoding, .. } => {
                self.parts.add(1)?;
                self.open.push(Open {
                    // A module makes none; its instantiation counts as one.
                    instances: u64::from(*encoding == Encoding::Component),
                    ..Open::default()
                });
                within(
                    "components inside each other",
                    NESTED,
                    self.open.len() as u64,
                )?;
            }
            Payload::End(_) => {
                let closed = self.open.pop().unwrap_or_default();
                within(
                    "instances once its components are unrolled",
                    INSTANCES,
                    closed.instances,
                )?;
                if self.unknown {
                    within(
                        "instantiations where one is of a component that it was handed",
                        INSTANTIATIONS_UNKNOWN,
                        self.instantiations.used,
                    )?;
                }
                // Only components are numbered, not modules.
                if let Some(around) = self.open.last_mut()
                    && closed.instances > 0
                {
                    around.components.push(Some(closed.instances));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                let bytes = range.end.saturating_sub(range.start);
                within("bytes of one function", BODY_BYTES, bytes)?;
            }
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                let bounds = (usize::try_from(range.start), usize::try_from(range.end));
                if let (Ok(start), Ok(end)) = bounds {
                    let bytes = file.get(start..end).unwrap_or_default();
                    types::check(bytes, range.start, &mut self.items)?;
                }
            }
            _ => self.components(payload).map_err(|error| invalid(&error))?,
        }
        Ok(())
    }

    /// Records which components there are, and how often each is instantiated.
    fn components(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    let made = matches!(instance?, Instance::Instantiate { .. });
                    self.made(u64::from(made));
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance?
                    {
                        let unrolled = self.component(0, component_index);
                        self.instantiations.used += 1;
                        self.unknown |= unrolled.is_none();
                        self.made(unrolled.unwrap_or(1));
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if matches!(import?.ty, ComponentTypeRef::Component(_)) {
                        self.name(None);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias? {
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Component,
                            ..
                        } => self.name(None),
                        ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Component,
                            count,
                            index,
                        } => {
                            let unrolled = self.component(count, index);
                            self.name(unrolled);
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        let unrolled = self.component(0, export.index);
                        self.name(unrolled);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A component of an enclosing one, this many levels out from the innermost.
    fn component(&self, out: u32, index: u32) -> Unrolled {
        let out = usize::try_from(out).ok()?;
        let around = self.open.len().checked_sub(out.checked_add(1)?)?;
        let components = &self.open.get(around)?.components;
        *components.get(usize::try_from(index).ok()?)?
    }

    fn name(&mut self, unrolled: Unrolled) {
        if let Some(open) = self.open.last_mut() {
            open.components.push(unrolled);
        }
    }

    fn made(&mut self, instances: u64) {
        if let Some(open) = self.open.last_mut() {
            open.instances = open.instances.saturating_add(instances);
        }
    }
}

/// How many items a section declares; those of component types are counted one by one.
fn count(payload: &Payload<'_>) -> u64 {
    let count = match payload {
        // One entry is a group of any number of types.
        Payload::TypeSection(section) => {
            let groups = section.clone().into_iter().flatten();
            return groups.map(|group| group.types().len() as u64).sum();
        }
        Payload::CoreTypeSection(section) => {
            let types = section.clone().into_iter().flatten();
            return types.map(|ty| types::declared(&ty)).sum();
        }
        Payload::ImportSection(section) => section.count(),
        Payload::FunctionSection(section) => section.count(),
        Payload::TableSection(section) => section.count(),
        Payload::MemorySection(section) => section.count(),
        Payload::TagSection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::ElementSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::InstanceSection(section) => section.count(),
        Payload::ComponentInstanceSection(section) => section.count(),
        Payload::ComponentAliasSection(section) => section.count(),
        Payload::ComponentCanonicalSection(section) => section.count(),
        Payload::ComponentImportSection(section) => section.count(),
        Payload::ComponentExportSection(section) => section.count(),
        _ => 0,
    };
    u64::from(count)
}
