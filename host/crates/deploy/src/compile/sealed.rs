//! The only place where code that a helper compiled is run: if nobody can change it any more.
#![allow(unsafe_code)] // Wasmtime's own contract for deserialising code, argued below.

use std::{fs::File, os::fd::AsRawFd, path::Path};

use tollgate_runtime::{Engine, Error, Plugin};

/// Loads what a helper has compiled now from `wasm`; an error if the file could still change.
pub(super) fn load(engine: &Engine, wasm: &[u8], file: &File) -> Result<Plugin, Error> {
    if !is_sealed(file) {
        return Err(Error::Engine {
            reason: "compiled code could still be changed".to_owned(),
        });
    }
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the file is the result of a helper, which is this program (`/proc/self/exe`) and wrote what
    // `Target::compile` returned for these bytes: `Job::run` gives no result of one that ended in another
    // way. Its seals were just looked at: no process can change its bytes or length.
    unsafe { Plugin::from_compiled_file(engine, wasm, Path::new(&open)) }
}

#[cfg(target_os = "linux")]
fn is_sealed(file: &File) -> bool {
    use rustix::fs::{SealFlags, fcntl_get_seals};
    let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    fcntl_get_seals(file).is_ok_and(|seals| seals.contains(all))
}

/// There are no helpers, and no seals.
#[cfg(not(target_os = "linux"))]
fn is_sealed(_file: &File) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tollgate_runtime::EngineConfig;

    use super::*;

    #[test]
    fn a_file_that_can_change_is_not_run() {
        let engine = Engine::new(&EngineConfig::default());
        let file = tempfile::tempfile().unwrap();
        let error = load(&engine, b"", &file).map(drop).unwrap_err();
        assert!(error.to_string().contains("could still be changed"));
    }
}
