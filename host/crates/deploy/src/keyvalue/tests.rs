//! Buckets in real files: what persists, what is bounded, what is refused.

use std::{fs, time::Duration};

use tollgate_services::{ENTRY_BYTES, Keys, PAGE_KEYS};

use super::*;

const ROOM: u64 = 1 << 20;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn wanted(names: &[&str], path: &Path) -> Vec<BucketArg> {
    let bucket = |name: &&str| BucketArg {
        name: (*name).to_owned(),
        path: path.to_owned(),
    };
    names.iter().map(bucket).collect()
}

fn pair(key: &str, value: &[u8]) -> (String, Vec<u8>) {
    (key.to_owned(), value.to_vec())
}

#[test]
fn what_was_set_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("buckets.redb");
    {
        let grant = open(&wanted(&["a", "b"], &path), ROOM).unwrap();
        let a = &grant.buckets["a"];
        a.set(&[pair("k", b"1"), pair("l", b"")], ROOM, soon())
            .unwrap();
        assert_eq!(a.increment("k", 41, ROOM, soon()).unwrap(), 42);
        assert!(!grant.buckets["b"].exists("k").unwrap());
        assert!(matches!(
            open(&wanted(&["a"], &path), ROOM),
            Err(Error::InUse(_))
        ));
    }
    let grant = open(&wanted(&["a", "new"], &path), ROOM).unwrap();
    assert!(!grant.buckets.contains_key("b"));
    let a = &grant.buckets["a"];
    assert_eq!(a.get("k").unwrap().unwrap(), b"42");
    assert_eq!(a.get("l").unwrap().unwrap(), b"");
    assert_eq!(a.get("m").unwrap(), None);
    a.delete(&["k".into(), "gone".into()], soon()).unwrap();
    assert_eq!(a.keys(None).unwrap().keys, ["l"]);
}

#[test]
fn a_bucket_has_room_up_to_its_limit_and_gets_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let grant = open(&wanted(&["a"], &folder.path().join("f")), ROOM).unwrap();
    let a = &grant.buckets["a"];
    let room = 3 * (1 + 10 + ENTRY_BYTES);
    let three = ["x", "y", "z"].map(|key| pair(key, &[7; 10]));
    a.set(&three, room, soon()).unwrap();
    let full = a.set(&[pair("w", b"")], room, soon()).unwrap_err();
    assert!(matches!(full, BucketError::Full { limit, .. } if limit == room));
    let grown = a.set(&[pair("x", &[7; 11])], room, soon());
    assert!(matches!(grown, Err(BucketError::Full { .. })));
    assert_eq!(
        a.get("x").unwrap().unwrap().len(),
        10,
        "nothing of it stays"
    );
    a.set(&[pair("x", b"")], room, soon()).unwrap();
    a.delete(&["y".into()], soon()).unwrap();
    a.set(&[pair("w", &[7; 10])], room, soon()).unwrap();
}

#[test]
fn pages_have_every_key_once_whatever_comes_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let grant = open(&wanted(&["a"], &folder.path().join("f")), ROOM).unwrap();
    let a = &grant.buckets["a"];
    let many: Vec<_> = (0..2500).map(|n| pair(&format!("{n}"), b"v")).collect();
    a.set(&many, ROOM, soon()).unwrap();
    let first = a.keys(None).unwrap();
    assert_eq!(first.keys.len(), PAGE_KEYS);
    a.delete(&[first.keys[3].clone(), "1500".into()], soon())
        .unwrap();
    a.set(&[pair("0000", b"v"), pair("7", b"again")], ROOM, soon())
        .unwrap();
    let second = a.keys(first.cursor).unwrap();
    let third = a.keys(second.cursor).unwrap();
    assert_eq!(third.cursor, None);
    let mut all = [first.keys, second.keys, third.keys].concat();
    assert_eq!(all.len(), 2500, "one fewer, one more");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 2500);
    assert_eq!(a.keys(Some(u64::MAX)).unwrap(), Keys::default());
}

#[test]
fn what_is_no_number_is_not_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let grant = open(&wanted(&["a"], &folder.path().join("f")), ROOM).unwrap();
    let a = &grant.buckets["a"];
    let most = u64::MAX.to_string();
    for bad in [&b"x"[..], b"", b"-1", &[0xff], most.as_bytes()] {
        a.set(&[pair("k", bad)], ROOM, soon()).unwrap();
        let error = a.increment("k", 1, ROOM, soon()).unwrap_err();
        assert!(matches!(error, BucketError::NoNumber { .. }), "{bad:?}");
        assert_eq!(a.get("k").unwrap().unwrap(), bad);
    }
}

#[test]
fn a_turn_is_not_waited_for_beyond_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("f")).unwrap());
    let bucket = store.bucket("a", ROOM).unwrap();
    let held = store.turn(soon()).unwrap_or_else(|_| panic!("a turn"));
    let late = bucket.set(
        &[pair("k", b"v")],
        ROOM,
        Deadline::after(Duration::from_millis(5)),
    );
    assert!(matches!(late, Err(BucketError::Busy { .. })));
    drop(held);
    bucket.set(&[pair("k", b"v")], ROOM, soon()).unwrap();
}

#[test]
fn files_of_other_kinds_and_damaged_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    for bytes in [&b"hello"[..], &[0; 70_000]] {
        fs::write(&path, bytes).unwrap();
        let error = open(&wanted(&["a"], &path), ROOM).unwrap_err().to_string();
        assert!(error.contains("cannot use"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    let many: Vec<_> = (0..500).map(|n| pair(&format!("{n}"), &[9; 100])).collect();
    open(&wanted(&["a"], &path), ROOM).unwrap().buckets["a"]
        .set(&many, ROOM, soon())
        .unwrap();
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        for byte in damaged.iter_mut().skip(at).take(64) {
            *byte ^= 0x55;
        }
        fs::write(&path, damaged).unwrap();
        // Damage in unused parts may go unnoticed, but nothing may panic.
        let Ok(grant) = open(&wanted(&["a"], &path), ROOM) else {
            continue;
        };
        let a = &grant.buckets["a"];
        a.keys(None).ok();
        a.set(&[pair("k", b"v")], ROOM, soon()).ok();
        (0..500).for_each(|n| drop(a.get(&n.to_string())));
    }
    let folder = folder.path().join("no/such/folder");
    assert!(matches!(
        open(&wanted(&["a"], &folder), ROOM),
        Err(Error::Open { .. })
    ));
}
