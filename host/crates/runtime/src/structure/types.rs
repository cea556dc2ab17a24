//! How deep component types are declared inside each other: their section read without recursing, which
//! the parser's own reader does.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, InstanceTypeDeclaration, ModuleTypeDeclaration, Result,
};

use super::{Bound, NESTED_TYPES, invalid, within};
use crate::Error;

const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;

/// A component's or an instance's type that is open.
struct Open {
    /// Declarations to come.
    left: u32,
}

/// Looks at a section of component types; counts what is declared in them.
pub(super) fn check(section: &[u8], offset: u64, items: &mut Bound) -> Result<(), Error> {
    let mut reader = BinaryReader::new(section, offset);
    let types = reader.read_var_u32().map_err(|error| invalid(&error))?;
    let mut open = vec![Open { left: types }];
    while let Some(top) = open.last_mut() {
        if top.left == 0 {
            open.pop();
            continue;
        }
        top.left -= 1;
        // The section's own entries are types, without the byte that says so.
        let outermost = open.len() == 1;
        let (inside, count) =
            declaration(&mut reader, outermost).map_err(|error| invalid(&error))?;
        items.add(count)?;
        if let Some(left) = inside {
            open.push(Open { left });
            within(
                "component types inside each other",
                NESTED_TYPES,
                open.len() as u64 - 1,
            )?;
        }
    }
    Ok(())
}

/// Types that a core type declares, and what else a core module's type does.
pub(super) fn declared(ty: &CoreType<'_>) -> u64 {
    match ty {
        CoreType::Rec(group) => group.types().len() as u64,
        CoreType::Module(declarations) => declarations
            .iter()
            .map(|declaration| match declaration {
                ModuleTypeDeclaration::Type(group) => group.types().len() as u64,
                _ => 1,
            })
            .sum(),
    }
}

/// Reads one declaration; how many it has inside, where it is a component's or an instance's type, and how
/// many items it is.
fn declaration(reader: &mut BinaryReader<'_>, outermost: bool) -> Result<(Option<u32>, u64)> {
    let mut start = reader.clone();
    let kind = if outermost { 0x01 } else { reader.read_u8()? };
    match kind {
        0x00 => {
            let ty = reader.read::<CoreType<'_>>()?;
            return Ok((None, declared(&ty)));
        }
        0x01 => {
            let mut ahead = reader.clone();
            if matches!(ahead.read_u8()?, COMPONENT | INSTANCE) {
                let inside = ahead.read_var_u32()?;
                *reader = ahead;
                return Ok((Some(inside), 1));
            }
            reader.read::<ComponentType<'_>>()?;
        }
        0x02 => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        0x03 => {
            reader.read::<ComponentImport<'_>>()?;
        }
        0x04 => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
        // It is of no kind that there is, which the parser says in its own words.
        _ => {
            start.read::<InstanceTypeDeclaration<'_>>()?;
        }
    }
    Ok((None, 1))
}
