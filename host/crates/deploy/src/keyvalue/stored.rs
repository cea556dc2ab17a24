//! One bucket: its reads, and its writes as transactions.

use std::{fmt, sync::Arc};

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use tollgate_nn::clock::Deadline;
use tollgate_services::{Bucket, BucketError, ENTRY_BYTES, Keys, PAGE_BYTES, PAGE_KEYS};

use super::{DAMAGED, Order, PLACES_LEFT, SIZES, Store, Values, caught};

/// One bucket of a file.
pub(super) struct Stored {
    pub(super) store: Arc<Store>,
    pub(super) name: String,
    pub(super) values: String,
    pub(super) order: String,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stored").field(&self.name).finish()
    }
}

/// Why a step of a transaction failed.
pub(super) enum Failure {
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

pub(super) fn damaged() -> Failure {
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
    pub(super) fn values(&self) -> Values<'_> {
        TableDefinition::new(&self.values)
    }

    pub(super) fn order(&self) -> Order<'_> {
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
    pub(super) fn check(&self, room: u64) -> Result<(), Failure> {
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
