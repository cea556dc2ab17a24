//! One lane between the host and a helper: in each direction a part of a memory file with a head, a message and
//! what the message speaks of.
//!
//! The head is a cache line's beginning: the doorbell, whether its owner sleeps on the other side's doorbell, and the
//! length of the message. A side writes its own part only while the other side waits: a message is not touched
//! between ringing and hearing the answer.

use std::{
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::Duration,
};

use rustix::thread::{Timespec, futex};
use tollgate_nn::clock::Stamp;

use crate::region::Region;

/// Where in a head its words are.
const BELL: usize = 0;
const ASLEEP: usize = 4;
const LENGTH: usize = 8;

/// Where the message begins.
const BODY: usize = 16;

/// The most words of a message.
pub(crate) const MOST_WORDS: usize = MOST_BODY / 4;

/// The most bytes of a message.
pub(crate) const MOST_BODY: usize = 2 << 20;

/// What a message speaks of begins at multiples of this.
pub(crate) const ALIGNMENT: usize = 64;

/// How often the clock is looked at while spinning.
const SPINS: u32 = 16;

/// One side of a lane.
pub(crate) struct Lane {
    own: Arc<Region>,
    own_at: usize,
    peer: Arc<Region>,
    peer_at: usize,
    /// The bytes of each part.
    own_bytes: usize,
    peer_bytes: usize,
    rung: u32,
    heard: u32,
    patience: Patience,
    /// How many bytes behind a message's first line are fetched when it is heard.
    ahead: usize,
}

/// Where the parts of a lane are.
pub(crate) struct Part {
    pub(crate) region: Arc<Region>,
    pub(crate) at: usize,
    pub(crate) bytes: usize,
}

/// For how long it is worthwhile to spin before sleeping.
pub(crate) struct Patience {
    /// In counts of the clock.
    spin: u64,
    /// Falls with each wait that spinning did not end, rises with each that it did.
    credit: u32,
    /// Waits since the last one that was spun in without credit.
    skipped: u32,
}

/// The most credit.
const CREDIT: u32 = 4;

/// Without credit every so many waits spin, to find out whether it has become worthwhile.
const TRY_EVERY: u32 = 32;

impl Patience {
    pub(crate) fn new(spin: Duration) -> Self {
        Self {
            spin: Stamp::default().plus(spin).count(),
            credit: CREDIT,
            skipped: 0,
        }
    }

    /// For how long to spin now.
    fn now(&mut self) -> u64 {
        if self.credit > 0 || self.spin == 0 {
            return self.spin;
        }
        self.skipped += 1;
        if self.skipped < TRY_EVERY {
            return 0;
        }
        self.skipped = 0;
        self.spin
    }

    fn learn(&mut self, spun: u64, heard: bool) {
        if spun > 0 {
            self.credit = if heard {
                CREDIT.min(self.credit + 1)
            } else {
                self.credit.saturating_sub(1)
            };
        }
    }
}

impl Lane {
    pub(crate) fn new(own: Part, peer: Part, spin: Duration) -> Self {
        Self {
            own: own.region,
            own_at: own.at,
            own_bytes: own.bytes,
            peer: peer.region,
            peer_at: peer.at,
            peer_bytes: peer.bytes,
            rung: 0,
            heard: 0,
            patience: Patience::new(spin),
            ahead: ALIGNMENT,
        }
    }

    /// How many bytes what a message speaks of may reach to.
    pub(crate) fn own_bytes(&self) -> usize {
        self.own_bytes
    }

    /// Where what a message of this many words speaks of can begin.
    #[inline]
    pub(crate) fn behind(words: usize) -> usize {
        (BODY + words * 4).next_multiple_of(ALIGNMENT)
    }

    /// Writes what a message will speak of; false if there is no room for it.
    #[inline]
    pub(crate) fn put(&self, at: usize, bytes: &[u8]) -> bool {
        let fits = at
            .checked_add(bytes.len())
            .is_some_and(|end| end <= self.own_bytes);
        fits && at >= BODY && self.own.write(self.own_at + at, bytes)
    }

    /// Sends a message, and rings; false if it is too long.
    #[inline]
    pub(crate) fn send(&mut self, message: &[u32]) -> bool {
        if message.len() > MOST_WORDS || !self.write_words(message) {
            return false;
        }
        let (own, at) = (&self.own, self.own_at);
        own.store(at + LENGTH, message.len() as u32, Ordering::Relaxed);
        self.rung = self.rung.wrapping_add(1);
        // At once behind the others: the peer looks at this cache line all the time, and takes it away when it does.
        own.store(at + BELL, self.rung, Ordering::Release);
        // Either this sees that the peer sleeps, or the peer sees the bell before it sleeps.
        fence(Ordering::SeqCst);
        if self.peer.load(self.peer_at + ASLEEP) != 0 {
            futex::wake(own.word(at + BELL), futex::Flags::empty(), 1).ok();
        }
        true
    }

    fn write_words(&self, message: &[u32]) -> bool {
        let mut few = [0_u8; 256];
        if let Some(few) = few.get_mut(..message.len() * 4) {
            for (bytes, word) in few.as_chunks_mut::<4>().0.iter_mut().zip(message) {
                *bytes = word.to_ne_bytes();
            }
            return self.put(BODY, few);
        }
        let many: Vec<u8> = message.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.put(BODY, &many)
    }

    /// Waits for the next message. `goes_on` is asked now and then how long to go on waiting, at most; with none
    /// the wait is over, and false is returned.
    /// Without `spins` it sleeps at once: the peer may be waiting for this very core.
    pub(crate) fn wait(
        &mut self,
        spins: bool,
        mut goes_on: impl FnMut() -> Option<Duration>,
    ) -> bool {
        let bell = self.peer_at + BELL;
        let spin = if spins { self.patience.now() } else { 0 };
        if spin > 0 {
            let begin = Stamp::now();
            loop {
                for _ in 0..SPINS {
                    let now = self.peer.load(bell);
                    if now != self.heard {
                        fence(Ordering::Acquire);
                        self.heard = now;
                        // What a short message speaks of is behind its first line.
                        self.peer.fetch(self.peer_at + ALIGNMENT, self.ahead, false);
                        self.patience.learn(spin, true);
                        return true;
                    }
                    std::hint::spin_loop();
                }
                if Stamp::now().ticks_since(begin) >= spin {
                    break;
                }
            }
            self.patience.learn(spin, false);
        }
        let asleep = self.own_at + ASLEEP;
        loop {
            self.own.store(asleep, 1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let now = self.peer.load(bell);
            let heard = now != self.heard;
            let more = if heard { None } else { goes_on() };
            if let Some(more) = more {
                // What does not convert is longer than anything waits.
                let timeout = Timespec::try_from(more).ok();
                let word = self.peer.word(bell);
                futex::wait(word, futex::Flags::empty(), self.heard, timeout.as_ref()).ok();
            }
            self.own.store(asleep, 0, Ordering::Relaxed);
            if heard {
                fence(Ordering::Acquire);
                self.heard = now;
                return true;
            }
            if more.is_none() {
                return false;
            }
        }
    }

    /// Has the cores' caches make ready: what the next message from here speaks of, and this many bytes of the next one
    /// from the peer.
    #[inline]
    pub(crate) fn make_ready(&mut self, bytes: usize, ahead: usize) {
        self.own.fetch(self.own_at + ALIGNMENT, bytes, true);
        self.ahead = ahead;
    }

    /// Whether a message has come that nobody waited for any more.
    pub(crate) fn has_come(&mut self) -> bool {
        let now = self.peer.load(self.peer_at + BELL);
        let come = now != self.heard;
        self.heard = now;
        come
    }

    /// Copies the message that was heard of out of the peer's part; false if it says that it is too long.
    #[inline]
    pub(crate) fn receive(&self, message: &mut Vec<u32>) -> bool {
        let length = self.peer.load(self.peer_at + LENGTH) as usize;
        message.clear();
        if length > MOST_WORDS {
            return false;
        }
        let word = |place: usize| {
            let at = self.peer_at + BODY + place * 4;
            self.peer.load(at)
        };
        let fits = BODY + length * 4 <= self.peer_bytes;
        if fits {
            message.extend((0..length).map(word));
        }
        fits
    }

    /// Copies what a message spoke of; false if it is not all in the peer's part.
    #[inline]
    pub(crate) fn take(&self, at: usize, to: &mut [u8]) -> bool {
        let fits = at
            .checked_add(to.len())
            .is_some_and(|end| end <= self.peer_bytes);
        fits && self.peer.read(self.peer_at + at, to)
    }

    /// The peer's part, and where it begins and how long it is.
    pub(crate) fn peer(&self) -> (&Arc<Region>, usize, usize) {
        (&self.peer, self.peer_at, self.peer_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{memory::sealed_file, region::Access};

    /// Both sides of a lane in one process.
    fn pair(spin: Duration) -> (Lane, Lane) {
        const BYTES: usize = 4 << 20;
        let map = |file, access| Arc::new(Region::map(file, 0, BYTES, access).unwrap());
        let files = [(); 2].map(|()| sealed_file(BYTES as u64).unwrap());
        let side = |own, peer| {
            let part = |region| Part {
                region,
                at: 0,
                bytes: BYTES,
            };
            Lane::new(
                part(map(own, Access::Write)),
                part(map(peer, Access::Read)),
                spin,
            )
        };
        let [down, up] = &files;
        (side(down, up), side(up, down))
    }

    fn echo(spin: Duration, rounds: u32) {
        let (mut host, mut helper) = pair(spin);
        let thread = thread::spawn(move || {
            let mut message = Vec::new();
            for _ in 0..rounds {
                assert!(helper.wait(true, || Some(Duration::from_secs(60))));
                assert!(helper.receive(&mut message));
                assert!(helper.send(&message));
            }
        });
        let mut message = Vec::new();
        for round in 0..rounds {
            assert!(host.send(&[round, 7, round]));
            assert!(host.wait(true, || Some(Duration::from_secs(60))));
            assert!(host.receive(&mut message));
            assert_eq!(message, [round, 7, round]);
        }
        thread.join().unwrap();
    }

    #[test]
    fn every_message_is_heard_asleep_or_not() {
        echo(Duration::ZERO, 2000);
        echo(Duration::from_micros(30), 2000);
    }

    #[test]
    fn a_wait_ends_when_it_is_told_to() {
        let (mut host, _helper) = pair(Duration::from_micros(1));
        let mut asked = 0;
        let heard = host.wait(true, || {
            asked += 1;
            (asked < 3).then_some(Duration::from_millis(1))
        });
        assert!(!heard && asked == 3);
    }

    #[test]
    fn a_message_of_any_claimed_length_is_read_within_bounds() {
        let (host, mut helper) = pair(Duration::ZERO);
        let mut message = Vec::new();
        for length in [u32::MAX, MOST_WORDS as u32 + 1] {
            helper.own.store(LENGTH, length, Ordering::SeqCst);
            assert!(!host.receive(&mut message));
        }
        assert!(!helper.send(&vec![0; MOST_WORDS + 1]));
        assert!(helper.send(&vec![3; MOST_WORDS]));
        assert!(host.receive(&mut message));
        assert_eq!(message, vec![3; MOST_WORDS]);
        assert!(!host.take(usize::MAX - 3, &mut [0; 8]) && !host.take(4 << 20, &mut [0; 8]));
        assert!(!helper.put(8, b"into the head") && !helper.put((4 << 20) - 2, b"over"));
    }

    #[test]
    fn spinning_that_never_helps_is_given_up() {
        let mut patience = Patience::new(Duration::from_micros(30));
        for _ in 0..CREDIT {
            let spun = patience.now();
            assert!(spun > 0);
            patience.learn(spun, false);
        }
        let tried = (0..2 * TRY_EVERY).filter(|_| patience.now() > 0).count();
        assert_eq!(tried, 2, "now and then it is tried again");
        patience.learn(1, true);
        assert!(patience.now() > 0);
        assert_eq!(Patience::new(Duration::ZERO).now(), 0);
    }
}
