//! Configuration, log and buckets through a host's function table. The rules are those of `table`:
//! the arguments of a callback are copied at once, and nothing is called after the table is closed.
#![allow(unsafe_code, reason = "calls over a C ABI")]

use std::{ffi::c_void, ptr, rc::Rc};

use tollgate_twin_abi as abi;

use super::{
    HostBucket,
    table::{Table, bytes, read, read_text, text},
};
use crate::{
    bucket::{Keys, StoreError},
    log::Level,
};

pub fn config(table: &Table, key: &str) -> Result<Option<String>, StoreError> {
    let host = table.open().ok_or_else(gone)?;
    let mut answer = Answer::default();
    // SAFETY: the host is open, so its table is valid. The key and the answer outlive the call, and
    // the sink reads the context as the `Answer` that it is.
    unsafe { (host.config)(host.host, text(key), take, answer.context()) };
    let value = answer.taken.pop();
    Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
}

pub fn log(table: &Table, level: Level, context: &str, message: &str) {
    if let Some(host) = table.open() {
        // SAFETY: the host is open, and the texts outlive the call.
        unsafe { (host.log)(host.host, level as u8, text(context), text(message)) }
    }
}

/// A bucket that the host opened. Dropping it returns the handle.
pub struct Opened {
    table: Rc<Table>,
    bucket: u64,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(host) = self.table.open() {
            // SAFETY: the host is open, and the handle is returned once.
            unsafe { (host.drop_bucket)(host.host, self.bucket) }
        }
    }
}

impl Opened {
    pub fn new(table: Rc<Table>, name: &str) -> Result<Self, StoreError> {
        let mut bucket = 0;
        let mut answer = Answer::default();
        let host = table.open().ok_or_else(gone)?;
        // SAFETY: as in `config`; `bucket` outlives the call as well.
        let done = unsafe {
            (host.open_bucket)(host.host, text(name), &mut bucket, fail, answer.context())
        };
        answer.into_result(done)?;
        Ok(Self { table, bucket })
    }

    /// Makes one call to a function of the bucket.
    ///
    /// # Safety
    /// `function` must call a function of the given table, with the given bucket and context. Its
    /// other arguments must outlive the call.
    unsafe fn call(
        &self,
        function: impl FnOnce(&abi::Host, u64, *mut c_void) -> bool,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let host = self.table.open().ok_or_else(gone)?;
        let mut answer = Answer::default();
        let done = function(host, self.bucket, answer.context());
        answer.into_result(done)
    }
}

impl HostBucket for Opened {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // SAFETY: as `call` requires.
        let mut taken = unsafe {
            self.call(|host, bucket, context| {
                (host.bucket_get)(host.host, bucket, text(key), take, fail, context)
            })
        }?;
        Ok(taken.pop())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        // SAFETY: as `call` requires.
        unsafe {
            self.call(|host, bucket, context| {
                (host.bucket_set)(host.host, bucket, text(key), bytes(value), fail, context)
            })
        }
        .map(drop)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        // SAFETY: as `call` requires.
        unsafe {
            self.call(|host, bucket, context| {
                (host.bucket_delete)(host.host, bucket, text(key), fail, context)
            })
        }
        .map(drop)
    }

    fn exists(&self, key: &str) -> Result<bool, StoreError> {
        let mut exists = false;
        // SAFETY: as `call` requires.
        unsafe {
            self.call(|host, bucket, context| {
                (host.bucket_exists)(host.host, bucket, text(key), &mut exists, fail, context)
            })
        }?;
        Ok(exists)
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let mut sum = 0;
        // SAFETY: as `call` requires.
        unsafe {
            self.call(|host, bucket, context| {
                let key = text(key);
                (host.bucket_increment)(host.host, bucket, key, delta, &mut sum, fail, context)
            })
        }?;
        Ok(sum)
    }

    fn keys(&self, cursor: Option<u64>) -> Result<Keys, StoreError> {
        let mut place = abi::Cursor {
            is_some: cursor.is_some(),
            value: cursor.unwrap_or_default(),
        };
        // SAFETY: as `call` requires.
        let taken = unsafe {
            self.call(|host, bucket, context| {
                (host.bucket_keys)(host.host, bucket, &mut place, take, fail, context)
            })
        }?;
        let keys = taken.iter();
        Ok(Keys {
            keys: keys
                .map(|key| String::from_utf8_lossy(key).into_owned())
                .collect(),
            cursor: place.is_some.then_some(place.value),
        })
    }
}

fn gone() -> StoreError {
    let sentence = "the bucket has outlived its plugin: keep buckets in the plugin's own value";
    StoreError::Other(sentence.to_owned())
}

/// What the callbacks of one call collect.
#[derive(Default)]
struct Answer {
    taken: Vec<Vec<u8>>,
    error: Option<StoreError>,
}

impl Answer {
    fn context(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }

    fn into_result(self, done: bool) -> Result<Vec<Vec<u8>>, StoreError> {
        match self.error {
            None if done => Ok(self.taken),
            Some(error) => Err(error),
            None => Err(StoreError::Other(
                "the host refused and did not say why".to_owned(),
            )),
        }
    }
}

unsafe extern "C" fn take(context: *mut c_void, value: abi::Bytes) {
    // SAFETY: the host passes the context of the current call, and bytes that outlive this
    // callback.
    let (answer, value) = unsafe { (&mut *context.cast::<Answer>(), read(value.ptr, value.len)) };
    answer.taken.push(value.to_vec());
}

unsafe extern "C" fn fail(context: *mut c_void, code: u8, message: abi::Bytes) {
    // SAFETY: as in `take`.
    let (answer, message) = unsafe { (&mut *context.cast::<Answer>(), read_text(message)) };
    answer.error = Some(match code {
        0 => StoreError::NoSuchStore,
        1 => StoreError::AccessDenied,
        _ => StoreError::Other(message),
    });
}
