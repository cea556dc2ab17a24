//! `wasi:keyvalue@0.2.0-draft`: the granted buckets.
//!
//! Time in the bucket is a stage of its own. A write mostly waits for the disk: when it returns, the data is
//! durable. `set-many` and `delete-many` are atomic, which is more than the standard demands.

use std::sync::Arc;

use tollgate_services::{Bucket, Denial, Found, Services, Stage};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, Lower, Resource, ResourceType},
};

use super::types::push;
use crate::state::State;

const VERSION: &str = "0.2.0-draft";

type Store<'a> = StoreContextMut<'a, State>;
type Handle = Resource<BucketEntry>;
type Outcome<T> = wasmtime::Result<(Result<T, Error>,)>;

/// A bucket that the guest opened.
pub(crate) struct BucketEntry(Arc<dyn Bucket>);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut store = linker.instance(&format!("wasi:keyvalue/store@{VERSION}"))?;
    store.resource(
        "bucket",
        ResourceType::host::<BucketEntry>(),
        |mut store: Store<'_>, rep| {
            store.data_mut().table.delete(Handle::new_own(rep))?;
            Ok(())
        },
    )?;
    store.func_wrap("open", open)?;
    store.func_wrap("[method]bucket.get", get)?;
    store.func_wrap("[method]bucket.set", set)?;
    store.func_wrap("[method]bucket.delete", delete)?;
    store.func_wrap("[method]bucket.exists", exists)?;
    store.func_wrap("[method]bucket.list-keys", list_keys)?;
    let mut atomics = linker.instance(&format!("wasi:keyvalue/atomics@{VERSION}"))?;
    atomics.func_wrap("increment", increment)?;
    let mut batch = linker.instance(&format!("wasi:keyvalue/batch@{VERSION}"))?;
    batch.func_wrap("get-many", get_many)?;
    batch.func_wrap("set-many", set_many)?;
    batch.func_wrap("delete-many", delete_many)
}

/// `wasi:keyvalue/store.error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::NoSuchStore => Error::NoSuchStore,
            Denial::AccessDenied => Error::AccessDenied,
            Denial::Other(sentence, _) => Error::Other(sentence),
        }
    }
}

/// `wasi:keyvalue/store.key-response`.
#[derive(ComponentType, Lower)]
#[component(record)]
struct KeyResponse {
    keys: Vec<String>,
    cursor: Option<u64>,
}

/// One call of a bucket's function, with its bytes into and out of the host.
fn call<T>(
    mut store: Store<'_>,
    bucket: &Handle,
    bytes_in: usize,
    run: impl FnOnce(&Services, &dyn Bucket) -> Result<T, Denial>,
    bytes_out: impl FnOnce(&T) -> usize,
) -> Outcome<T> {
    let state = store.data_mut();
    state.ledger.switch(Stage::Keyvalue);
    let bucket = &*state.table.get(bucket)?.0;
    let result = run(&state.services, bucket);
    let counts = &mut state.ledger.counts;
    counts.bytes_in += bytes_in as u64;
    counts.bytes_out += result.as_ref().map_or(0, bytes_out) as u64;
    state.ledger.switch(Stage::Lower);
    Ok((result.map_err(|denial| refuse(state, denial)),))
}

/// A refusal as an error for the guest. It is remembered in case that the guest traps without a reason.
#[cold]
fn refuse(state: &mut State, denial: Denial) -> Error {
    match &denial {
        Denial::NoSuchStore => state.refused.keep("no bucket of that name", None),
        Denial::AccessDenied => state.refused.keep("no bucket is granted", None),
        Denial::Other(sentence, limit) => state.refused.keep(sentence, *limit),
    }
    denial.into()
}

fn nothing<T>(_: &T) -> usize {
    0
}

fn open(mut store: Store<'_>, (name,): (String,)) -> Outcome<Handle> {
    let state = store.data_mut();
    state.ledger.counts.bytes_in += name.len() as u64;
    let opened = match state.services.open(&name) {
        Ok(bucket) => Ok(push(&mut state.table, BucketEntry(bucket))?),
        Err(denial) => Err(refuse(state, denial)),
    };
    state.ledger.switch(Stage::Lower);
    Ok((opened,))
}

fn get(store: Store<'_>, (bucket, key): (Handle, String)) -> Outcome<Option<Vec<u8>>> {
    let run = |services: &Services, bucket: &dyn Bucket| services.get(bucket, &key);
    call(store, &bucket, key.len(), run, |value| {
        value.as_ref().map_or(0, Vec::len)
    })
}

fn set(store: Store<'_>, (bucket, key, value): (Handle, String, Vec<u8>)) -> Outcome<()> {
    let bytes = key.len() + value.len();
    let pair = [(key, value)];
    let run = |services: &Services, bucket: &dyn Bucket| services.set(bucket, &pair);
    call(store, &bucket, bytes, run, nothing)
}

fn delete(store: Store<'_>, (bucket, key): (Handle, String)) -> Outcome<()> {
    let bytes = key.len();
    let keys = [key];
    let run = |services: &Services, bucket: &dyn Bucket| services.delete(bucket, &keys);
    call(store, &bucket, bytes, run, nothing)
}

fn exists(store: Store<'_>, (bucket, key): (Handle, String)) -> Outcome<bool> {
    let run = |services: &Services, bucket: &dyn Bucket| services.exists(bucket, &key);
    call(store, &bucket, key.len(), run, nothing)
}

fn list_keys(store: Store<'_>, (bucket, cursor): (Handle, Option<u64>)) -> Outcome<KeyResponse> {
    let run = |services: &Services, bucket: &dyn Bucket| {
        let page = services.keys(bucket, cursor)?;
        Ok(KeyResponse {
            keys: page.keys,
            cursor: page.cursor,
        })
    };
    call(store, &bucket, 0, run, |page| {
        page.keys.iter().map(String::len).sum()
    })
}

fn increment(store: Store<'_>, (bucket, key, delta): (Handle, String, u64)) -> Outcome<u64> {
    let run = |services: &Services, bucket: &dyn Bucket| services.increment(bucket, &key, delta);
    call(store, &bucket, key.len(), run, nothing)
}

fn get_many(store: Store<'_>, (bucket, keys): (Handle, Vec<String>)) -> Outcome<Found> {
    let bytes = keys.iter().map(String::len).sum();
    let run = |services: &Services, bucket: &dyn Bucket| services.get_many(bucket, keys);
    call(store, &bucket, bytes, run, |found| {
        let pairs = found.iter().flatten();
        pairs.map(|(key, value)| key.len() + value.len()).sum()
    })
}

fn set_many(store: Store<'_>, (bucket, pairs): (Handle, Vec<(String, Vec<u8>)>)) -> Outcome<()> {
    let bytes = pairs.iter().map(|(key, value)| key.len() + value.len());
    let bytes = bytes.sum();
    let run = |services: &Services, bucket: &dyn Bucket| services.set(bucket, &pairs);
    call(store, &bucket, bytes, run, nothing)
}

fn delete_many(store: Store<'_>, (bucket, keys): (Handle, Vec<String>)) -> Outcome<()> {
    let bytes = keys.iter().map(String::len).sum();
    let run = |services: &Services, bucket: &dyn Bucket| services.delete(bucket, &keys);
    call(store, &bucket, bytes, run, nothing)
}
