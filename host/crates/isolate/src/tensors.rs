//! The place in which a host puts tensors for its helper, so that handing one over takes no copy.
//!
//! The helper has the memory file open for reading only, so it cannot change what the host sees as bytes of its own. (It
//! could open it anew if it lacked both Landlock and the filter of system calls, and could then reach all memory of the
//! host as well.)
#![allow(
    unsafe_code,
    reason = "tensors in shared memory; the block says why it is sound"
)]

use std::{
    fs::File,
    ptr::NonNull,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tollgate_nn::{Place, Places};

use crate::{helper::lock, lane::ALIGNMENT, memory::give_back, region::Region};

/// Fewer bytes are copied as quickly as they are placed.
const LEAST: usize = 4096;

/// The memory of a tensor of this many bytes is given back to the system when it is dropped.
const GIVEN_BACK: usize = 1 << 20;

/// The place for tensors.
pub(crate) struct Tensors {
    region: Arc<Region>,
    file: File,
    /// Where the region begins in the file.
    from: u64,
    /// What is free of the region's beginning: where it begins and ends, in order, none beside another.
    free: Mutex<Vec<(usize, usize)>>,
    /// Whether the helper is gone: what is dropped from then on is given back, however small.
    retired: AtomicBool,
}

impl Tensors {
    /// The first bytes of a region, which begins there in the file.
    pub(crate) fn new(region: Arc<Region>, bytes: usize, file: File, from: u64) -> Self {
        Self {
            region,
            file,
            from,
            free: Mutex::new(vec![(0, bytes)]),
            retired: AtomicBool::new(false),
        }
    }

    /// The helper is gone. Tensors that a guest still has keep their memory, and no more than that.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        let free = lock(&self.free);
        for (from, to) in free.iter() {
            give_back(&self.file, self.from + *from as u64, (to - from) as u64).ok();
        }
    }

    fn take(&self, bytes: usize) -> Option<usize> {
        let mut free = lock(&self.free);
        let index = free.iter().position(|(from, to)| to - from >= bytes)?;
        let (from, to) = free.get_mut(index)?;
        let taken = *from;
        *from += bytes;
        if from == to {
            free.remove(index);
        }
        Some(taken)
    }

    fn put_back(&self, from: usize, to: usize) {
        let mut free = lock(&self.free);
        let index = free.partition_point(|(begin, _)| *begin < from);
        let after = free.get(index).copied().filter(|(begin, _)| *begin == to);
        let before = index
            .checked_sub(1)
            .filter(|&before| free.get(before).is_some_and(|(_, end)| *end == from));
        let to = after.map_or(to, |(_, end)| end);
        match (before.and_then(|before| free.get_mut(before)), after) {
            (Some(before), _) => before.1 = to,
            (None, Some(_)) => {
                if let Some(after) = free.get_mut(index) {
                    after.0 = from;
                }
                return;
            }
            (None, None) => {
                free.insert(index, (from, to));
                return;
            }
        }
        if after.is_some() {
            free.remove(index);
        }
    }
}

/// A tensor's part of the place.
struct Piece {
    tensors: Arc<Tensors>,
    start: NonNull<u8>,
    at: usize,
    /// With what is left over to the next one.
    bytes: usize,
}

// SAFETY: an address range that only its tensor uses, see below.
unsafe impl Send for Piece {}
// SAFETY: as above.
unsafe impl Sync for Piece {}

// SAFETY: `start` is the address of `bytes` bytes inside the mapping, which `tensors` keeps. They were zero when the
// file was made, and begin at multiples of 64 after a page. `take` gives no byte out twice before `put_back`, lanes lie
// behind the place, and the helper's file is open for reading only.
unsafe impl Place for Piece {
    fn start(&self) -> NonNull<u8> {
        self.start
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if self.bytes >= GIVEN_BACK || self.tensors.retired.load(Ordering::SeqCst) {
            // If it fails, the memory stays until the helper ends.
            let from = self.tensors.from + self.at as u64;
            give_back(&self.tensors.file, from, self.bytes as u64).ok();
        }
        self.tensors.put_back(self.at, self.at + self.bytes);
    }
}

/// [`Tensors`] as the place where an instance's tensors are put.
pub(crate) struct Shared(pub(crate) Arc<Tensors>);

impl Places for Shared {
    fn place(&self, bytes: usize) -> Option<Box<dyn Place>> {
        if bytes < LEAST {
            return None;
        }
        let bytes = bytes.checked_next_multiple_of(ALIGNMENT)?;
        let at = self.0.take(bytes)?;
        let start = self.0.region.address(at, bytes)?;
        Some(Box::new(Piece {
            tensors: Arc::clone(&self.0),
            start,
            at,
            bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::sealed_file, region::Access};

    fn tensors(bytes: usize) -> Shared {
        let file = sealed_file(bytes as u64).unwrap();
        let region = Region::map(&file, 0, bytes, Access::Write).unwrap();
        Shared(Arc::new(Tensors::new(Arc::new(region), bytes, file, 0)))
    }

    #[test]
    fn what_is_given_out_never_overlaps_and_comes_back() {
        const BYTES: usize = 1 << 20;
        let places = tensors(BYTES);
        let mut state = 7_u64;
        let mut held: Vec<Box<dyn Place>> = Vec::new();
        for _ in 0..5000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            let bytes = LEAST + (state >> 33) as usize % 60_000;
            match places.place(bytes) {
                Some(place) => {
                    assert!(place.bytes() >= bytes);
                    let range = |p: &dyn Place| {
                        (p.start().addr().get(), p.start().addr().get() + p.bytes())
                    };
                    let (from, to) = range(&*place);
                    for other in &held {
                        let (other_from, other_to) = range(&**other);
                        assert!(to <= other_from || other_to <= from);
                    }
                    held.push(place);
                }
                None => {
                    held.swap_remove((state >> 7) as usize % held.len());
                }
            }
        }
        places.0.retire();
        held.clear();
        assert_eq!(*lock(&places.0.free), [(0, BYTES)], "whole again");
        assert!(places.place(LEAST - 1).is_none());
        assert!(places.place(BYTES + 1).is_none() && places.place(usize::MAX).is_none());
        assert_eq!(places.place(BYTES).map(|place| place.bytes()), Some(BYTES));
    }
}
