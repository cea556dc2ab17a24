//! The messages between the host and a helper. Both ends read them without trust: a length is looked at before it is
//! used, and what does not fit is an error.
//!
//! A message is a list of words. Those of runs are laid out by hand, since they are part of every inference; what
//! loading needs is in postcard's format.

use smallvec::SmallVec;
use tollgate_nn::{TensorType, clock::Stamp};

use crate::lane::ALIGNMENT;

/// What the host asks for.
pub(crate) const LOAD: u32 = 1;
pub(crate) const RUN: u32 = 2;
pub(crate) const DROP: u32 = 3;
pub(crate) const ECHO: u32 = 4;

/// What the helper answers.
pub(crate) const DONE: u32 = 0x746f_6c6c;
pub(crate) const FAILED: u32 = 0x6e6f;

/// The most dimensions of a tensor.
const RANK: usize = 255;

/// A message that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// The words of a message, one after another.
pub(crate) struct Words<'a>(&'a [u32]);

impl<'a> Words<'a> {
    pub(crate) fn of(message: &'a [u32]) -> Self {
        Self(message)
    }

    #[inline]
    pub(crate) fn next(&mut self) -> Result<u32, Garbled> {
        let (first, rest) = self.0.split_first().ok_or(Garbled)?;
        self.0 = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn long(&mut self) -> Result<u64, Garbled> {
        let (low, high) = (self.next()?, self.next()?);
        Ok(u64::from(low) | u64::from(high) << 32)
    }

    #[inline]
    pub(crate) fn some(&mut self, count: usize) -> Result<&'a [u32], Garbled> {
        let (some, rest) = self.0.split_at_checked(count).ok_or(Garbled)?;
        self.0 = rest;
        Ok(some)
    }

    /// Bytes, whose number stands before them.
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Garbled> {
        let count = self.next()? as usize;
        let words = self.some(count.div_ceil(4))?;
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(count);
        Ok(bytes)
    }

    /// All that is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u32] {
        self.0
    }

    /// Nothing more comes.
    #[inline]
    pub(crate) fn end(self) -> Result<(), Garbled> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Garbled)
        }
    }
}

/// A message that is being written.
pub(crate) type Message = SmallVec<[u32; 48]>;

#[inline]
pub(crate) fn push_long(message: &mut Message, value: u64) {
    message.extend([value as u32, (value >> 32) as u32]);
}

pub(crate) fn push_bytes(message: &mut Message, bytes: &[u8]) {
    message.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let words = bytes.chunks(4).map(|chunk| {
        let mut word = [0; 4];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        u32::from_le_bytes(word)
    });
    message.extend(words);
}

/// A tensor in the part of a lane: what it is and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'a> {
    /// The place of the input or output.
    pub(crate) place: u16,
    pub(crate) ty: TensorType,
    pub(crate) dimensions: &'a [u32],
    /// Where it begins, in bytes.
    pub(crate) at: At,
}

/// Where a tensor begins, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// In the sender's part of the lane.
    Lane(usize),
    /// In the host's place for tensors.
    Tensors(usize),
}

/// Marks a tensor in the place for tensors.
const IN_TENSORS: u32 = 1 << 31;

impl<'a> Placed<'a> {
    /// How many words it takes in a message.
    pub(crate) fn words(rank: usize) -> usize {
        2 + rank
    }

    #[inline]
    pub(crate) fn push(&self, message: &mut Message) -> Result<(), Garbled> {
        let rank = self.dimensions.len();
        if rank > RANK {
            return Err(Garbled);
        }
        let (at, mark) = match self.at {
            At::Lane(at) => (at, 0),
            At::Tensors(at) => (at, IN_TENSORS),
        };
        let unit = u32::try_from(at / ALIGNMENT).map_err(|_| Garbled)?;
        if unit & IN_TENSORS != 0 || !at.is_multiple_of(ALIGNMENT) {
            return Err(Garbled);
        }
        let head = u32::from(self.place) | (self.ty as u32) << 16 | (rank as u32) << 24;
        message.extend([head, unit | mark]);
        message.extend_from_slice(self.dimensions);
        Ok(())
    }

    #[inline]
    pub(crate) fn next(words: &mut Words<'a>) -> Result<Self, Garbled> {
        let [place, place_high, ty, rank] = words.next()?.to_le_bytes();
        let unit = words.next()?;
        let at = (unit & !IN_TENSORS) as usize * ALIGNMENT;
        Ok(Self {
            place: u16::from_le_bytes([place, place_high]),
            ty: TensorType::from_ordinal(ty).ok_or(Garbled)?,
            dimensions: words.some(rank.into())?,
            at: if unit & IN_TENSORS == 0 {
                At::Lane(at)
            } else {
                At::Tensors(at)
            },
        })
    }

    /// How many bytes it has.
    #[inline]
    pub(crate) fn bytes(&self) -> Result<usize, Garbled> {
        self.ty.bytes_for(self.dimensions).ok_or(Garbled)
    }
}

/// Marks a request after which the helper spins.
const SPINS: u32 = 1 << 31;

/// The head of a request to run; its inputs follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) graph: u32,
    pub(crate) inputs: u32,
    /// Whether the helper is to spin for the next request: its host runs on another core.
    pub(crate) spins: bool,
    /// A count of the clock; the largest for none.
    pub(crate) deadline: u64,
    /// How many bytes the outputs may have.
    pub(crate) room: u64,
}

impl Run {
    /// Its words, with that of the request's kind.
    pub(crate) const WORDS: usize = 7;

    #[inline]
    pub(crate) fn push(&self, message: &mut Message) {
        let spins = if self.spins { SPINS } else { 0 };
        message.extend([RUN, self.graph, self.inputs | spins]);
        push_long(message, self.deadline);
        push_long(message, self.room);
    }

    /// After its kind was read.
    #[inline]
    pub(crate) fn next(words: &mut Words<'_>) -> Result<Self, Garbled> {
        let (graph, inputs) = (words.next()?, words.next()?);
        Ok(Self {
            graph,
            inputs: inputs & !SPINS,
            spins: inputs & SPINS != 0,
            deadline: words.long()?,
            room: words.long()?,
        })
    }
}

/// The head of an answer to a run; its outputs follow. It is short, so that with a small output it is one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ran {
    pub(crate) outputs: u32,
    /// Rows of the whole run.
    pub(crate) batch: u32,
    pub(crate) copies_in: u16,
    pub(crate) copies_out: u16,
    /// How long it waited for its turn, in counts of the clock; zero if it did not wait.
    pub(crate) waited: f32,
    /// How long ONNX Runtime ran, in counts of the clock.
    pub(crate) took: f32,
}

impl Ran {
    #[inline]
    pub(crate) fn push(&self, message: &mut Message) {
        let copies = u32::from(self.copies_in) | u32::from(self.copies_out) << 16;
        message.extend([
            DONE,
            self.outputs,
            self.batch,
            copies,
            self.waited.to_bits(),
            self.took.to_bits(),
        ]);
    }

    /// After its kind was read.
    #[inline]
    pub(crate) fn next(words: &mut Words<'_>) -> Result<Self, Garbled> {
        let (outputs, batch) = (words.next()?, words.next()?);
        let [in_low, in_high, out_low, out_high] = words.next()?.to_le_bytes();
        Ok(Self {
            outputs,
            batch,
            copies_in: u16::from_le_bytes([in_low, in_high]),
            copies_out: u16::from_le_bytes([out_low, out_high]),
            waited: f32::from_bits(words.next()?),
            took: f32::from_bits(words.next()?),
        })
    }

    /// The host's record of it: it was handed over and came back at these times, and so many inputs and outputs were
    /// copied on the way.
    pub(crate) fn record(&self, from: Stamp, to: Stamp, copies: (u64, u64)) -> tollgate_nn::Ran {
        let (asked, started, ended) = self.times(from, to);
        tollgate_nn::Ran {
            asked,
            turn: None,
            started,
            ended,
            woken: None,
            jail: Some((from, to)),
            batch: self.batch,
            copies_in: u64::from(self.copies_in) + copies.0,
            copies_out: u64::from(self.copies_out) + copies.1,
        }
    }

    /// Its times as the host's: between these, and in the middle of them. The helper may say anything.
    fn times(&self, from: Stamp, to: Stamp) -> (Option<Stamp>, Stamp, Stamp) {
        let all = to.ticks_since(from);
        // What is no number becomes zero, and what is too large the most.
        let (waited, took) = (self.waited as u64, self.took as u64);
        let waited = waited.min(all);
        let took = took.min(all - waited);
        let asked = from.plus_ticks((all - waited - took) / 2);
        let started = asked.plus_ticks(waited);
        (
            (waited > 0).then_some(asked),
            started,
            started.plus_ticks(took),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_answers_go_there_and_back() {
        let run = Run {
            graph: 3,
            inputs: 1,
            spins: true,
            deadline: u64::MAX,
            room: 1 << 40,
        };
        let input = Placed {
            place: 300,
            ty: TensorType::I64,
            dimensions: &[1, 2, 3],
            at: At::Tensors(128),
        };
        let mut message = Message::new();
        run.push(&mut message);
        assert_eq!(message.len(), Run::WORDS);
        input.push(&mut message).unwrap();
        assert_eq!(message.len(), Run::WORDS + Placed::words(3));
        let mut words = Words::of(&message);
        assert_eq!(words.next(), Ok(RUN));
        assert_eq!(Run::next(&mut words), Ok(run));
        assert_eq!(Placed::next(&mut words), Ok(input));
        words.end().unwrap();

        let ran = Ran {
            outputs: 1,
            batch: 4,
            copies_in: 1,
            copies_out: 9,
            waited: 0.0,
            took: 7e9,
        };
        let mut message = Message::new();
        ran.push(&mut message);
        assert_eq!(message.len(), 6);
        let mut words = Words::of(&message);
        assert_eq!(words.next(), Ok(DONE));
        assert_eq!(Ran::next(&mut words), Ok(ran));
    }

    #[test]
    fn what_is_cut_short_or_has_no_such_type_is_garbled() {
        let mut words = Words::of(&[7 << 16, 0]);
        assert_eq!(Placed::next(&mut words), Err(Garbled), "type 7");
        let mut words = Words::of(&[3 << 24, 0, 1, 1]);
        assert_eq!(Placed::next(&mut words), Err(Garbled), "three dimensions");
        assert_eq!(Words::of(&[u32::MAX, 1]).bytes(), Err(Garbled));
        assert_eq!(Words::of(&[1]).end(), Err(Garbled));
        assert_eq!(Words::of(&[1]).long(), Err(Garbled));
        let huge = Placed {
            place: 0,
            ty: TensorType::Fp32,
            dimensions: &[u32::MAX; 3],
            at: At::Lane(0),
        };
        assert_eq!(huge.bytes(), Err(Garbled));
    }

    #[test]
    fn bytes_of_any_number_come_back() {
        for count in 0..9 {
            let bytes: Vec<u8> = (0..count).collect();
            let mut message = Message::new();
            push_bytes(&mut message, &bytes);
            let mut words = Words::of(&message);
            assert_eq!(words.bytes(), Ok(bytes));
            words.end().unwrap();
        }
    }

    #[test]
    fn a_helpers_times_are_held_between_the_hosts() {
        let at = Stamp::of_count;
        let times = |waited, took| {
            let ran = Ran {
                outputs: 0,
                batch: 1,
                copies_in: 0,
                copies_out: 0,
                waited,
                took,
            };
            ran.times(at(100), at(200))
        };
        assert_eq!(times(0.0, 40.0), (None, at(130), at(170)));
        assert_eq!(times(20.0, 40.0), (Some(at(120)), at(140), at(180)));
        assert_eq!(times(0.0, f32::INFINITY), (None, at(100), at(200)));
        assert_eq!(times(1e30, 1e30), (Some(at(100)), at(200), at(200)));
        assert_eq!(times(f32::NAN, -5.0), (None, at(150), at(150)));
    }
}
