//! How deep component types are declared inside each other: their section read without recursing, which
//! the parser's own reader does.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, InstanceTypeDeclaration, Result,
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
        items.add(1)?;
        // The section's own entries are types, without the byte that says so.
        let outermost = open.len() == 1;
        if let Some(left) = declaration(&mut reader, outermost).map_err(|error| invalid(&error))? {
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

/// Reads one declaration; how many it has inside, where it is a type that has.
fn declaration(reader: &mut BinaryReader<'_>, outermost: bool) -> Result<Option<u32>> {
    let mut start = reader.clone();
    let kind = if outermost { 0x01 } else { reader.read_u8()? };
    match kind {
        0x00 => {
            reader.read::<CoreType<'_>>()?;
        }
        0x01 => {
            let mut ahead = reader.clone();
            if matches!(ahead.read_u8()?, COMPONENT | INSTANCE) {
                let inside = ahead.read_var_u32()?;
                *reader = ahead;
                return Ok(Some(inside));
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
    Ok(None)
}
