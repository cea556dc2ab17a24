//! Key-value buckets on disk. One file holds any number of buckets, and only this module uses redb.
//!
//! A write is one transaction, and it is on disk when it returns. After a crash at any moment a
//! bucket is as it was before the write or after it. Only one write to a file runs at a time;
//! others wait until their deadline and no longer. A file is refused when it is opened if another
//! process has it open, if it is damaged or if it is too large for its buckets. For this all of it
//! is read, so that its contents cannot panic the host later. redb trusts data with the right
//! checksum, which the file's author could forge. So panics in redb are caught wherever it reads,
//! and become ordinary errors.

mod stored;

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use redb::{Database, DatabaseError, TableDefinition};
use tollgate_nn::clock::Deadline;
use tollgate_services::{Bucket, BucketError, KeyValueGrant};

use self::stored::{Failure, Stored, damaged};
use crate::values::BucketArg;

/// Memory for caching pages of a file, in bytes. 8 MiB is what an edge machine can spare.
const CACHE_BYTES: usize = 8 << 20;

/// A bucket's values by key, each with the key's position in the order.
type Values<'a> = TableDefinition<'a, &'static str, (u64, &'static [u8])>;
/// A bucket's keys by position.
type Order<'a> = TableDefinition<'a, u64, &'static str>;
/// For each bucket its size in bytes, and the next position.
const SIZES: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("sizes");
/// The least number of positions that a bucket must have left when it is opened; no disk lasts long
/// enough to use them up.
const PLACES_LEFT: u64 = 1 << 48;
/// The size up to which a file is always accepted, in bytes.
const SMALL_FILE: u64 = 64 << 20;
/// How much larger a file may be than the limit of its buckets: a value takes up to twice its size
/// in pages, a write of everything keeps the old pages until it is done, and redb doubles its file.
const FILE_FACTOR: u64 = 8;
/// The prefix of a bucket's name in the name of its table.
const VALUES: &str = "values/";
const ORDER: &str = "order/";

/// Why buckets cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the file open.
    #[error(
        "the buckets in `{}` are in use by another process: stop it, or name another file",
        .0.display()
    )]
    InUse(PathBuf),
    /// The file cannot be opened, or is no bucket file.
    #[error(
        "cannot use `{}` for buckets: {reason}; expected a file that holds buckets, or a name that is free",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason of the system or the database.
        reason: String,
    },
    /// The file is larger than the limit of its buckets allows.
    #[error(
        "`{}` has {came} bytes, and a file for {buckets} bucket(s) of {each} bytes at most {most}",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many of its buckets were asked for.
        buckets: u64,
        /// The limit of each bucket, in bytes.
        each: u64,
        /// The largest accepted size of the file, in bytes.
        most: u64,
        /// The size of the file, in bytes.
        came: u64,
    },
}

/// Opens buckets, each in its file, which is created if it is missing. Each bucket may hold
/// `bucket_bytes`, which also bounds the file's size before any of it is read.
///
/// # Errors
///
/// [`Error`].
pub fn open(wanted: &[BucketArg], bucket_bytes: u64) -> Result<KeyValueGrant, Error> {
    let mut stores: BTreeMap<&Path, Arc<Store>> = BTreeMap::new();
    let mut buckets: BTreeMap<String, Arc<dyn Bucket>> = BTreeMap::new();
    for BucketArg { name, path } in wanted {
        let store = match stores.get(path.as_path()) {
            Some(store) => Arc::clone(store),
            None => {
                let beside = wanted.iter().filter(|other| other.path == *path);
                check_size(path, beside.count() as u64, bucket_bytes)?;
                Arc::new(Store::open(path)?)
            }
        };
        stores.insert(path, Arc::clone(&store));
        let bucket = store
            .bucket(name, bucket_bytes)
            .map_err(|reason| Error::Open {
                path: path.clone(),
                reason,
            })?;
        buckets.insert(name.clone(), Arc::new(bucket));
    }
    Ok(KeyValueGrant {
        buckets: Arc::new(buckets),
    })
}

/// Checks that a file is not too large for its buckets.
fn check_size(path: &Path, buckets: u64, each: u64) -> Result<(), Error> {
    // A file that is missing or unreadable is reported when it is opened.
    let came = path.metadata().map_or(0, |metadata| metadata.len());
    let most = each.saturating_mul(buckets).max(SMALL_FILE);
    let most = most.saturating_mul(FILE_FACTOR);
    if came <= most {
        return Ok(());
    }
    Err(Error::TooLarge {
        path: path.to_owned(),
        buckets,
        each,
        most,
        came,
    })
}

/// Runs an operation of redb; a panic in it becomes an error of the file.
fn caught<T, E>(run: impl FnOnce() -> Result<T, E>, damaged: impl FnOnce() -> E) -> Result<T, E> {
    // The state that redb leaves behind when it unwinds is only used by redb, which refuses it or
    // panics again and is caught.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(damaged()))
}

/// The message for a file whose contents make redb panic.
const DAMAGED: &str = "its contents are damaged";

/// One open file.
struct Store {
    database: Database,
    /// Whether a write is in progress.
    writing: Mutex<bool>,
    written: Condvar,
}

impl Store {
    fn open(path: &Path) -> Result<Self, Error> {
        let refused = |reason: String| Error::Open {
            path: path.to_owned(),
            reason,
        };
        let new = !path.exists();
        let open = || {
            let mut builder = Database::builder();
            builder
                .set_cache_size(CACHE_BYTES)
                .set_check_integrity_on_open(true);
            builder.create(path).map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => Error::InUse(path.to_owned()),
                error => refused(error.to_string()),
            })
        };
        let database = caught(open, || refused(DAMAGED.to_owned()))?;
        if new {
            // The file's name must survive a loss of power too.
            sync_folder(path).map_err(|error| refused(error.to_string()))?;
        }
        Ok(Self {
            database,
            writing: Mutex::new(false),
            written: Condvar::new(),
        })
    }

    /// Opens a bucket, and creates it if it is missing.
    fn bucket(self: &Arc<Self>, name: &str, room: u64) -> Result<Stored, String> {
        let stored = Stored {
            store: Arc::clone(self),
            values: format!("{VALUES}{name}"),
            order: format!("{ORDER}{name}"),
            name: name.to_owned(),
        };
        let made = || -> Result<(), Failure> {
            let transaction = self.database.begin_write()?;
            transaction.open_table(stored.values())?;
            transaction.open_table(stored.order())?;
            transaction.open_table(SIZES)?;
            transaction.commit()?;
            stored.check(room)
        };
        caught(made, damaged).map_err(|failure| BucketError::from(failure).to_string())?;
        Ok(stored)
    }

    /// Waits until no other write is in progress.
    fn turn(&self, until: Deadline) -> Result<Turn<'_>, BucketError> {
        let mut writing = lock(&self.writing);
        while *writing {
            let left = until.left();
            if left.is_zero() {
                return Err(BucketError::Busy {
                    waited: until.budget(),
                });
            }
            let woken = self.written.wait_timeout(writing, left);
            writing = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        *writing = true;
        Ok(Turn(self))
    }
}

/// The right to write; dropping it lets the next writer in.
struct Turn<'a>(&'a Store);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.writing) = false;
        self.0.written.notify_one();
    }
}

fn lock(mutex: &Mutex<bool>) -> MutexGuard<'_, bool> {
    // Safe after a panic: a single flag is always consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
