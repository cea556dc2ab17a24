//! Which imported functions of a component really lead to the host.
//!
//! An interface may be imported only for its types. And a call in a core module by the interface's
//! name need not lead to the host, since a toolchain can insert its own functions. What does lead
//! to the host is aliased out of the imported instance, or the instance is passed to an inner
//! component.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentTypeRef, Payload, Result,
};

/// Facts about the outermost component.
#[derive(Default)]
pub(super) struct Links {
    /// Its instances by index; imported ones have a name.
    instances: Vec<Option<String>>,
    taken: BTreeMap<String, Vec<String>>,
    handed_on: BTreeSet<String>,
}

impl Links {
    /// Reads a section of the outermost component.
    pub(super) fn see(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import?;
                    if matches!(import.ty, ComponentTypeRef::Instance(_)) {
                        self.instances.push(Some(import.name.name.to_owned()));
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { args, .. } = instance? {
                        let kind = ComponentExternalKind::Instance;
                        for argument in args.iter().filter(|argument| argument.kind == kind) {
                            let name = self.name(argument.index).map(str::to_owned);
                            self.handed_on.extend(name);
                        }
                    }
                    self.instances.push(None);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    if export?.kind == ComponentExternalKind::Instance {
                        self.instances.push(None);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let ComponentAlias::InstanceExport {
            kind,
            instance_index,
            name,
        } = alias
        else {
            return;
        };
        match kind {
            ComponentExternalKind::Func => {
                if let Some(interface) = self.name(*instance_index).map(str::to_owned) {
                    let functions = self.taken.entry(interface).or_default();
                    functions.push((*name).to_owned());
                }
            }
            ComponentExternalKind::Instance => self.instances.push(None),
            _ => {}
        }
    }

    fn name(&self, instance: u32) -> Option<&str> {
        let instance = usize::try_from(instance).ok()?;
        self.instances.get(instance)?.as_deref()
    }

    /// The functions of an imported interface that are called. `called` are those that inner core
    /// modules call by its name.
    pub(super) fn functions(&mut self, interface: &str, called: Vec<String>) -> Vec<String> {
        match self.taken.remove(interface) {
            Some(taken) => taken,
            None if self.handed_on.contains(interface) => called,
            None => Vec::new(),
        }
    }

    /// Whether an imported interface leads to the host.
    pub(super) fn lead(&self, interface: &str) -> bool {
        self.taken.contains_key(interface) || self.handed_on.contains(interface)
    }
}
