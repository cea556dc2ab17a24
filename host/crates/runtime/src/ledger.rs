//! The ledger: where the time of one frame went.
//!
//! A ledger is a value that travels with its frame, from admission to egress. At every moment it
//! is in exactly one stage; changing the stage takes one stamp. So the stages are exclusive and
//! add up to the total by construction, and what the account itself costs is the number of stamps
//! times the cost of one (see [`crate::probe`]).
//!
//! An asynchronous guest may wait, in the middle of a call of the host's or between two stretches of
//! its own code. While it does nothing runs, so that time is no stage of the guest's: it is taken out
//! of the stage that it fell into and is `glue`, host time that is nothing else.

use std::sync::Arc;

use tollgate_nn::{
    Ran,
    clock::{Stamp, nanos},
};

use crate::{Missing, executor::Waited};

/// What a frame's time is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Admitted, not yet taken by a worker.
    Queue,
    /// Making a fresh instance, and tearing it down.
    Instantiate,
    /// In guest code, before the frame's first inference.
    GuestBefore,
    /// In guest code, between two inferences.
    GuestBetween,
    /// In guest code, after the frame's last inference; all of it where there was none before.
    GuestAfter,
    /// Bringing values and bytes into the host.
    Lift,
    /// Waiting for a batch, or for a turn on the device.
    Batch,
    /// In ONNX Runtime's run, and nothing else.
    Infer,
    /// Bringing values and bytes into the guest.
    Lower,
    /// Host time in crossings that is none of these.
    Glue,
    /// In key-value buckets, the disk's time included.
    Keyvalue,
}

const STAGES: usize = 11;

/// What crossed, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls over the boundary, either way.
    pub crossings: u64,
    /// Inferences.
    pub inferences: u64,
    /// Bytes of frames' results, tensors, log lines, keys and values that came out of the guest.
    pub bytes_in: u64,
    /// Bytes of frames, tensors, keys and values that went into the guest.
    pub bytes_out: u64,
    /// Copies of tensors' elements on their way in.
    pub copies_in: u64,
    /// Copies of tensors' elements on their way out.
    pub copies_out: u64,
    /// The largest batch that an inference of this frame was part of.
    pub max_batch: u64,
    /// Rows of the runs that the inferences of this frame were part of, summed.
    pub batch_rows: u64,
    /// Stamps taken for this account.
    pub stamps: u64,
}

impl Counts {
    /// Rows of the run that an inference was part of, on average; zero without inferences.
    pub fn mean_batch(&self) -> f64 {
        match self.inferences {
            0 => 0.0,
            inferences => self.batch_rows as f64 / inferences as f64,
        }
    }
}

/// The account of one frame, still open.
#[derive(Clone, Debug)]
pub struct Ledger {
    opened: Stamp,
    last: Stamp,
    stage: Stage,
    ticks: [u64; STAGES],
    pub(crate) counts: Counts,
    /// Calls into the guest that are still to come before its export itself: the allocations for
    /// the arguments.
    allocations: u8,
    /// Whether the export itself was called.
    entered: bool,
    /// How deep the guest's call into the host is; zero in guest code.
    depth: u8,
    /// How long an asynchronous guest waited; none for a synchronous one.
    waited: Option<Arc<Waited>>,
    pub(crate) missing: Missing,
}

impl Ledger {
    /// Opens the account: the frame is admitted, and waits in the queue.
    pub fn open() -> Self {
        Self::open_at(Stamp::now())
    }

    /// As [`Ledger::open`], for a frame that was due at an earlier moment.
    pub fn open_at(due: Stamp) -> Self {
        Self {
            opened: due,
            last: due,
            stage: Stage::Queue,
            ticks: [0; STAGES],
            counts: Counts {
                stamps: 1,
                ..Counts::default()
            },
            allocations: 0,
            entered: false,
            depth: 0,
            waited: None,
            missing: Missing::default(),
        }
    }

    /// When the account was opened.
    pub fn opened(&self) -> Stamp {
        self.opened
    }

    /// A worker takes the frame.
    pub fn start(&mut self) {
        self.switch(Stage::Glue);
    }

    /// What went on since its last stamp was not this frame's: it counts nowhere.
    pub fn leave_out(&mut self) {
        let now = Stamp::now();
        self.opened = self.opened.plus_ticks(now.ticks_since(self.last));
        self.last = now;
    }

    /// Closes the account: the outputs are with whoever wanted them.
    pub fn close(mut self) -> Record {
        self.switch(Stage::Glue);
        let ns = |stage: Stage| nanos(self.ticks_of(stage));
        Record {
            stages: Stages {
                queue: ns(Stage::Queue),
                instantiate: ns(Stage::Instantiate),
                guest_before: ns(Stage::GuestBefore),
                guest_between: ns(Stage::GuestBetween),
                guest_after: ns(Stage::GuestAfter),
                lift: ns(Stage::Lift),
                batch: ns(Stage::Batch),
                infer: ns(Stage::Infer),
                lower: ns(Stage::Lower),
                glue: ns(Stage::Glue),
                keyvalue: ns(Stage::Keyvalue),
            },
            counts: self.counts,
            missing: self.missing,
            total_ns: self.last.nanos_since(self.opened),
        }
    }

    /// From now on, time belongs to this stage.
    #[inline]
    pub(crate) fn switch(&mut self, stage: Stage) {
        self.switch_at(stage, Stamp::now());
        self.counts.stamps += 1;
    }

    /// The stage that is going on was this one from its beginning. It takes no stamp: for calls
    /// whose other parts are too short to tell apart.
    #[inline]
    pub(crate) fn relabel(&mut self, stage: Stage) {
        self.stage = stage;
    }

    /// As [`Ledger::switch`], by a stamp that somebody else took.
    #[inline]
    pub(crate) fn switch_at(&mut self, stage: Stage, now: Stamp) {
        let mut spent = now.ticks_since(self.last);
        if self.waited.is_some() {
            spent -= self.wait(spent);
        }
        if let Some(ticks) = self.ticks.get_mut(self.stage as usize) {
            *ticks += spent;
        }
        self.last = now;
        self.stage = stage;
    }

    /// Books what was waited of so many counts; gives it.
    #[cold]
    fn wait(&mut self, spent: u64) -> u64 {
        let waited = self.waited.as_ref().map_or(0, |waited| waited.take());
        let waited = waited.min(spent);
        if let Some(ticks) = self.ticks.get_mut(Stage::Glue as usize) {
            *ticks += waited;
        }
        waited
    }

    /// When the stage that is going on began.
    pub(crate) fn since(&self) -> Stamp {
        self.last
    }

    fn ticks_of(&self, stage: Stage) -> u64 {
        self.ticks.get(stage as usize).copied().unwrap_or_default()
    }

    /// An inference ran: guest time so far was before it or between two.
    ///
    /// Waiting for a turn, and waiting to be told that another caller ran it, is `batch`; merging
    /// and splitting on the caller's own thread is `glue`.
    pub(crate) fn inference(&mut self, ran: &Ran) {
        if let Some(asked) = ran.asked {
            self.switch_at(Stage::Batch, asked);
            self.counts.stamps += 1;
        }
        if let Some(turn) = ran.turn {
            self.switch_at(Stage::Glue, turn);
            self.counts.stamps += 1;
        }
        self.switch_at(Stage::Infer, ran.started);
        if let Some(woken) = ran.woken {
            self.switch_at(Stage::Batch, ran.ended);
            self.switch_at(Stage::Glue, woken);
            self.counts.stamps += 1;
        } else {
            self.switch_at(Stage::Glue, ran.ended);
        }
        let since = self.ticks_of(Stage::GuestAfter);
        let into = if self.counts.inferences == 0 {
            Stage::GuestBefore
        } else {
            Stage::GuestBetween
        };
        if let Some(ticks) = self.ticks.get_mut(into as usize) {
            *ticks += since;
        }
        if let Some(ticks) = self.ticks.get_mut(Stage::GuestAfter as usize) {
            *ticks = 0;
        }
        self.counts.inferences += 1;
        self.counts.max_batch = self.counts.max_batch.max(ran.batch.into());
        self.counts.batch_rows += u64::from(ran.batch);
        self.counts.copies_in += ran.copies_in;
        self.counts.copies_out += ran.copies_out;
        self.counts.stamps += 2;
    }

    /// A call of an export begins, whose arguments take this many allocations in the guest.
    pub(crate) fn begin_call(&mut self, allocations: u8) {
        self.allocations = allocations;
        self.entered = false;
        self.depth = 0;
        self.counts.crossings += 1;
        self.switch(Stage::Lower);
    }

    /// As [`Ledger::begin_call`], of an asynchronous guest: whoever runs it counts there how long it
    /// waits.
    pub(crate) fn begin_async_call(&mut self, allocations: u8, waited: &Arc<Waited>) {
        // What was left over by an earlier call is not this one's.
        waited.take();
        self.waited = Some(Arc::clone(waited));
        self.begin_call(allocations);
    }

    /// The call is over, its results lifted.
    pub(crate) fn end_call(&mut self) {
        self.depth = 0;
        self.switch(Stage::Glue);
        self.waited = None;
    }

    /// Wasmtime enters guest code.
    #[inline]
    pub(crate) fn enter_guest(&mut self) {
        if self.depth > 0 {
            // An allocation for what the host returns: part of lowering it.
        } else if self.allocations > 0 {
            self.allocations -= 1;
        } else if !self.entered || self.waited.is_some() {
            // An asynchronous guest goes on here after it has waited.
            self.entered = true;
            self.switch(Stage::GuestAfter);
        }
        // After a synchronous export comes its clean-up, which is part of lifting.
    }

    /// Guest code returns to Wasmtime.
    #[inline]
    pub(crate) fn leave_guest(&mut self) {
        // What follows a clean-up, or an allocation for an argument, is what went on before it.
        if self.depth == 0 && self.stage == Stage::GuestAfter {
            self.switch(Stage::Lift);
        }
    }

    /// The guest calls the host.
    #[inline]
    pub(crate) fn enter_host(&mut self) {
        self.depth = self.depth.saturating_add(1);
        if self.depth == 1 && self.entered {
            self.counts.crossings += 1;
            self.switch(Stage::Lift);
        }
    }

    /// The host returns to the guest.
    #[inline]
    pub(crate) fn leave_host(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 && self.entered {
            self.switch(Stage::GuestAfter);
        }
    }
}

/// The time of one frame by stage, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the stage of its name")]
pub struct Stages {
    pub queue: u64,
    pub instantiate: u64,
    pub guest_before: u64,
    pub guest_between: u64,
    pub guest_after: u64,
    pub lift: u64,
    pub batch: u64,
    pub infer: u64,
    pub lower: u64,
    pub glue: u64,
    pub keyvalue: u64,
}

impl Stages {
    /// Time in guest code.
    pub fn guest(&self) -> u64 {
        self.guest_before + self.guest_between + self.guest_after
    }

    /// What crossing the boundary cost: everything that is neither waiting, nor guest code, nor
    /// ONNX Runtime, nor a bucket.
    pub fn crossing(&self) -> u64 {
        self.instantiate + self.lift + self.lower + self.glue
    }

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.queue + self.batch + self.infer + self.keyvalue + self.guest() + self.crossing()
    }
}

/// The account of one frame, closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where the time went.
    pub stages: Stages,
    /// What crossed.
    pub counts: Counts,
    /// What the guest asked for and did not get.
    pub missing: Missing,
    /// From admission to egress, in nanoseconds.
    pub total_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_asynchronous_guest_waits_is_not_its_own_time() {
        const PAUSE: u64 = 1_000_000;
        let waited = Arc::new(Waited::default());
        let pause = || {
            let begin = Stamp::now();
            while Stamp::now().ticks_since(begin) < PAUSE {}
            waited.add(PAUSE);
        };
        let mut ledger = Ledger::open();
        ledger.start();
        // Left over by an earlier call: not this one's.
        waited.add(PAUSE);
        ledger.begin_async_call(0, &waited);
        ledger.enter_guest();
        let before = ledger.ticks_of(Stage::Glue);
        // Inside its own code, as it waits on a stack of its own.
        pause();
        ledger.leave_guest();
        assert_eq!(ledger.ticks_of(Stage::Glue), before + PAUSE);
        // And between two stretches of it.
        pause();
        ledger.enter_guest();
        assert_eq!(ledger.stage, Stage::GuestAfter, "it goes on");
        assert_eq!(ledger.ticks_of(Stage::Glue), before + 2 * PAUSE);
        ledger.leave_guest();
        ledger.end_call();
        let record = ledger.close();
        assert!(record.total_ns.abs_diff(record.stages.sum()) <= STAGES as u64);
    }

    #[test]
    fn stages_are_exclusive_and_add_up() {
        let mut ledger = Ledger::open();
        ledger.start();
        ledger.begin_call(1);
        ledger.enter_guest(); // the allocation
        ledger.leave_guest();
        ledger.enter_guest(); // the export
        for _ in 0..2 {
            ledger.enter_host();
            ledger.switch(Stage::Glue);
            ledger.inference(&Ran {
                asked: Some(Stamp::now()),
                turn: Some(Stamp::now()),
                started: Stamp::now(),
                ended: Stamp::now(),
                woken: Some(Stamp::now()),
                batch: 3,
                copies_in: 2,
                copies_out: 1,
            });
            ledger.switch(Stage::Lower);
            ledger.enter_guest(); // an allocation for the result
            ledger.leave_guest();
            ledger.leave_host();
        }
        ledger.leave_guest();
        ledger.enter_guest(); // the clean-up
        ledger.leave_guest();
        ledger.end_call();
        let record = ledger.close();
        let difference = record.total_ns.abs_diff(record.stages.sum());
        assert!(difference <= STAGES as u64, "rounding only: {record:?}");
        assert_eq!(record.counts.inferences, 2);
        assert_eq!(record.counts.crossings, 3, "one in, two out");
        assert_eq!((record.counts.copies_in, record.counts.copies_out), (4, 2));
        assert_eq!(record.counts.max_batch, 3);
        assert!((record.counts.mean_batch() - 3.0).abs() < 1e-9);
    }
}
