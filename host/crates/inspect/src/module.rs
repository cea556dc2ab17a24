//! Checks a file's own core module: the types of its imported and exported functions are compared
//! with what the host offers and expects. Modules inside components are not checked.

use std::collections::HashMap;

use tollgate_wasm::offered::{self, HANDLE, START};
use wasmparser::{CompositeInnerType, ExternalKind, FuncType, Payload, Result, TypeRef, ValType};

use crate::known::remedy;

/// The largest number of functions of one module that are named.
const NAMED: usize = 8;

/// Facts about the module.
#[derive(Default)]
pub(super) struct Module {
    types: Vec<Option<FuncType>>,
    functions: Vec<u32>,
    refused: HashMap<String, Refused>,
    /// Exported functions whose types are checked.
    entries: Vec<(&'static str, String)>,
}

/// Imports from one module that are not offered.
#[derive(Default)]
struct Refused {
    named: Vec<String>,
    remedies: Vec<&'static str>,
    more: usize,
}

impl Module {
    /// Reads a section of the outermost module.
    pub(super) fn see(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    for ty in group?.into_types() {
                        self.types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let import = import?;
                    let ty = match import.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                            self.functions.push(ty);
                            self.signature(ty)
                        }
                        TypeRef::Table(_) => "(table)".to_owned(),
                        TypeRef::Memory(_) => "(memory)".to_owned(),
                        TypeRef::Global(_) => "(global)".to_owned(),
                        TypeRef::Tag(_) => "(tag)".to_owned(),
                    };
                    if let Some(words) = offered::refused(import.module, import.name, &ty) {
                        self.refuse(import.module, import.name, words);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section.clone() {
                    self.functions.push(ty?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    let known = ["handle", "_start", "_initialize"];
                    let known = known.into_iter().find(|name| *name == export.name);
                    if let (Some(name), ExternalKind::Func) = (known, export.kind) {
                        let function = usize::try_from(export.index).unwrap_or(usize::MAX);
                        let ty = self.functions.get(function).copied().unwrap_or(u32::MAX);
                        self.entries.push((name, self.signature(ty)));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn refuse(&mut self, module: &str, name: &str, words: String) {
        let refused = self.refused.entry(module.to_owned()).or_default();
        let offered = offered::offered(module, name).is_some();
        if let Some(remedy) = remedy(module, name)
            && !offered
            && !refused.remedies.contains(&remedy)
        {
            refused.remedies.push(remedy);
        }
        if refused.named.len() < NAMED {
            refused.named.push(words);
        } else {
            refused.more += 1;
        }
    }

    fn signature(&self, ty: u32) -> String {
        let index = usize::try_from(ty).unwrap_or(usize::MAX);
        let Some(Some(ty)) = self.types.get(index) else {
            return "(a function of no type that is declared)".to_owned();
        };
        let text = |ty: &ValType| ty.to_string();
        offered::signature(ty.params().iter().map(text), ty.results().iter().map(text))
    }

    /// Which imports from a module are not offered, and what to do.
    pub(super) fn refused(&self, module: &str) -> Option<String> {
        let refused = self.refused.get(module)?;
        let mut words = refused.named.join(", ");
        if refused.more > 0 {
            words.push_str(&format!(" and {} more", refused.more));
        }
        for remedy in &refused.remedies {
            words.push_str("; ");
            words.push_str(remedy);
        }
        Some(words)
    }

    /// Exported functions for the host whose type is not the expected one.
    pub(super) fn wrong_entries(&self) -> impl Iterator<Item = String> {
        // A command takes no frames, and a plugin is not started.
        let command = self.entries.iter().any(|(name, _)| *name == "_start");
        self.entries.iter().filter_map(move |(name, is)| {
            let (expected, called) = match *name {
                "handle" => (HANDLE, !command),
                "_initialize" => (START, !command),
                _ => (START, true),
            };
            (called && is != expected).then(|| {
                format!("it exports `{name}` as {is}, expected {expected}: it does not run")
            })
        })
    }
}
