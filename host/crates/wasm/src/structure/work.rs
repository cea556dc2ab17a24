//! How much work functions are for their compiler, estimated from their operators.
//!
//! A byte of code can stand for thousands of values: a declaration for 50,000 locals, a call for 1,000 results,
//! an entry of a branch table for all values that its target takes. And a local may need a merged value at each
//! place where control flow joined since it was last used. All of it is summed here, so that a file is refused
//! by what the compiler would make of it.

use wasmparser::{
    BlockType, CompositeInnerType, ContType, Encoding, FrameKind, FuncType, FunctionBody,
    ModuleArity, Operator, Parser, Payload, RefType, SubType, TypeRef, UnpackedIndex,
};

use super::{Bound, FUNCTION_MERGES, MERGES, VALUES, invalid, within};
use crate::Error;

/// Refuses code that would cost its compiler far more than honest code of its size.
///
/// # Errors
///
/// [`Error::Structure`], and [`Error::Unreadable`] if an operator cannot be read.
pub fn check_work(wasm: &[u8]) -> Result<(), Error> {
    let mut values = Bound::new("values in its functions", VALUES);
    let mut merges = Bound::new("values merged in its functions", MERGES);
    let mut open = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| invalid(&error))?;
        match &payload {
            Payload::Version { encoding, .. } => {
                open.push((*encoding == Encoding::Module).then(Module::default));
            }
            Payload::End(_) => {
                open.pop();
            }
            _ => {
                let Some(Some(module)) = open.last_mut() else {
                    continue;
                };
                if let Payload::CodeSectionEntry(body) = &payload {
                    let work = module.body(body).map_err(|error| invalid(&error))?;
                    within(
                        "values merged in one function",
                        FUNCTION_MERGES,
                        work.merges,
                    )?;
                    values.add(work.values)?;
                    merges.add(work.merges)?;
                } else {
                    let signatures = module.see(&payload).map_err(|error| invalid(&error))?;
                    values.add(signatures)?;
                }
            }
        }
    }
    Ok(())
}

/// As how many values a declared local counts, even if it is not used: it is set to zero.
const LOCAL: u64 = 8;

/// The most values that one operator handles in honest code. Each value beyond that counts more.
const AT_ONCE: u64 = 64;
const BEYOND: u64 = 63;

/// The work for one function.
#[derive(Default)]
struct Work {
    values: u64,
    merges: u64,
}

/// A core module that is being read: all that the meaning of its operators depends on.
#[derive(Default)]
struct Module {
    types: Vec<SubType>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    /// The type of each tag.
    tags: Vec<u32>,
    /// How many functions were read, imported ones included.
    seen: usize,
    /// The open blocks, and how many joins there were when each local was last used. They are kept from
    /// function to function to use their memory again.
    blocks: Vec<(BlockType, FrameKind)>,
    used: Vec<u64>,
}

impl Module {
    /// Reads a section without code. Returns the values in the signatures of functions, since calls from the
    /// host have code of their own.
    fn see(&mut self, payload: &Payload<'_>) -> wasmparser::Result<u64> {
        let mut signatures = 0;
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    for ty in group?.into_types() {
                        signatures += 1 + sum(self.sub_type_arity(&ty));
                        self.types.push(ty);
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                            self.functions.push(ty);
                            signatures += self.signature(ty);
                        }
                        TypeRef::Tag(tag) => self.tags.push(tag.func_type_idx),
                        _ => {}
                    }
                }
                self.seen = self.functions.len();
            }
            Payload::FunctionSection(section) => {
                for ty in section.clone() {
                    let ty = ty?;
                    self.functions.push(ty);
                    signatures += self.signature(ty);
                }
            }
            Payload::TagSection(section) => {
                for tag in section.clone() {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            _ => {}
        }
        Ok(signatures)
    }

    fn signature(&self, ty: u32) -> u64 {
        let arity = self.sub_type_at(ty).and_then(|ty| self.sub_type_arity(ty));
        sum(arity)
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<Work> {
        let ty = self.functions.get(self.seen).copied().unwrap_or(u32::MAX);
        self.seen += 1;
        let parameters = self
            .sub_type_at(ty)
            .and_then(|ty| self.sub_type_arity(ty))
            .map_or(0, |(parameters, _)| u64::from(parameters));
        let mut locals = parameters;
        for declared in body.get_locals_reader()? {
            locals = locals.saturating_add(u64::from(declared?.0));
        }
        let mut work = Work {
            values: locals.saturating_mul(LOCAL),
            merges: 0,
        };
        self.blocks.clear();
        self.blocks
            .push((BlockType::FuncType(ty), FrameKind::Block));
        self.used.clear();
        let mut joins = 0;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let handled = 1 + sum(operator.operator_arity(self));
            work.values = work.values.saturating_add(handled);
            match &operator {
                Operator::LocalGet { local_index }
                | Operator::LocalSet { local_index }
                | Operator::LocalTee { local_index } => {
                    work.merges += self.joined(*local_index, joins);
                }
                Operator::Block { blockty } => self.opens(&mut joins, *blockty, FrameKind::Block),
                Operator::Loop { blockty } => self.opens(&mut joins, *blockty, FrameKind::Loop),
                Operator::If { blockty } => self.opens(&mut joins, *blockty, FrameKind::If),
                Operator::Else => joins += 1,
                Operator::TryTable { try_table } => {
                    let labels = try_table.catches.len() as u64;
                    joins += labels;
                    work.values = work.values.saturating_add(labels);
                    self.opens(&mut joins, try_table.ty, FrameKind::TryTable);
                }
                Operator::BrTable { targets } => {
                    // Each entry passes all values that its target takes.
                    for depth in targets.targets() {
                        let passed = Operator::Br {
                            relative_depth: depth?,
                        };
                        let passed = 1 + sum(passed.operator_arity(self));
                        work.values = work.values.saturating_add(passed);
                    }
                }
                Operator::End => {
                    self.blocks.pop();
                }
                _ => {}
            }
        }
        Ok(work)
    }

    fn opens(&mut self, joins: &mut u64, ty: BlockType, kind: FrameKind) {
        *joins += 1;
        self.blocks.push((ty, kind));
    }

    /// How many joins there were since this local was last used; `joins` is their number by now.
    fn joined(&mut self, local: u32, joins: u64) -> u64 {
        // The compiler refuses more locals than the format allows.
        let local = usize::try_from(local).unwrap_or(usize::MAX).min(1 << 16);
        if self.used.len() <= local {
            self.used.resize(local + 1, 0);
        }
        let before = self.used.get_mut(local);
        before.map_or(0, |before| joins - std::mem::replace(before, joins))
    }
}

/// The values that an operator or a signature handles. Each beyond [`AT_ONCE`] counts more, since all of them
/// are alive at once.
fn sum(arity: Option<(u32, u32)>) -> u64 {
    let count = arity.map_or(0, |(takes, gives)| u64::from(takes) + u64::from(gives));
    count + count.saturating_sub(AT_ONCE) * BEYOND
}

impl ModuleArity for Module {
    fn sub_type_at(&self, index: u32) -> Option<&SubType> {
        self.types.get(usize::try_from(index).ok()?)
    }

    fn tag_type_arity(&self, tag: u32) -> Option<(u32, u32)> {
        let ty = *self.tags.get(usize::try_from(tag).ok()?)?;
        self.sub_type_arity(self.sub_type_at(ty)?)
    }

    fn type_index_of_function(&self, function: u32) -> Option<u32> {
        self.functions.get(usize::try_from(function).ok()?).copied()
    }

    fn func_type_of_cont_type(&self, ty: &ContType) -> Option<&FuncType> {
        let UnpackedIndex::Module(index) = ty.0.unpack() else {
            return None;
        };
        match &self.sub_type_at(index)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    fn sub_type_of_ref_type(&self, ty: &RefType) -> Option<&SubType> {
        self.sub_type_at(ty.type_index()?.as_module_index()?)
    }

    fn control_stack_height(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap_or(u32::MAX)
    }

    fn label_block(&self, depth: u32) -> Option<(BlockType, FrameKind)> {
        let depth = usize::try_from(depth).ok()?;
        let at = self.blocks.len().checked_sub(depth.checked_add(1)?)?;
        self.blocks.get(at).copied()
    }
}
