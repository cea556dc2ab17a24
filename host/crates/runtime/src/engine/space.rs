//! How much address space this process can still reserve: found by reserving it, and releasing it at once.
//!
//! The system has several bounds (`ulimit -v`, a kernel of 39 bits, a container's), so only a trial shows what
//! it grants. The reservation has no pages and no permissions, so it costs nothing.

#![allow(unsafe_code)] // Mapping memory is unsafe by its signature; argued below.

use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Steps of bisection between what was granted and what was refused: the answer is at most a sixteenth off.
const STEPS: u32 = 4;

/// The largest reservation up to `wanted`, in bytes, that the system grants now.
pub(super) fn reservable(wanted: u64) -> u64 {
    largest(wanted, can_reserve)
}

fn largest(wanted: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let mut fitting = wanted;
    while fitting > 0 && !fits(fitting) {
        fitting /= 2;
    }
    if fitting == wanted {
        return fitting;
    }
    let mut refused = fitting.saturating_mul(2);
    for _ in 0..STEPS {
        let between = fitting + (refused - fitting) / 2;
        if fits(between) {
            fitting = between;
        } else {
            refused = between;
        }
    }
    fitting
}

fn can_reserve(bytes: u64) -> bool {
    let Ok(bytes) = usize::try_from(bytes) else {
        return false;
    };
    if bytes == 0 {
        return true;
    }
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping at an address of the system's choosing: no memory that is in use changes.
    let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::empty(), flags) };
    match mapped {
        Ok(start) => {
            // SAFETY: exactly what was mapped just above; nothing else has its address.
            unsafe { munmap(start, bytes) }.is_ok()
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits_is_found() {
        for bound in [0, 1, 1 << 30, 3 << 38, (1 << 40) + 12_345] {
            let found = largest(1 << 42, |bytes| bytes <= bound);
            assert!(found <= bound, "{bound}");
            assert!(found >= bound - bound / 16, "{bound}: {found}");
        }
        assert_eq!(largest(1 << 20, |_| true), 1 << 20);
        assert_eq!(largest(1 << 20, |_| false), 0);
    }

    #[test]
    fn this_machine_gives_some_and_not_all() {
        assert_eq!(reservable(1 << 20), 1 << 20);
        assert!(reservable(1 << 60) < 1 << 60);
    }
}
