//! How deep component types are declared inside each other. Their section is read without recursion, unlike in
//! the parser's own reader.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, InstanceTypeDeclaration, ModuleTypeDeclaration, Result,
};

use super::{Bound, NESTED_TYPES, invalid, within};
use crate::Error;

const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;

/// The type of a component or an instance whose declarations are being read.
struct Open {
    /// How many declarations are still to come.
    left: u32,
}

/// Checks a section of component types, and counts what they declare.
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
        // The section's own entries are all types, so they have no byte for their kind.
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

/// How many items a core type declares: types, and the other declarations of a core module's type.
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

/// Reads one declaration. Returns how many declarations are inside, if it is the type of a component or an
/// instance, and as how many items it counts.
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
        // Its kind is unknown: the parser's own error says so.
        _ => {
            start.read::<InstanceTypeDeclaration<'_>>()?;
        }
    }
    Ok((None, 1))
}
