//! A file of buckets that somebody has changed: it is refused when it is opened, or works. The input
//! says where a good file differs: three bytes for a place, one for the byte there.
#![no_main]

use std::{fs, path::Path, sync::LazyLock, time::Duration};

use tempfile::TempDir;
use tollgate_deploy::keyvalue;
use tollgate_deploy::values::BucketArg;
use tollgate_nn::clock::Deadline;
use tollgate_services::Bucket;

/// What a bucket may hold.
const BUCKET_BYTES: u64 = 1 << 20;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new_in("/dev/shm").expect("a folder"));

/// A good file: two buckets, values of several sizes, some of them gone again.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = FOLDER.path().join("good");
    let wanted = [bucket("a", &path), bucket("b", &path)];
    let grant = keyvalue::open(&wanted, BUCKET_BYTES).expect("a new file");
    for bucket in grant.buckets.values() {
        let value = |size: usize| (format!("key-{size}"), vec![7; size]);
        let pairs: Vec<_> = [0, 1, 100, 5000].map(value).into();
        let until = Deadline::after(Duration::from_secs(10));
        bucket.set(&pairs, 1 << 20, until).expect("room");
        let gone = ["key-100".to_owned()];
        bucket.delete(&gone, until).expect("deleted");
    }
    drop(grant);
    fs::read(path).expect("the file")
});

fn bucket(name: &str, path: &Path) -> BucketArg {
    BucketArg {
        name: name.into(),
        path: path.into(),
    }
}

libfuzzer_sys::fuzz_target!(|changes: &[u8]| {
    let mut file = GOOD.clone();
    // Most of a database's file is empty: the first pages are what everything hangs by.
    let places = file.len();
    let (changes, rest) = changes.as_chunks::<4>();
    for &[low, middle, high, byte] in changes {
        let place = u32::from_le_bytes([low, middle, high, 0]) as usize;
        file[place % places] = byte;
    }
    // And the end may be missing.
    if let [cut, ..] = *rest {
        file.truncate(places - (usize::from(cut) << 8).min(places));
    }
    let path = FOLDER.path().join("changed");
    fs::write(&path, file).expect("written");
    if let Ok(grant) = keyvalue::open(&[bucket("a", &path), bucket("c", &path)], BUCKET_BYTES) {
        for bucket in grant.buckets.values() {
            touch(&**bucket);
        }
    }
    fs::remove_file(path).expect("it is there");
});

/// Does all that a plugin can; whether it goes well is the bucket's to say.
fn touch(bucket: &dyn Bucket) {
    let until = Deadline::after(Duration::from_secs(10));
    let key = |size: usize| format!("key-{size}");
    let _ = bucket.get(&key(5000));
    let _ = bucket.exists(&key(1));
    let _ = bucket.set(&[(key(100), vec![1; 300])], 1 << 20, until);
    let _ = bucket.increment("count", 3, 1 << 20, until);
    let _ = bucket.delete(&[key(0), key(5000)], until);
    let mut cursor = None;
    // A cycle in the file must not keep anybody for ever.
    for _ in 0..4 {
        match bucket.keys(cursor) {
            Ok(page) if page.cursor.is_some() => cursor = page.cursor,
            _ => break,
        }
    }
}
