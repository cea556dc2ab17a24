//! Configuration, log and buckets as functions of the C ABI, over the same services as the sandbox's imports.
//! How each function reaches the [`Host`], and why that access is exclusive, is explained in `host`. Their
//! time counts as the host's.

use std::{ffi::c_void, sync::Arc};

use tollgate_nn::clock::Stamp;
use tollgate_services::{Bucket, Denial, LogLevel, Services};
use tollgate_twin_abi as abi;

use super::{
    bytes::{bytes_of, slice_of, text_of},
    host::Host,
};

/// Runs `body` on the host, and counts its time.
///
/// # Safety
///
/// `host` is the pointer that the twin was given, and the twin is in a call of ours.
unsafe fn in_host<T>(host: *mut c_void, body: impl FnOnce(&mut Host) -> T) -> T {
    let begin = Stamp::now();
    // SAFETY: the caller's promise; see the top of `host`.
    let host = unsafe { &mut *host.cast::<Host>() };
    let result = body(host);
    host.in_host_ns += Stamp::now().nanos_since(begin);
    result
}

/// Runs `body` on a bucket. If it fails, `fail` is called and none is returned.
///
/// # Safety
///
/// As [`in_host`]; `fail` and `context` came with the call.
unsafe fn on_bucket<T>(
    host: *mut c_void,
    bucket: u64,
    fail: abi::TextSink,
    context: *mut c_void,
    body: impl FnOnce(&Services, &dyn Bucket) -> Result<T, Denial>,
) -> Option<T> {
    // SAFETY: the caller's promise.
    let result = unsafe {
        in_host(host, |host| {
            let bucket = usize::try_from(bucket)
                .ok()
                .and_then(|place| host.buckets.get(place)?.as_deref())
                .ok_or_else(|| Denial::other("no such bucket handle"))?;
            let begin = Stamp::now();
            let result = body(&host.services, bucket);
            host.keyvalue_ns += Stamp::now().nanos_since(begin);
            result
        })
    };
    // SAFETY: the caller's promise.
    result
        .map_err(|denial| unsafe { deny(&denial, fail, context) })
        .ok()
}

/// # Safety
///
/// `fail` and `context` came with the call that is going on.
unsafe fn deny(denial: &Denial, fail: abi::TextSink, context: *mut c_void) {
    let (code, text) = match denial {
        Denial::NoSuchStore => (0, ""),
        Denial::AccessDenied => (1, ""),
        Denial::Other(sentence, _) => (2, sentence.as_str()),
    };
    // SAFETY: the caller's promise; the text lives for the call.
    unsafe { fail(context, code, bytes_of(text.as_bytes())) };
}

pub(super) unsafe extern "C" fn config(
    host: *mut c_void,
    key: abi::Bytes,
    value: abi::BytesSink,
    context: *mut c_void,
) {
    // SAFETY: the twin keeps its arguments for the duration of the call.
    unsafe {
        let key = text_of(key);
        in_host(host, |host| {
            if let Some(found) = host.services.config(&key) {
                value(context, bytes_of(found.as_bytes()));
            }
        });
    }
}

pub(super) unsafe extern "C" fn log(
    host: *mut c_void,
    level: u8,
    context: abi::Bytes,
    message: abi::Bytes,
) {
    // SAFETY: as in `config`.
    unsafe {
        let (context, message) = (text_of(context), text_of(message));
        in_host(host, |host| {
            let level = LogLevel::from_ordinal(level);
            host.services.log().line(level, &context, &message);
        });
    }
}

pub(super) unsafe extern "C" fn open_bucket(
    host: *mut c_void,
    name: abi::Bytes,
    bucket: *mut u64,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`; `bucket` is where the twin wants the handle.
    unsafe {
        let name = text_of(name);
        let opened = in_host(host, |host| {
            let opened = host.services.open(&name)?;
            host.buckets.push(Some(Arc::clone(&opened)));
            Ok(host.buckets.len() as u64 - 1)
        });
        match opened {
            Ok(handle) => *bucket = handle,
            Err(ref denial) => deny(denial, fail, context),
        }
        opened.is_ok()
    }
}

pub(super) unsafe extern "C" fn drop_bucket(host: *mut c_void, bucket: u64) {
    // SAFETY: see the top of `host`.
    let host = unsafe { &mut *host.cast::<Host>() };
    if let Some(slot) = usize::try_from(bucket)
        .ok()
        .and_then(|place| host.buckets.get_mut(place))
    {
        *slot = None;
    }
}

pub(super) unsafe extern "C" fn bucket_get(
    host: *mut c_void,
    bucket: u64,
    key: abi::Bytes,
    value: abi::BytesSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`.
    unsafe {
        let key = text_of(key);
        let found = on_bucket(host, bucket, fail, context, |services, bucket| {
            services.get(bucket, &key)
        });
        if let Some(Some(found)) = &found {
            value(context, bytes_of(found));
        }
        found.is_some()
    }
}

pub(super) unsafe extern "C" fn bucket_set(
    host: *mut c_void,
    bucket: u64,
    key: abi::Bytes,
    value: abi::Bytes,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`.
    unsafe {
        let pair = [(text_of(key), slice_of(value).to_vec())];
        let set = on_bucket(host, bucket, fail, context, |services, bucket| {
            services.set(bucket, &pair)
        });
        set.is_some()
    }
}

pub(super) unsafe extern "C" fn bucket_delete(
    host: *mut c_void,
    bucket: u64,
    key: abi::Bytes,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`.
    unsafe {
        let key = [text_of(key)];
        let deleted = on_bucket(host, bucket, fail, context, |services, bucket| {
            services.delete(bucket, &key)
        });
        deleted.is_some()
    }
}

pub(super) unsafe extern "C" fn bucket_exists(
    host: *mut c_void,
    bucket: u64,
    key: abi::Bytes,
    exists: *mut bool,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`; `exists` is where the twin wants the answer.
    unsafe {
        let key = text_of(key);
        let found = on_bucket(host, bucket, fail, context, |services, bucket| {
            services.exists(bucket, &key)
        });
        if let Some(found) = found {
            *exists = found;
        }
        found.is_some()
    }
}

pub(super) unsafe extern "C" fn bucket_increment(
    host: *mut c_void,
    bucket: u64,
    key: abi::Bytes,
    delta: u64,
    sum: *mut u64,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`; `sum` is where the twin wants the answer.
    unsafe {
        let key = text_of(key);
        let added = on_bucket(host, bucket, fail, context, |services, bucket| {
            services.increment(bucket, &key, delta)
        });
        if let Some(added) = added {
            *sum = added;
        }
        added.is_some()
    }
}

pub(super) unsafe extern "C" fn bucket_keys(
    host: *mut c_void,
    bucket: u64,
    cursor: *mut abi::Cursor,
    key: abi::BytesSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: as in `config`; `cursor` is the twin's, for it to be told the next one.
    unsafe {
        let from = (*cursor).is_some.then_some((*cursor).value);
        let page = on_bucket(host, bucket, fail, context, |services, bucket| {
            services.keys(bucket, from)
        });
        let Some(page) = page else { return false };
        for one in &page.keys {
            key(context, bytes_of(one.as_bytes()));
        }
        *cursor = abi::Cursor {
            is_some: page.cursor.is_some(),
            value: page.cursor.unwrap_or_default(),
        };
        true
    }
}
