//! What compiled code depends on: enough to compile for an engine in another process, which needs no room for
//! instances.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    str::FromStr,
};

use tollgate_wasm::Calls;

use super::{
    EngineConfig,
    plan::{Allocation, Plan},
};
use crate::{Error, Plugin, error::reason, plugin};

/// What the code of a plugin is compiled for. Another process of this build that is handed it as text compiles the
/// same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    calls: Calls,
    memory_bytes: u64,
    compatibility: u64,
}

impl Target {
    pub(super) fn new(wasmtime: &wasmtime::Engine, calls: Calls, memory_bytes: u64) -> Self {
        Self {
            calls,
            memory_bytes,
            compatibility: compatibility(wasmtime, calls),
        }
    }

    /// A number for this build and configuration: code that was compiled under one number must not be loaded under
    /// another.
    pub fn compatibility(&self) -> u64 {
        self.compatibility
    }

    /// Compiles a guest to bytes for [`Plugin::from_compiled_file`]. Whether its imports and exports are those of a
    /// plugin is looked at when it is loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NotAComponent`], [`Error::Wasm`], [`Error::Invalid`]; [`Error::Engine`] if this build would
    /// compile other code.
    pub fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        Plugin::check(wasm)?;
        let plan = Plan {
            allocation: Allocation::OnDemand,
            memory: self.memory_bytes,
        };
        let config = plan.wasmtime(&EngineConfig::default(), self.calls);
        let wasmtime = wasmtime::Engine::new(&config).map_err(|error| Error::Engine {
            reason: reason(&error),
        })?;
        if compatibility(&wasmtime, self.calls) != self.compatibility {
            return Err(Error::Engine {
                reason: "this build compiles other code than the host runs".to_owned(),
            });
        }
        plugin::code(&wasmtime, wasm)
    }
}

fn compatibility(wasmtime: &wasmtime::Engine, calls: Calls) -> u64 {
    let mut hasher = DefaultHasher::new();
    wasmtime.precompile_compatibility_hash().hash(&mut hasher);
    // The two sides must have different numbers, whatever Wasmtime's own hash contains.
    calls.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = match self.calls {
            Calls::Sync => "sync",
            Calls::Async => "async",
        };
        write!(f, "{calls},{},{:x}", self.memory_bytes, self.compatibility)
    }
}

impl FromStr for Target {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(',');
        let mut next = || parts.next().ok_or(());
        let target = Self {
            calls: match next()? {
                "sync" => Calls::Sync,
                "async" => Calls::Async,
                _ => return Err(()),
            },
            memory_bytes: next()?.parse().map_err(drop)?,
            compatibility: u64::from_str_radix(next()?, 16).map_err(drop)?,
        };
        match parts.next() {
            None => Ok(target),
            Some(_) => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Engine;

    use super::*;

    /// A core module that exports a memory and `_start`.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

    #[test]
    fn code_of_another_process_is_the_same() {
        let engine = Engine::new(&EngineConfig::default());
        for calls in [Calls::Sync, Calls::Async] {
            let target = engine.target(calls).unwrap();
            let other: Target = target.to_string().parse().unwrap();
            assert_eq!(other, target);
            if calls == Calls::Sync {
                let here = Plugin::new(&engine, MODULE).unwrap().to_compiled();
                assert_eq!(other.compile(MODULE).unwrap(), here.unwrap());
            }
        }
        let target = engine.target(Calls::Sync).unwrap();
        let strange = Target {
            compatibility: target.compatibility ^ 1,
            ..target
        };
        assert!(matches!(strange.compile(MODULE), Err(Error::Engine { .. })));
        assert!(target.compile(b"no wasm").is_err());
        for wrong in ["", "sync,1", "other,1,2", "sync,1,2,3", "sync,x,2"] {
            assert_eq!(wrong.parse::<Target>(), Err(()), "{wrong}");
        }
    }
}
