//! Values under small numbers that are used again. It holds the guest's tensors, which are made and dropped
//! with every inference: Wasmtime's table, which holds all other resources, would allocate for each one.
//!
//! It checks neither types nor owners. Wasmtime's table of the instance checks every number that a guest
//! passes against the type for which it was given out.

pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot.
    free: Option<usize>,
    held: usize,
    limit: usize,
}

enum Slot<T> {
    Held(T),
    /// A free slot, with the next free one.
    Free(Option<usize>),
}

impl<T> Slab<T> {
    /// An empty slab for at most this number of values.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            held: 0,
            limit: limit.min(u32::MAX as usize),
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    /// How many values there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Keeps a value and returns its number; none if the limit is reached.
    pub(crate) fn push(&mut self, value: T) -> Option<u32> {
        if self.held >= self.limit {
            return None;
        }
        let place = match self.free {
            Some(place) => {
                let slot = self.slots.get_mut(place)?;
                if let Slot::Free(next) = *slot {
                    self.free = next;
                }
                *slot = Slot::Held(value);
                place
            }
            None => {
                self.slots.push(Slot::Held(value));
                self.slots.len() - 1
            }
        };
        self.held += 1;
        u32::try_from(place).ok()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        match self.slots.get(number as usize)? {
            Slot::Held(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let slot = self.slots.get_mut(number as usize)?;
        if matches!(slot, Slot::Free(_)) {
            return None;
        }
        let was = std::mem::replace(slot, Slot::Free(self.free));
        self.free = Some(number as usize);
        self.held -= 1;
        match was {
            Slot::Held(value) => Some(value),
            Slot::Free(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_no_more_are_held_than_may_be() {
        let mut slab = Slab::new(2);
        let (one, two) = (slab.push("one").unwrap(), slab.push("two").unwrap());
        assert_eq!(slab.push("three"), None);
        assert_eq!(slab.get(one), Some(&"one"));
        assert_eq!(slab.remove(one), Some("one"));
        assert_eq!(slab.get(one), None);
        assert_eq!(slab.remove(one), None);
        assert_eq!(slab.len(), 1);
        assert_eq!(slab.push("three"), Some(one));
        assert_eq!(slab.get(one), Some(&"three"));
        assert_eq!(slab.get(two), Some(&"two"));
        assert_eq!(slab.get(9), None);
        assert_eq!(slab.remove(9), None);
    }
}
