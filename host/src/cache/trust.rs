//! The one place where compiled code is taken from disk and run.
//!
//! Wasmtime cannot check native code; whoever hands it some vouches for it. This room vouches for
//! a file only when all of this holds: the cache's folder was made the user's alone (0700) by
//! `Cache::open`, so whoever can write in it can run code as this user anyway; the file's SHA-256
//! is the one that was written beside it after it was complete, so it is neither half written nor
//! rotten; and the entry's name carries the engine's compatibility, so it was made by the same
//! Wasmtime with the same settings. What fails the check is a miss and is compiled again.

#![allow(unsafe_code)] // Wasmtime's own contract for deserialising code, argued above.

use std::{
    fs,
    io::{self, BufReader},
    path::Path,
};

use sha2::{Digest, Sha256};
use tollgate_runtime::{Calls, Engine, Plugin};

use super::{DIGEST, hex};

/// How much of an entry is read at once, in bytes: few calls, and still in the processor's cache
/// when it is hashed.
const CHUNK_BYTES: usize = 256 << 10;

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

/// Loads one entry of the cache, if it can be vouched for.
pub(super) fn load(engine: &Engine, calls: Calls, code: &Path) -> Result<Plugin, Miss> {
    let expected = fs::read(code.with_extension(DIGEST))?;
    let mut digest = Sha256::new();
    let mut file = BufReader::with_capacity(CHUNK_BYTES, fs::File::open(code)?);
    io::copy(&mut file, &mut digest)?;
    if hex(&digest.finalize()).as_bytes() != expected {
        return Err(Miss::Altered);
    }
    // SAFETY: the file holds what `Plugin::compile` returned to `Cache::keep` on this machine for
    // an engine of the same compatibility and such calls: its name says so, its digest was just checked, and only
    // this user can have written either or can change them now.
    unsafe { Plugin::from_compiled_file(engine, calls, code) }.map_err(Miss::Refused)
}
