//! Memory that two processes share: a memory file, mapped.
//!
//! The other process may change its part at any time, whatever it has agreed to. So nothing here is ever seen as
//! `&[u8]` in the host: it is read by relaxed atomic loads into memory of its own, and written by copying.
#![allow(
    unsafe_code,
    reason = "mapping memory that another process may change; each block says why it is sound"
)]

use std::{
    fs::File,
    io,
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A cache line.
const LINE: usize = 64;

/// The most bytes that are fetched ahead: more would only displace others.
const FETCHED: usize = 512;

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch_line(address: *const u8, to_write: bool) {
    // SAFETY: a prefetch reads and writes nothing that a program can see, and never faults, whatever the address.
    unsafe {
        if to_write {
            std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags));
        } else {
            std::arch::asm!("prefetcht0 [{}]", in(reg) address, options(nostack, preserves_flags));
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn fetch_line(_address: *const u8, _to_write: bool) {}

/// What is done with a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only reading: the other process writes.
    Read,
    /// Writing, and reading what was written.
    Write,
}

/// A shared mapping of a memory file whose size is sealed.
pub(crate) struct Region {
    start: NonNull<u8>,
    bytes: usize,
    access: Access,
}

// SAFETY: a `Region` is an address range of the process. What is in it is reached through atomics, or written by
// whoever owns the lane that it belongs to (`lane`).
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Maps these bytes of a file.
    ///
    /// # Errors
    ///
    /// The file is smaller, or the system has no room.
    pub(crate) fn map(file: &File, from: u64, bytes: usize, access: Access) -> io::Result<Self> {
        // Touching a page behind the end of a file would be a signal. The size is sealed, so this stays true.
        if file.metadata()?.len() < from.saturating_add(bytes as u64) || bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let protection = match access {
            Access::Read => ProtFlags::READ,
            Access::Write => ProtFlags::READ | ProtFlags::WRITE,
        };
        // SAFETY: the system chooses a free address, so no other memory is replaced.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                bytes,
                protection,
                MapFlags::SHARED,
                file,
                from,
            )?
        };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            start,
            bytes,
            access,
        })
    }

    /// Loads the word at this offset. Relaxed: only that is defined where memory is mapped for reading; who needs an
    /// order has a fence.
    #[inline]
    pub(crate) fn load(&self, at: usize) -> u32 {
        self.word(at).load(Ordering::Relaxed)
    }

    /// The word at this offset, which is a multiple of four inside the region; the first one if it is not.
    #[inline]
    pub(crate) fn word(&self, at: usize) -> &AtomicU32 {
        let at = if at.is_multiple_of(4) && at < self.bytes & !3 {
            at
        } else {
            0
        };
        // SAFETY: mappings begin at a page and have at least one, and `at` is aligned and inside. The memory is
        // mapped for as long as `self` lives, and is reached here through atomics only. One that is mapped for
        // reading is only loaded from, relaxed: `store` looks at the access.
        unsafe { self.start.add(at).cast::<AtomicU32>().as_ref() }
    }

    /// Sets the word at this offset; does nothing in a region for reading.
    #[inline]
    pub(crate) fn store(&self, at: usize, value: u32, ordering: Ordering) {
        if self.access == Access::Write {
            self.word(at).store(value, ordering);
        }
    }

    /// Copies bytes into it; false if they do not fit there, or if it is for reading.
    #[inline]
    pub(crate) fn write(&self, at: usize, bytes: &[u8]) -> bool {
        if !self.has(at, bytes.len()) || self.access != Access::Write {
            return false;
        }
        // SAFETY: the range is inside the mapping, which is writable, and this process has no reference to it:
        // `word` gives out atomics of heads only, whose words nobody writes through here (`lane`). Another process
        // that reads meanwhile reads what it is given.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at).as_ptr(), bytes.len());
        }
        true
    }

    /// Copies bytes out of it; false if there are not as many.
    ///
    /// Another process may write at the same time: then the result is some mixture.
    #[inline]
    pub(crate) fn read(&self, at: usize, to: &mut [u8]) -> bool {
        if !self.has(at, to.len()) || !at.is_multiple_of(8) {
            return false;
        }
        let (words, rest) = to.as_chunks_mut::<8>();
        let from = self.start.as_ptr().wrapping_add(at);
        for (place, word) in words.iter_mut().enumerate() {
            // SAFETY: inside the mapping and aligned, as checked; an atomic load has no data race.
            let value = unsafe { AtomicU64::from_ptr(from.wrapping_add(place * 8).cast()) };
            *word = value.load(Ordering::Relaxed).to_ne_bytes();
        }
        let from = from.wrapping_add(words.len() * 8);
        for (place, byte) in rest.iter_mut().enumerate() {
            // SAFETY: as above.
            let value = unsafe { AtomicU8::from_ptr(from.wrapping_add(place)) };
            *byte = value.load(Ordering::Relaxed);
        }
        true
    }

    /// Has the processor fetch the cache lines of a few bytes, to be read or written soon. Moving them between cores takes
    /// as long as all else that a message takes.
    #[inline]
    pub(crate) fn fetch(&self, at: usize, bytes: usize, to_write: bool) {
        let from = at & !(LINE - 1);
        let most = bytes.min(FETCHED) + (at - from);
        for line in (from..from + most).step_by(LINE) {
            if self.has(line, 1) {
                fetch_line(self.start.as_ptr().wrapping_add(line), to_write);
            }
        }
    }

    /// The bytes at this offset, for a helper, which has what its host handed over; none if there are not as many.
    ///
    /// # Safety
    ///
    /// The other process must not change them for as long as the result is used.
    pub(crate) unsafe fn handed(&self, at: usize, bytes: usize) -> Option<&[u8]> {
        // SAFETY: inside the mapping; the caller promises that they do not change.
        self.has(at, bytes)
            .then(|| unsafe { slice::from_raw_parts(self.start.as_ptr().add(at), bytes) })
    }

    /// The address of these bytes; none if there are not as many.
    pub(crate) fn address(&self, at: usize, bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: inside the mapping.
        self.has(at, bytes).then(|| unsafe { self.start.add(at) })
    }

    /// Where in it these bytes are, if they are.
    #[inline]
    pub(crate) fn place_of(&self, bytes: &[u8]) -> Option<usize> {
        let at = bytes.as_ptr().addr().checked_sub(self.start.addr().get())?;
        self.has(at, bytes.len()).then_some(at)
    }

    fn has(&self, at: usize, bytes: usize) -> bool {
        at.checked_add(bytes).is_some_and(|end| end <= self.bytes)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this range was mapped by `map`, is unmapped once, and no reference to it outlives `self`.
        unsafe {
            munmap(self.start.as_ptr().cast(), self.bytes).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::memory::sealed_file;

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let file = sealed_file(8192).unwrap();
        let ours = Region::map(&file, 0, 8192, Access::Write).unwrap();
        let theirs = Region::map(&file, 4096, 4096, Access::Read).unwrap();
        for length in 0..40 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte + length).collect();
            assert!(ours.write(4096 + 64, &bytes));
            let mut seen = vec![0; bytes.len()];
            assert!(theirs.read(64, &mut seen));
            assert_eq!(seen, bytes);
        }
        ours.store(4096, 7, Ordering::Release);
        assert_eq!(theirs.word(0).load(Ordering::Acquire), 7);
    }

    #[test]
    fn nothing_beyond_its_end_or_in_a_part_for_reading_is_touched() {
        let file = sealed_file(4096).unwrap();
        assert!(Region::map(&file, 0, 8192, Access::Read).is_err());
        assert!(Region::map(&file, 0, 0, Access::Read).is_err());
        let region = Region::map(&file, 0, 4096, Access::Read).unwrap();
        assert!(!region.write(0, b"no"));
        region.store(0, 1, Ordering::SeqCst);
        assert_eq!(region.word(0).load(Ordering::SeqCst), 0);
        let mut to = [0; 8];
        assert!(!region.read(4092, &mut to) && !region.read(usize::MAX, &mut to));
        assert!(!region.read(4, &mut to), "not aligned");
        assert!(ptr::eq(region.word(4096), region.word(0)), "outside");
        // SAFETY: nobody else has the file.
        assert!(unsafe { region.handed(4000, 97) }.is_none());
    }

    #[test]
    fn bytes_that_change_while_they_are_read_are_some_of_them() {
        let file = sealed_file(1 << 16).unwrap();
        let ours = Arc::new(Region::map(&file, 0, 1 << 16, Access::Write).unwrap());
        let theirs = Region::map(&file, 0, 1 << 16, Access::Read).unwrap();
        let writer = std::thread::spawn({
            let ours = Arc::clone(&ours);
            move || {
                for round in 0..200_u8 {
                    ours.write(64, &[round; 4096]);
                }
            }
        });
        let mut seen = vec![0; 4096];
        while !writer.is_finished() {
            assert!(theirs.read(64, &mut seen));
        }
        writer.join().unwrap();
        assert!(theirs.read(64, &mut seen));
        assert!(seen.iter().all(|&byte| byte == 199));
    }
}
