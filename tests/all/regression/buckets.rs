//! Bucket files that are damaged inside, of another kind or too large are refused when they are opened.

use std::{fs::File, path::Path, time::Duration};

use redb::{Database, ReadableTable, TableDefinition};
use tollgate_deploy::keyvalue;
use tollgate_deploy::values::BucketArg;
use tollgate_nn::clock::Deadline;
use tollgate_services::{KeyValueGrant, Limits};

use crate::support::has;

const SIZES: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("sizes");
const VALUES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("values/a");
const ORDER: TableDefinition<'_, u64, &str> = TableDefinition::new("order/a");

fn bucket(path: &Path) -> Result<KeyValueGrant, keyvalue::Error> {
    let wanted = [BucketArg {
        name: "a".to_owned(),
        path: path.to_owned(),
    }];
    keyvalue::open(&wanted, Limits::default().bucket_bytes)
}

/// A bucket with two keys, and then what somebody else wrote into its file.
fn refused(write: impl FnOnce(&redb::WriteTransaction)) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("buckets");
    let soon = Deadline::after(Duration::from_secs(10));
    {
        let grant = bucket(&path).expect("a new bucket");
        let pairs = ["k", "l"].map(|key| (key.to_owned(), b"1".to_vec()));
        grant.buckets["a"].set(&pairs, 1 << 20, soon).expect("room");
    }
    bucket(&path).expect("it is as it was left");
    let database = Database::open(&path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    write(&transaction);
    transaction.commit().expect("written");
    drop(database);
    let error = bucket(&path).expect_err("it is no bucket").to_string();
    has(&error, &["cannot use", "expected a file that"]);
}

#[test]
fn bucket_file_without_places_left() {
    for next in [u64::MAX, u64::MAX - 1, u64::MAX - 1000, 0] {
        refused(|transaction| {
            let mut sizes = transaction.open_table(SIZES).expect("sizes");
            let bytes = sizes.get("a").expect("read").expect("there").value().0;
            sizes.insert("a", (bytes, next)).expect("written");
        });
    }
}

#[test]
fn bucket_file_whose_tables_disagree() {
    // More or less than it holds.
    for bytes in [0, u64::MAX] {
        refused(|transaction| {
            let mut sizes = transaction.open_table(SIZES).expect("sizes");
            sizes.insert("a", (bytes, 2)).expect("written");
        });
    }
    // A key that has no place, one that has another's, and a place that has no key.
    refused(|transaction| {
        let mut order = transaction.open_table(ORDER).expect("order");
        order.remove(0).expect("written");
    });
    refused(|transaction| {
        let mut order = transaction.open_table(ORDER).expect("order");
        order.insert(0, "l").expect("written");
    });
    refused(|transaction| {
        let mut order = transaction.open_table(ORDER).expect("order");
        order.insert(7, "m").expect("written");
    });
    refused(|transaction| {
        let mut values = transaction.open_table(VALUES).expect("values");
        values.insert("m", (9, &b"1"[..])).expect("written");
    });
}

#[test]
fn bucket_file_with_tables_of_another_kind() {
    refused(|transaction| {
        transaction.delete_table(VALUES).expect("deleted");
        let other: TableDefinition<'_, &[u8], u64> = TableDefinition::new("values/a");
        let mut values = transaction.open_table(other).expect("a table");
        values.insert(&b"\xff\xfe"[..], 1).expect("written");
    });
    refused(|transaction| {
        transaction.delete_table(SIZES).expect("deleted");
        let other: TableDefinition<'_, &str, i64> = TableDefinition::new("sizes");
        let mut sizes = transaction.open_table(other).expect("a table");
        sizes.insert("a", -1).expect("written");
    });
}

#[test]
fn bucket_file_with_a_value_that_no_bucket_may_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("buckets");
    let wanted = [BucketArg {
        name: "a".to_owned(),
        path,
    }];
    let soon = Deadline::after(Duration::from_secs(10));
    {
        let grant = keyvalue::open(&wanted, 1 << 20).expect("a new bucket");
        let pair = [("k".to_owned(), vec![7; 3000])];
        grant.buckets["a"].set(&pair, 1 << 20, soon).expect("room");
    }
    keyvalue::open(&wanted, 3000).expect("as much as it has");
    let error = keyvalue::open(&wanted, 2999).expect_err("too large");
    has(&error.to_string(), &["at most 2999 bytes", "hold 3000"]);
}

#[test]
fn bucket_file_that_is_far_too_large_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("buckets");
    bucket(&path).expect("a new bucket");
    let file = File::options()
        .write(true)
        .open(&path)
        .expect("it is there");
    file.set_len(600 << 20).expect("mostly a hole");
    let error = bucket(&path).expect_err("it is too large");
    has(
        &tollgate::remedy::words(&error),
        &[
            "has 629145600 bytes",
            "1 bucket(s) of 67108864 bytes",
            "--max-bucket",
        ],
    );
}
