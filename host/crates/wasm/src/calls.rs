//! How a guest is called: synchronously, as in WASI 0.2 and before, or asynchronously, as a guest for WASI
//! 0.3 needs it.
//!
//! This is decided only by the guest's bytes: its imports, its exports and the functions it is built with.
//! Nothing is validated or compiled here. Bytes that are no component count as synchronous, and the engine
//! reports what is wrong with them.

use wasmparser::{
    BinaryReaderError, CanonicalFunction, CanonicalOption, ComponentDefinedType, ComponentType,
    ComponentTypeDeclaration, InstanceTypeDeclaration, Parser, Payload,
};

/// How a guest is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Calls {
    /// On the worker's own stack. If the guest waits, the worker's thread waits.
    #[default]
    Sync,
    /// On a stack of its own, so that it can wait for several things at once. Calls cost more.
    Async,
}

impl Calls {
    /// What these bytes need.
    pub fn of(wasm: &[u8]) -> Self {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.and_then(|payload| is_async(&payload)) {
                Ok(true) => return Calls::Async,
                Ok(false) => {}
                Err(_) => break,
            }
        }
        Calls::Sync
    }
}

/// Whether an interface belongs to WASI 0.3.
fn is_wasi3(name: &str) -> bool {
    name.starts_with("wasi:") && name.contains("@0.3.")
}

fn is_async(payload: &Payload<'_>) -> Result<bool, BinaryReaderError> {
    match payload {
        Payload::ComponentImportSection(section) => {
            any(section.clone(), |import| is_wasi3(import.name.name))
        }
        Payload::ComponentExportSection(section) => {
            any(section.clone(), |export| is_wasi3(export.name.name))
        }
        Payload::ComponentTypeSection(section) => any(section.clone(), |ty| has_async(&ty)),
        Payload::ComponentCanonicalSection(section) => {
            any(section.clone(), |function| needs_async(&function))
        }
        _ => Ok(false),
    }
}

fn any<T>(
    items: impl IntoIterator<Item = Result<T, BinaryReaderError>>,
    is: impl Fn(T) -> bool,
) -> Result<bool, BinaryReaderError> {
    for item in items {
        if is(item?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether only asynchronous guests have this type, or a type inside it.
fn has_async(ty: &ComponentType<'_>) -> bool {
    match ty {
        ComponentType::Func(function) => function.async_,
        ComponentType::Defined(defined) => matches!(
            defined,
            ComponentDefinedType::Future(_) | ComponentDefinedType::Stream(_)
        ),
        ComponentType::Instance(declarations) => declarations.iter().any(|declaration| {
            matches!(declaration, InstanceTypeDeclaration::Type(ty) if has_async(ty))
        }),
        ComponentType::Component(declarations) => declarations.iter().any(|declaration| {
            matches!(declaration, ComponentTypeDeclaration::Type(ty) if has_async(ty))
        }),
        ComponentType::Resource { .. } => false,
    }
}

/// Whether only asynchronous guests have this function between core code and component.
fn needs_async(function: &CanonicalFunction) -> bool {
    match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options.contains(&CanonicalOption::Async)
        }
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => false,
        // Tasks, threads, streams, futures and waiting for them.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that imports an empty instance of this name.
    fn importing(name: &str) -> Vec<u8> {
        let len = |bytes: usize| u8::try_from(bytes).unwrap();
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        // One type: an empty instance.
        wasm.extend([7, 3, 1, 0x42, 0]);
        // One import of that type.
        wasm.extend([10, len(name.len() + 5), 1, 0, len(name.len())]);
        wasm.extend(name.as_bytes());
        wasm.extend([5, 0]);
        wasm
    }

    #[test]
    fn imports_tell() {
        for (name, calls) in [
            ("wasi:clocks/monotonic-clock@0.3.0", Calls::Async),
            ("wasi:cli/stdout@0.3.7", Calls::Async),
            ("wasi:cli/stdout@0.2.3", Calls::Sync),
            ("my:wasi/clock@0.3.0", Calls::Sync),
            ("wasi:nn/tensor@0.2.0-rc-2024-10-28", Calls::Sync),
        ] {
            assert_eq!(Calls::of(&importing(name)), calls, "{name}");
        }
    }

    #[test]
    fn types_tell() {
        let with_type = |ty: &[u8]| {
            let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
            let bytes = u8::try_from(ty.len() + 1).unwrap();
            wasm.extend([7, bytes, 1]);
            wasm.extend(ty);
            Calls::of(&wasm)
        };
        // `func()`, `async func()`, `future`, and an instance type with a `future` in it.
        assert_eq!(with_type(&[0x40, 0, 1, 0]), Calls::Sync);
        assert_eq!(with_type(&[0x43, 0, 1, 0]), Calls::Async);
        assert_eq!(with_type(&[0x65, 0]), Calls::Async);
        assert_eq!(with_type(&[0x42, 1, 1, 0x65, 0]), Calls::Async);
    }

    #[test]
    fn whatever_else_it_is_is_called_synchronously() {
        let whole = importing("wasi:clocks/monotonic-clock@0.3.0");
        for end in 0..whole.len() {
            assert_eq!(Calls::of(&whole[..end]), Calls::Sync, "{end} bytes");
        }
        assert_eq!(Calls::of(b"\0asm\x01\0\0\0"), Calls::Sync);
        assert_eq!(Calls::of(b"hello"), Calls::Sync);
    }
}
