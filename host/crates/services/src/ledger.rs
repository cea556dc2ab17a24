//! The ledger: on what the time of one frame is spent.
//!
//! A ledger is a value that is moved along with its frame, from admission to egress. At every moment it is in
//! exactly one stage, and changing the stage takes one stamp. So the stages never overlap and add up to the
//! total. The cost of the measurement is the number of stamps times the cost of one (see [`crate::probe`]).
//!
//! An asynchronous guest may wait, during a call into the host or between two parts of its own code. Nothing
//! runs meanwhile, so this is not guest time: it is subtracted from the stage in which it was, and added to
//! `glue`, which is all other host time.

use std::sync::Arc;

use tollgate_nn::{
    Ran,
    clock::{Stamp, nanos},
};

use crate::{Missing, Waited};

/// What a frame's time is spent on. At every moment it is exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Waiting in the queue for a worker.
    Queue,
    /// Making a new instance, and dropping it.
    Instantiate,
    /// In guest code, before the frame's first inference.
    GuestBefore,
    /// In guest code, between two inferences.
    GuestBetween,
    /// In guest code, after the frame's last inference; all guest code if there was no inference.
    GuestAfter,
    /// Copying values and bytes from the guest into the host.
    Lift,
    /// Waiting for a batch, or for a permit to run.
    Batch,
    /// In ONNX Runtime's `Run`.
    Infer,
    /// Copying values and bytes from the host into the guest.
    Lower,
    /// All other host time.
    Glue,
    /// In key-value buckets, including the time of the disk.
    Keyvalue,
    /// Handing an inference over to a helper process and its outputs back.
    Jail,
}

const STAGES: usize = 12;

/// Counts of what crossed the boundary for one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls across the boundary, in both directions.
    pub crossings: u64,
    /// Inferences.
    pub inferences: u64,
    /// Bytes from the guest into the host: results, tensors, log lines, keys and values.
    pub bytes_in: u64,
    /// Bytes from the host into the guest: the frame, tensors, keys and values.
    pub bytes_out: u64,
    /// How often elements of input tensors were copied.
    pub copies_in: u64,
    /// How often elements of output tensors were copied.
    pub copies_out: u64,
    /// Rows of the largest run that an inference of this frame was part of.
    pub max_batch: u64,
    /// Rows of the runs that the inferences of this frame were part of, summed.
    pub batch_rows: u64,
    /// Stamps taken for this frame.
    pub stamps: u64,
}

impl Counts {
    /// The mean rows of the runs that the inferences were part of; zero without inferences.
    pub fn mean_batch(&self) -> f64 {
        match self.inferences {
            0 => 0.0,
            inferences => self.batch_rows as f64 / inferences as f64,
        }
    }
}

/// The ledger of one frame, while the frame is processed.
#[derive(Clone, Debug)]
pub struct Ledger {
    opened: Stamp,
    last: Stamp,
    stage: Stage,
    ticks: [u64; STAGES],
    /// What crossed the boundary so far.
    pub counts: Counts,
    /// How many calls into the guest are still to come before the export itself: the allocations for its
    /// arguments.
    allocations: u8,
    /// Whether the export itself was called.
    entered: bool,
    /// How deep the guest's call into the host is; zero in guest code.
    depth: u8,
    /// How long an asynchronous guest waited; none for a synchronous one.
    waited: Option<Arc<Waited>>,
    /// What the guest asked for and was refused so far.
    pub missing: Missing,
}

impl Ledger {
    /// Starts the ledger: the frame is admitted, and waits in the queue.
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

    /// When the ledger was started.
    pub fn opened(&self) -> Stamp {
        self.opened
    }

    /// A worker takes the frame.
    pub fn start(&mut self) {
        self.switch(Stage::Glue);
    }

    /// Leaves out the time since the last stamp: it was not spent on this frame.
    pub fn leave_out(&mut self) {
        let now = Stamp::now();
        self.opened = self.opened.plus_ticks(now.ticks_since(self.last));
        self.last = now;
    }

    /// Ends the ledger: the outputs were delivered.
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
                jail: ns(Stage::Jail),
            },
            counts: self.counts,
            missing: self.missing,
            total_ns: self.last.nanos_since(self.opened),
        }
    }

    /// From now on time counts for this stage.
    #[inline]
    pub fn switch(&mut self, stage: Stage) {
        self.switch_at(stage, Stamp::now());
        self.counts.stamps += 1;
    }

    /// Counts the current stage as this one, from its beginning. It takes no stamp: for calls whose other
    /// parts are too short to measure.
    #[inline]
    pub fn relabel(&mut self, stage: Stage) {
        self.stage = stage;
    }

    /// As [`Ledger::switch`], with a stamp that was taken before.
    #[inline]
    fn switch_at(&mut self, stage: Stage, now: Stamp) {
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

    /// Adds the time that the guest waited, at most `spent` counts, to `glue`; returns it.
    #[cold]
    fn wait(&mut self, spent: u64) -> u64 {
        let waited = self.waited.as_ref().map_or(0, |waited| waited.take());
        let waited = waited.min(spent);
        if let Some(ticks) = self.ticks.get_mut(Stage::Glue as usize) {
            *ticks += waited;
        }
        waited
    }

    /// When the current stage began.
    #[inline]
    pub fn since(&self) -> Stamp {
        self.last
    }

    #[inline]
    fn ticks_of(&self, stage: Stage) -> u64 {
        self.ticks.get(stage as usize).copied().unwrap_or_default()
    }

    /// Records an inference. The guest time since the last one was before the first, or between two.
    ///
    /// Waiting for a permit, or for the answer of another caller, is `batch`. Merging and splitting on the
    /// caller's own thread is `glue`.
    #[inline]
    pub fn inference(&mut self, ran: &Ran) {
        if let Some((handed_over, _)) = ran.jail {
            self.switch_at(Stage::Jail, handed_over);
            self.counts.stamps += 1;
        }
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
        } else if let Some((_, back)) = ran.jail {
            self.switch_at(Stage::Jail, ran.ended);
            self.switch_at(Stage::Glue, back);
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

    /// A call of an export begins. Its arguments take this many allocations in the guest.
    #[inline]
    pub fn begin_call(&mut self, allocations: u8) {
        self.allocations = allocations;
        self.entered = false;
        self.depth = 0;
        self.counts.crossings += 1;
        self.switch(Stage::Lower);
    }

    /// As [`Ledger::begin_call`], for an asynchronous guest. Its executor counts in `waited` how long it
    /// waits.
    #[inline]
    pub fn begin_async_call(&mut self, allocations: u8, waited: &Arc<Waited>) {
        // Time that is left over from an earlier call does not count for this one.
        waited.take();
        self.waited = Some(Arc::clone(waited));
        self.begin_call(allocations);
    }

    /// The call is over, and its results are lifted.
    #[inline]
    pub fn end_call(&mut self) {
        self.depth = 0;
        self.switch(Stage::Glue);
        self.waited = None;
    }

    /// Wasmtime enters guest code.
    #[inline]
    pub fn enter_guest(&mut self) {
        if self.depth > 0 {
            // This is an allocation for the host's result: part of lowering.
        } else if self.allocations > 0 {
            self.allocations -= 1;
        } else if !self.entered || self.waited.is_some() {
            // An asynchronous guest also comes here when it goes on after a wait.
            self.entered = true;
            self.switch(Stage::GuestAfter);
        }
        // After a synchronous export, its clean-up function is called: part of lifting.
    }

    /// Guest code returns to Wasmtime.
    #[inline]
    pub fn leave_guest(&mut self) {
        // After a clean-up, or an allocation for an argument, the stage before goes on.
        if self.depth == 0 && self.stage == Stage::GuestAfter {
            self.switch(Stage::Lift);
        }
    }

    /// The guest calls the host.
    #[inline]
    pub fn enter_host(&mut self) {
        self.depth = self.depth.saturating_add(1);
        if self.depth == 1 && self.entered {
            self.counts.crossings += 1;
            self.switch(Stage::Lift);
        }
    }

    /// The host returns to the guest.
    #[inline]
    pub fn leave_host(&mut self) {
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
    pub jail: u64,
}

impl Stages {
    /// Time in guest code.
    pub fn guest(&self) -> u64 {
        self.guest_before + self.guest_between + self.guest_after
    }

    /// The cost of the boundary: all time but waiting, guest code, ONNX Runtime, buckets and the jail.
    pub fn crossing(&self) -> u64 {
        self.instantiate + self.lift + self.lower + self.glue
    }

    /// The sum of all stages.
    pub fn sum(&self) -> u64 {
        let apart = self.queue + self.batch + self.infer + self.keyvalue + self.jail;
        apart + self.guest() + self.crossing()
    }
}

/// The finished ledger of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The time by stage.
    pub stages: Stages,
    /// What crossed the boundary.
    pub counts: Counts,
    /// What the guest asked for and was refused.
    pub missing: Missing,
    /// From admission to egress, in nanoseconds.
    pub total_ns: u64,
}

/// The time of a twin for one frame, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwinRecord {
    /// The whole time.
    pub total_ns: u64,
    /// In ONNX Runtime's run.
    pub infer_ns: u64,
    /// In the host's other functions: checks, buckets, and waiting for a permit.
    pub host_ns: u64,
    /// The part of `host_ns` in key-value buckets, including the time of the disk.
    pub keyvalue_ns: u64,
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
        // This is left over from an earlier call.
        waited.add(PAUSE);
        ledger.begin_async_call(0, &waited);
        ledger.enter_guest();
        let before = ledger.ticks_of(Stage::Glue);
        // The guest waits inside its own code.
        pause();
        ledger.leave_guest();
        assert_eq!(ledger.ticks_of(Stage::Glue), before + PAUSE);
        // The guest waits between two parts of its code.
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
                jail: None,
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
