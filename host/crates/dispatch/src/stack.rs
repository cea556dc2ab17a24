//! Warm instances of one plugin, the one that was used last on top.
//!
//! Any of them can take the next frame. The one that was used last has its memory in the caches of
//! the processor, and one that has not been used for hundreds of frames has to fetch it again; so
//! frames are served in the order in which they came, instances in the opposite one. However many are
//! kept, only as many are hot as there are frames under way.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A stack of instances, or of what holds one.
#[derive(Debug)]
pub struct Stack<T>(Mutex<Vec<T>>);

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Stack<T> {
    /// The one that was used last; none where all are at work.
    pub fn take(&self) -> Option<T> {
        self.lock().pop()
    }

    /// Puts one back after use.
    pub fn put(&self, used: T) {
        self.lock().push(used);
    }

    /// How many are not at work.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Something of each that is not at work, the one that was used last first.
    pub fn each<R>(&self, of: impl FnMut(&T) -> R) -> Vec<R> {
        self.lock().iter().rev().map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // Every critical section leaves the list whole at each step.
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
