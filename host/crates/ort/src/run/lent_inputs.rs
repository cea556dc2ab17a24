//! Input bytes that a waiting caller lends to the thread that runs its inference in a batch.
//!
//! The bytes are in the caller's memory, mostly a guest's, and are borrowed while it waits. Another thread may
//! read them only in that time. A lock in here enforces that, so no caller has to promise it: bytes are read
//! under the lock, and the wait cannot end before the lock was taken again to end the loan.

use std::{
    ptr::NonNull,
    slice,
    sync::{Mutex, MutexGuard, PoisonError},
};

use smallvec::SmallVec;

/// The inputs of one inference, while they are lent; none before and after.
#[derive(Default)]
pub struct LentInputs(Mutex<Option<Pieces>>);

struct Pieces(SmallVec<[(NonNull<u8>, usize); 4]>);

// SAFETY: the pointers stand for shared slices of bytes, which any thread may read while the loan
// lasts.
unsafe impl Send for Pieces {}

/// The lent inputs, locked: the loan cannot end while this lives.
pub struct HeldInputs<'a>(MutexGuard<'a, Option<Pieces>>);

impl LentInputs {
    /// Lends bytes for as long as `body` runs.
    pub fn lend<'b, R>(
        &self,
        inputs: impl Iterator<Item = &'b [u8]>,
        body: impl FnOnce() -> R,
    ) -> R {
        /// Ends the loan, even if `body` panics.
        struct End<'a>(&'a LentInputs);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                *self.0.lock() = None;
            }
        }
        let pieces = inputs.map(|bytes| (NonNull::from(bytes).cast::<u8>(), bytes.len()));
        let pieces = Pieces(pieces.collect());
        let _end = End(self);
        *self.lock() = Some(pieces);
        body()
    }

    /// Locks the lent inputs; none if the loan is over.
    pub fn hold(&self) -> Option<HeldInputs<'_>> {
        let guard = self.lock();
        guard.is_some().then_some(HeldInputs(guard))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pieces>> {
        // What is under the lock is consistent at each step, so a panic does not break it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldInputs<'_> {
    /// The bytes of one input, by its place.
    pub fn input(&self, place: usize) -> Option<&[u8]> {
        let &(start, length) = self.0.as_ref()?.0.get(place)?;
        // SAFETY: `lend` put the pieces there from slices that outlive its call, and it removes
        // them under the lock before it returns. The lock is held for as long as the slice lives, so
        // the slice that the piece was made from is still borrowed.
        Some(unsafe { slice::from_raw_parts(start.as_ptr(), length) })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, mpsc},
        thread,
    };

    use super::*;

    #[test]
    fn bytes_are_there_during_the_loan_and_not_after() {
        let lent = LentInputs::default();
        assert!(lent.hold().is_none());
        let bytes = [1, 2, 3];
        lent.lend([&bytes[..], &[]].into_iter(), || {
            let held = lent.hold().unwrap();
            assert_eq!(held.input(0), Some(&[1, 2, 3][..]));
            assert_eq!(held.input(1), Some(&[][..]));
            assert_eq!(held.input(2), None);
        });
        assert!(lent.hold().is_none());
    }

    #[test]
    fn the_loan_does_not_end_while_somebody_reads() {
        let lent = Arc::new(LentInputs::default());
        let (go, gone) = (mpsc::channel(), mpsc::channel());
        let reader = thread::spawn({
            let lent = Arc::clone(&lent);
            move || {
                go.1.recv().unwrap();
                let held = lent.hold().unwrap();
                gone.0.send(()).unwrap();
                thread::yield_now();
                held.input(0).map(<[u8]>::to_vec)
            }
        });
        {
            let bytes = vec![7; 4096];
            lent.lend(std::iter::once(&bytes[..]), || {
                go.0.send(()).unwrap();
                gone.1.recv().unwrap();
            });
        }
        assert_eq!(reader.join().unwrap(), Some(vec![7; 4096]));
    }
}
