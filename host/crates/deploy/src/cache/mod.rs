//! Compiled code, kept on disk so that a plugin is compiled once per machine.
//!
//! An entry is named by the plugin's SHA-256 and by the engine's version and settings, so a change
//! of either is a miss. An entry that is missing, truncated or altered is compiled again. If the
//! cache cannot be used at all, there is a warning and a slower start, but no error. The folder
//! belongs to the user alone (0700; `folder` refuses any other). Entries are written under another
//! name and then renamed. Together they stay below `MAX_BYTES`; the oldest are removed first.

mod folder;
mod trust;

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};
use tollgate_runtime::{Engine, Plugin};
use tollgate_wasm::Calls;

use folder::Folder;
use tollgate_report::one_line;

use crate::compile::{Compiler, Error};

pub use folder::Error as FolderError;

/// The largest size of all entries together, in bytes. A plugin in a scripting language compiles to
/// about 60 MiB, so this holds the plugins of a gateway.
const MAX_BYTES: u64 = 1 << 30;

/// The name of the folder inside the user's cache folder.
const FOLDER: &str = "compiled";

/// The file extension of compiled code, and that of the file with its SHA-256.
const CODE: &str = "cwasm";
const DIGEST: &str = "sha256";

/// The folder of compiled plugins.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    folder: Folder,
}

/// How a compiled plugin was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its code was in the cache.
    Cached,
    /// It was compiled now.
    Compiled,
}

impl Cache {
    /// The number of plugins in the cache below a folder, and their bytes. Creates nothing.
    ///
    /// # Errors
    ///
    /// As for [`Cache::open`], and if there is no cache.
    pub fn usage_below(cache_dir: &Path) -> Result<(usize, u64), FolderError> {
        let dir = cache_dir.join(FOLDER);
        let folder = Folder::open(&dir, false)?;
        let cache = Self { dir, folder };
        cache.usage().map_err(|source| FolderError::Io {
            path: cache.dir.clone(),
            source,
        })
    }

    /// Opens the cache below a folder, which is an absolute path, and makes it private to the user.
    ///
    /// # Errors
    ///
    /// The folder cannot be made, or another user could put code into it.
    pub fn open(cache_dir: &Path) -> Result<Self, FolderError> {
        let dir = cache_dir.join(FOLDER);
        let folder = Folder::open(&dir, true)?;
        Ok(Self { dir, folder })
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The number of plugins in it, and their bytes.
    fn usage(&self) -> io::Result<(usize, u64)> {
        let entries = self.entries()?;
        Ok((entries.len(), entries.iter().map(|entry| entry.bytes).sum()))
    }

    /// Gets the plugin for these bytes from the cache, or compiles and keeps it.
    ///
    /// # Errors
    ///
    /// The bytes are not a component, or do not compile.
    pub fn load(
        &self,
        engine: &Engine,
        wasm: &[u8],
        compiler: &Compiler,
    ) -> Result<(Plugin, Origin), Error> {
        Plugin::check(wasm)?;
        let target = engine.target(Calls::of(wasm))?;
        let code = entry_name(wasm, target.compatibility());
        match trust::load(engine, wasm, &self.folder, &code) {
            Ok(plugin) => return Ok((plugin, Origin::Cached)),
            Err(trust::Miss::NotThere) => {}
            Err(miss) => {
                tracing::info!(entry = code, why = %one_line(&miss), "compiling anew");
            }
        }
        let fresh = compiler.compile(engine, &target, wasm)?;
        if let Err(error) = fresh.code().and_then(|bytes| self.keep(&code, &bytes)) {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot keep compiled code");
            return Ok((fresh.plugin, Origin::Compiled));
        }
        match trust::load(engine, wasm, &self.folder, &code) {
            Ok(plugin) => Ok((plugin, Origin::Compiled)),
            // The entry was removed between the two lines, or the disk is faulty.
            Err(_) => Ok((fresh.plugin, Origin::Compiled)),
        }
    }

    /// Writes an entry: first the code, then the digest that makes the entry valid.
    fn keep(&self, code: &str, compiled: &[u8]) -> io::Result<()> {
        self.folder.write(OsStr::new(code), compiled)?;
        let digest = hex(&Sha256::digest(compiled));
        let name = digest_name(code);
        self.folder.write(OsStr::new(&name), digest.as_bytes())?;
        self.shrink(code)
    }

    /// Removes the oldest entries until the rest fits. The newest one stays.
    fn shrink(&self, newest: &str) -> io::Result<()> {
        let mut entries = self.entries()?;
        entries.sort_by_key(|entry| entry.written);
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries.iter().filter(|entry| entry.code != newest) {
            if bytes <= MAX_BYTES {
                break;
            }
            // The digest is removed first: without it an entry is invalid, whatever is left of it.
            let digest = digest_name(&entry.code);
            self.folder.remove(OsStr::new(&digest)).ok();
            self.folder.remove(OsStr::new(&entry.code))?;
            bytes = bytes.saturating_sub(entry.bytes);
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let files = self.folder.list()?.into_iter();
        let entries = files.filter_map(|file| {
            let code = file.name.into_string().ok()?;
            let is_code = Path::new(&code).extension() == Some(OsStr::new(CODE));
            is_code.then_some(Entry {
                code,
                bytes: file.bytes,
                written: file.written,
            })
        });
        Ok(entries.collect())
    }
}

/// One plugin in the cache.
struct Entry {
    code: String,
    bytes: u64,
    written: SystemTime,
}

/// The file name of an entry's digest.
fn digest_name(code: &str) -> String {
    Path::new(code)
        .with_extension(DIGEST)
        .to_string_lossy()
        .into_owned()
}

/// The file name for a plugin's code, compiled by an engine with this compatibility.
fn entry_name(wasm: &[u8], compatibility: u64) -> String {
    format!("{}-{compatibility:016x}.{CODE}", hex(&Sha256::digest(wasm)))
}

/// Formats bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use tollgate_jail::Strength;
    use tollgate_runtime::EngineConfig;

    use super::*;

    /// A component that exports `wasi:cli/run@0.2.0` and whose `run` does nothing.
    const COMMAND: &[u8] =
        b"\x00asm\x0d\x00\x01\x00\x01/\x00asm\x01\x00\x00\x00\x01\x05\x01`\x00\x01\x7f\
        \x03\x02\x01\x00\x07\x07\x01\x03run\x00\x00\x0a\x06\x01\x04\x00A\x00\x0b\x00\
        \x09\x04name\x00\x02\x01m\x02\x04\x01\x00\x00\x00\x07\x08\x02j\x00\x00@\x00\
        \x00\x00\x06\x09\x01\x00\x00\x01\x00\x03run\x08\x06\x01\x00\x00\x00\x00\x01\
        \x05\x0a\x01\x01\x01\x00\x03run\x01\x00\x0b\x18\x01\x00\x12wasi:cli/run@0.2.\
        0\x05\x00\x00\x005\x0ecomponent-name\x01\x06\x00\x11\x01\x00\x01m\x01\x06\
        \x00\x12\x01\x00\x01i\x01\x07\x01\x01\x00\x03run\x01\x0b\x05\x01\x00\x07expo\
        rts";

    fn fixture() -> (tempfile::TempDir, Cache, Engine) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        (dir, cache, Engine::new(&EngineConfig::default()))
    }

    fn origin(cache: &Cache, engine: &Engine) -> Origin {
        cache
            .load(engine, COMMAND, &Compiler::new(Strength::Off))
            .unwrap()
            .1
    }

    fn files(cache: &Cache, extension: &str) -> Vec<PathBuf> {
        fs::read_dir(&cache.dir)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect()
    }

    #[test]
    fn a_plugin_compiles_once() {
        let (_dir, cache, engine) = fixture();
        assert_eq!(origin(&cache, &engine), Origin::Compiled);
        assert_eq!(origin(&cache, &engine), Origin::Cached);
        assert_eq!(cache.usage().unwrap().0, 1);
        let mode = fs::metadata(cache.dir()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_damaged_entry_is_compiled_anew() {
        let (_dir, cache, engine) = fixture();
        origin(&cache, &engine);
        let code = files(&cache, CODE).remove(0);
        let whole = fs::read(&code).unwrap();
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 1;
        for damaged in [&whole[..whole.len() / 2], b"", &altered] {
            fs::write(&code, damaged).unwrap();
            assert_eq!(origin(&cache, &engine), Origin::Compiled);
            assert_eq!(origin(&cache, &engine), Origin::Cached);
        }
        let digest = files(&cache, DIGEST).remove(0);
        fs::write(&digest, "not a digest").unwrap();
        assert_eq!(origin(&cache, &engine), Origin::Compiled);
        fs::remove_file(&digest).unwrap();
        assert_eq!(origin(&cache, &engine), Origin::Compiled);
        fs::remove_file(&code).unwrap();
        assert_eq!(origin(&cache, &engine), Origin::Compiled);
        assert_eq!(origin(&cache, &engine), Origin::Cached);
    }

    #[test]
    fn code_that_matches_its_digest_and_is_no_code_is_compiled_anew() {
        let (_dir, cache, engine) = fixture();
        origin(&cache, &engine);
        let code = files(&cache, CODE).remove(0);
        let code = code.file_name().unwrap().to_str().unwrap();
        cache.keep(code, b"\x7fELF and nothing else").unwrap();
        assert_eq!(origin(&cache, &engine), Origin::Compiled);
    }

    #[test]
    fn a_cache_that_cannot_be_written_only_costs_time() {
        let (dir, cache, engine) = fixture();
        drop(dir);
        assert_eq!(origin(&cache, &engine), Origin::Compiled);
    }

    #[test]
    fn the_oldest_entries_go_first() {
        let (_dir, cache, _engine) = fixture();
        for name in ["old", "new"] {
            let path = cache.dir.join(name).with_extension(CODE);
            // Sparse: the file has a size but takes no space on the disk.
            fs::File::create(&path)
                .unwrap()
                .set_len(MAX_BYTES - 1)
                .unwrap();
        }
        let old = fs::File::options()
            .write(true)
            .open(cache.dir.join("old.cwasm"))
            .unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        cache.keep("newest.cwasm", b"x").unwrap();
        let mut left = files(&cache, CODE);
        left.sort();
        assert_eq!(
            left,
            [cache.dir.join("new.cwasm"), cache.dir.join("newest.cwasm")]
        );
    }
}
