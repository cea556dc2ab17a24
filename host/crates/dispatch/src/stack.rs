//! The idle instances of one deployment, with the one that was used last on top.
//!
//! Any instance can take the next frame. The memory of the one that was used last is still in the
//! processor's caches; one that was unused for hundreds of frames has to fetch it again. So frames
//! are served first in, first out, but instances are used last in, first out. However many
//! instances are kept, only as many are in use as frames are in progress.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A stack of instances, or of values that hold one.
#[derive(Debug)]
pub struct Stack<T>(Mutex<Vec<T>>);

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Stack<T> {
    /// Takes the instance that was used last; `None` if all are in use.
    pub fn take(&self) -> Option<T> {
        self.lock().pop()
    }

    /// Puts an instance back after use.
    pub fn put(&self, used: T) {
        self.lock().push(used);
    }

    /// The number of idle instances.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Calls `of` on each idle instance, the last used one first, and returns the results.
    pub fn each<R>(&self, of: impl FnMut(&T) -> R) -> Vec<R> {
        self.lock().iter().rev().map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // Safe after a panic: each critical section leaves the list consistent at each step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_used_last_is_used_next() {
        let stack = Stack::default();
        for name in ["a", "b", "c"] {
            stack.put(name);
        }
        assert_eq!(stack.take(), Some("c"));
        assert_eq!(stack.take(), Some("b"));
        stack.put("c");
        assert_eq!(stack.each(|name| *name), ["c", "a"]);
        assert_eq!(
            [stack.take(), stack.take(), stack.take()],
            [Some("c"), Some("a"), None]
        );
    }
}
