//! The one place where compiled code is taken from disk and run.
//!
//! Wasmtime cannot check native code; whoever hands it some vouches for it. This room vouches for
//! a file only when all of this holds: `folder` found that nobody but this user and root can write in
//! the cache's folder, nor the file itself, so whoever wrote it can run code as this user anyway; the
//! file's SHA-256 is the one that was written beside it after it was complete, so it is neither half
//! written nor rotten; and the entry's name carries the engine's compatibility, so it was made by the
//! same Wasmtime with the same settings. The descriptor that was hashed is the one that is mapped. What
//! fails the check is a miss and is compiled again.

#![allow(unsafe_code)] // Wasmtime's own contract for deserialising code, argued above.

use std::{
    ffi::OsStr,
    io::{self, BufReader, Read},
    os::fd::AsRawFd,
    path::Path,
};

use sha2::{Digest, Sha256};
use tollgate_runtime::{Engine, Plugin};

use super::{digest_name, folder::Folder, hex};

/// How much of an entry is read at once, in bytes: few calls, and still in the processor's cache
/// when it is hashed.
const CHUNK_BYTES: usize = 256 << 10;

/// A SHA-256 in hexadecimal.
const DIGEST_BYTES: u64 = 64;

/// Why an entry is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    /// There is none, or it was never finished.
    #[error("it is not there")]
    NotThere,
    /// It could not be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It is not what was written.
    #[error("it is not what was written there")]
    Altered,
    /// Wasmtime will not have it.
    #[error("the engine refuses it")]
    Refused(#[source] tollgate_runtime::Error),
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Miss::NotThere,
            _ => Miss::Read(error),
        }
    }
}

/// Loads one entry of the cache, the compiled code of `wasm`, if it can be vouched for.
pub(super) fn load(
    engine: &Engine,
    wasm: &[u8],
    folder: &Folder,
    code: &str,
) -> Result<Plugin, Miss> {
    let mut expected = Vec::new();
    let digest_file = folder.entry(OsStr::new(&digest_name(code)))?;
    digest_file
        .take(DIGEST_BYTES + 1)
        .read_to_end(&mut expected)?;
    let mut file = folder.entry(OsStr::new(code))?;
    let mut digest = Sha256::new();
    io::copy(
        &mut BufReader::with_capacity(CHUNK_BYTES, &mut file),
        &mut digest,
    )?;
    if hex(&digest.finalize()).as_bytes() != expected {
        return Err(Miss::Altered);
    }
    // The file that was hashed, whatever its name leads to by now.
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the file holds what `Plugin::compile` returned to `Cache::keep` on this machine for
    // these bytes and an engine of the same compatibility: its name says so, its digest was just
    // checked through the same descriptor, and `folder` has shown that only this user or root can
    // have written either or can change them now.
    unsafe { Plugin::from_compiled_file(engine, wasm, Path::new(&open)) }.map_err(Miss::Refused)
}
