//! Key-value buckets on disk. One file holds any number of buckets, and only this module uses redb.
//!
//! A write is one transaction, and it is on disk when it returns. After a crash at any moment a
//! bucket is as it was before the write or after it. Only one write to a file runs at a time;
//! others wait until their deadline and no longer. A file is refused when it is opened if another
//! process has it open, if it is damaged or if it is too large for its buckets. For this all of it
//! is read, so that its contents cannot panic the host later. redb trusts data with the right
//! checksum, which the file's author could forge. So panics in redb are caught wherever it reads,
//! and become ordinary errors.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition,
};
use tollgate_nn::clock::Deadline;
use tollgate_runtime::{
    Bucket, BucketError, ENTRY_BYTES, KeyValueGrant, Keys, PAGE_BYTES, PAGE_KEYS,
};

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
        "cannot use `{}` for buckets: {reason}; expected a file that `--keyvalue` made, or a name that is free",
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
        "`{}` has {came} bytes, and a file for {buckets} bucket(s) of {each} bytes at most {most}: raise `--max-bucket`, or name another file",
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

/// One bucket of a file.
struct Stored {
    store: Arc<Store>,
    name: String,
    values: String,
    order: String,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stored").field(&self.name).finish()
    }
}

/// Why a step of a transaction failed.
enum Failure {
    Redb(redb::Error),
    Told(BucketError),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Redb(error.into())
    }
}

impl From<Failure> for BucketError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Told(error) => error,
            Failure::Redb(error) => BucketError::Failed {
                reason: error.to_string(),
            },
        }
    }
}

fn damaged() -> Failure {
    Failure::Told(BucketError::Failed {
        reason: DAMAGED.to_owned(),
    })
}

/// The tables of a bucket in a write transaction.
struct Pen<'a> {
    values: redb::Table<'a, &'static str, (u64, &'static [u8])>,
    order: redb::Table<'a, u64, &'static str>,
    bytes: u64,
    next: u64,
}

impl Pen<'_> {
    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Failure> {
        let old = self.values.get(key)?.map(|old| {
            let (place, value) = old.value();
            (place, value.len())
        });
        let place = match old {
            Some((place, bytes)) => {
                self.bytes = self.bytes.saturating_sub(held(key, bytes));
                place
            }
            None => {
                let place = self.next;
                self.next = place.checked_add(1).ok_or_else(damaged)?;
                self.order.insert(place, key)?;
                place
            }
        };
        self.values.insert(key, (place, value))?;
        self.bytes = self.bytes.saturating_add(held(key, value.len()));
        Ok(())
    }

    fn delete(&mut self, key: &str) -> Result<(), Failure> {
        let old = self.values.remove(key)?.map(|old| {
            let (place, value) = old.value();
            (place, value.len())
        });
        if let Some((place, bytes)) = old {
            self.order.remove(place)?;
            self.bytes = self.bytes.saturating_sub(held(key, bytes));
        }
        Ok(())
    }
}

/// The size that a pair counts as.
fn held(key: &str, value: usize) -> u64 {
    (key.len() as u64)
        .saturating_add(value as u64)
        .saturating_add(ENTRY_BYTES)
}

impl Stored {
    fn values(&self) -> Values<'_> {
        TableDefinition::new(&self.values)
    }

    fn order(&self) -> Order<'_> {
        TableDefinition::new(&self.order)
    }

    /// Runs one write transaction, which takes effect completely or not at all. The bucket may then
    /// have `room` bytes; `None` means no limit, for removals.
    fn write<T>(
        &self,
        room: Option<u64>,
        until: Deadline,
        body: impl FnOnce(&mut Pen<'_>) -> Result<T, Failure>,
    ) -> Result<T, BucketError> {
        let _turn = self.store.turn(until)?;
        Ok(caught(|| self.write_in_turn(room, body), damaged)?)
    }

    /// Reads each entry once. Compares the two tables with each other and with the stored size of
    /// the bucket. No value may be larger than the bucket's limit.
    fn check(&self, room: u64) -> Result<(), Failure> {
        let transaction = self.store.database.begin_read()?;
        let (bytes, next) = {
            let sizes = transaction.open_table(SIZES)?;
            let size = sizes.get(self.name.as_str())?;
            size.map_or((0, 0), |size| size.value())
        };
        let values = transaction.open_table(self.values())?;
        let order = transaction.open_table(self.order())?;
        let mut sum = 0_u64;
        let mut count = 0_u64;
        for entry in values.iter()? {
            let (key, value) = entry?;
            let (key, (place, value)) = (key.value(), value.value());
            if value.len() as u64 > room {
                return Err(Failure::Told(BucketError::Full {
                    limit: room,
                    came: value.len() as u64,
                }));
            }
            sum = sum.saturating_add(held(key, value.len()));
            count += 1;
            let placed = order.get(place)?;
            if place >= next || placed.is_none_or(|placed| placed.value() != key) {
                return Err(damaged());
            }
        }
        if sum != bytes || order.len()? != count || next > u64::MAX - PLACES_LEFT {
            return Err(damaged());
        }
        Ok(())
    }

    fn write_in_turn<T>(
        &self,
        room: Option<u64>,
        body: impl FnOnce(&mut Pen<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let transaction = self.store.database.begin_write()?;
        let result = {
            let mut sizes = transaction.open_table(SIZES)?;
            let (bytes, next) = sizes
                .get(self.name.as_str())?
                .map_or((0, 0), |size| size.value());
            let mut pen = Pen {
                values: transaction.open_table(self.values())?,
                order: transaction.open_table(self.order())?,
                bytes,
                next,
            };
            let result = body(&mut pen)?;
            if let Some(limit) = room.filter(|&limit| pen.bytes > limit && pen.bytes > bytes) {
                return Err(Failure::Told(BucketError::Full {
                    limit,
                    came: pen.bytes,
                }));
            }
            sizes.insert(self.name.as_str(), (pen.bytes, pen.next))?;
            result
        };
        transaction.commit()?;
        Ok(result)
    }

    fn read<T>(
        &self,
        body: impl FnOnce(redb::ReadOnlyTable<&'static str, (u64, &'static [u8])>) -> Result<T, Failure>,
    ) -> Result<T, BucketError> {
        let read = || {
            let transaction = self.store.database.begin_read()?;
            body(transaction.open_table(self.values())?)
        };
        Ok(caught(read, damaged)?)
    }

    fn page(&self, after: Option<u64>) -> Result<Keys, Failure> {
        let transaction = self.store.database.begin_read()?;
        let order = transaction.open_table(self.order())?;
        let first = match after.map(|after| after.checked_add(1)) {
            None => 0,
            Some(Some(first)) => first,
            Some(None) => return Ok(Keys::default()),
        };
        let mut page = Keys::default();
        let mut bytes = 0;
        let mut last = None;
        for entry in order.range(first..)? {
            if page.keys.len() == PAGE_KEYS || bytes >= PAGE_BYTES {
                page.cursor = last;
                break;
            }
            let (place, key) = entry?;
            last = Some(place.value());
            bytes += key.value().len();
            page.keys.push(key.value().to_owned());
        }
        Ok(page)
    }
}

impl Bucket for Stored {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.read(|values| Ok(values.get(key)?.map(|found| found.value().1.to_vec())))
    }

    fn exists(&self, key: &str) -> Result<bool, BucketError> {
        self.read(|values| Ok(values.get(key)?.is_some()))
    }

    fn set(
        &self,
        pairs: &[(String, Vec<u8>)],
        room: u64,
        until: Deadline,
    ) -> Result<(), BucketError> {
        self.write(Some(room), until, |pen| {
            pairs.iter().try_for_each(|(key, value)| {
                in_time(until)?;
                pen.set(key, value)
            })
        })
    }

    fn delete(&self, keys: &[String], until: Deadline) -> Result<(), BucketError> {
        self.write(None, until, |pen| {
            keys.iter().try_for_each(|key| {
                in_time(until)?;
                pen.delete(key)
            })
        })
    }

    fn increment(
        &self,
        key: &str,
        delta: u64,
        room: u64,
        until: Deadline,
    ) -> Result<u64, BucketError> {
        self.write(Some(room), until, |pen| {
            let found = pen.values.get(key)?.map(|found| found.value().1.to_vec());
            let sum = sum(key, found.as_deref(), delta).map_err(Failure::Told)?;
            pen.set(key, sum.to_string().as_bytes())?;
            Ok(sum)
        })
    }

    fn keys(&self, after: Option<u64>) -> Result<Keys, BucketError> {
        Ok(caught(|| self.page(after), damaged)?)
    }
}

/// Checks the deadline during writes of many entries.
fn in_time(until: Deadline) -> Result<(), Failure> {
    if until.left().is_zero() {
        return Err(Failure::Told(BucketError::Late {
            after: until.budget(),
        }));
    }
    Ok(())
}

/// Adds to a number, which is stored as decimal digits.
fn sum(key: &str, found: Option<&[u8]>, delta: u64) -> Result<u64, BucketError> {
    let wrong = |found: String| BucketError::NoNumber {
        key: key.to_owned(),
        found,
    };
    let Some(bytes) = found else { return Ok(delta) };
    let number = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse::<u64>().ok())
        .ok_or_else(|| wrong(format!("{} bytes that are no number", bytes.len())))?;
    number
        .checked_add(delta)
        .ok_or_else(|| wrong(format!("{number}, to which {delta} cannot be added")))
}

#[cfg(test)]
mod tests;
