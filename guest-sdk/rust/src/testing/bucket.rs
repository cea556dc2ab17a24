//! A bucket in memory, with the host's rules but not its limits.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use crate::{
    backend::HostBucket,
    bucket::{Keys, StoreError},
};

/// Keys and values. A clone is the same bucket.
#[derive(Clone, Default)]
pub struct Pairs(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Pairs {
    pub fn new(pairs: BTreeMap<String, Vec<u8>>) -> Self {
        Self(Rc::new(RefCell::new(pairs)))
    }

    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.borrow().clone()
    }
}

impl HostBucket for Pairs {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.borrow_mut().remove(key);
        Ok(())
    }

    fn exists(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.0.borrow().contains_key(key))
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let mut pairs = self.0.borrow_mut();
        let number = match pairs.get(key) {
            None => 0,
            Some(value) => std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| {
                    StoreError::Other(format!("the value of `{key}` is not a decimal number"))
                })?,
        };
        let sum = number.checked_add(delta).ok_or_else(|| {
            StoreError::Other(format!(
                "{number} and {delta} are more than the value of `{key}` can be"
            ))
        })?;
        pairs.insert(key.to_owned(), sum.to_string().into_bytes());
        Ok(sum)
    }

    /// One page has all keys.
    fn keys(&self, _cursor: Option<u64>) -> Result<Keys, StoreError> {
        Ok(Keys {
            keys: self.0.borrow().keys().cloned().collect(),
            cursor: None,
        })
    }
}
