//! The only place where compiled code is read from disk and run.
//!
//! Wasmtime cannot verify native code, so its caller must know that the code is safe. This module
//! accepts a file only if all of this holds:
//!
//! - `folder` found that only this user and root can write in the cache's folder, and to the file
//!   itself. Either of them could run code as this user anyway.
//! - The file's SHA-256 is the one that was written beside it once it was complete. So it is
//!   neither half written nor damaged.
//! - The entry's name includes the engine's compatibility, so the same Wasmtime made it, with the
//!   same settings.
//!
//! The descriptor that was hashed is also the one that is mapped. A file that fails a check is a
//! miss and is compiled again.

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

/// How much of an entry is read at once, in bytes: large enough for few calls, and small enough to
/// be in the processor's cache when it is hashed.
const CHUNK_BYTES: usize = 256 << 10;

/// The length of a SHA-256 in hexadecimal.
const DIGEST_BYTES: u64 = 64;

/// Why an entry is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    /// There is no entry, or it was never finished.
    #[error("it is not there")]
    NotThere,
    /// The entry could not be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// The entry does not match its digest.
    #[error("it is not what was written there")]
    Altered,
    /// Wasmtime refuses the entry.
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

/// Loads one entry of the cache, which is the compiled code of `wasm`, if the checks above hold.
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
    // The file that was hashed, even if its name leads to another one by now.
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the file holds what a `Compiler` handed to `Cache::keep` on this machine, for
    // these bytes and for an engine of the same compatibility: the entry's name says so. Its digest
    // was just checked through the same descriptor. `folder` has shown that only this user or root
    // can have written either file, or can change them now.
    unsafe { Plugin::from_compiled_file(engine, wasm, Path::new(&open)) }.map_err(Miss::Refused)
}
