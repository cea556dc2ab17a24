//! The batcher of one graph: merges waiting inferences into one run.
//!
//! It has no thread of its own. The caller that gets a permit (the leader) takes waiting inferences that
//! fit out of the queue, copies their inputs and its own into one tensor for each input, runs once, and
//! answers the other callers. Each caller copies its own rows out of the outputs. So a guest sees only its
//! own rows, in its own memory. Which inferences wait, and for how long, is decided in `permits`.
//!
//! One caller's mistake does not affect the others. Arguments are checked before their caller waits. If a
//! batch fails, each of its inferences runs by itself. A caller returns at its own deadline, and the run may
//! go on until the last deadline in the batch.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use smallvec::SmallVec;

use crate::{
    Batching, Caller, Error, Tensor,
    clock::{Deadline, Stamp},
    model::Model,
    room::Room,
    run::{self, Attempt, Cancel, Feeds, Memory, RunFault},
    scheduling::pending::{Answer, Merged, Part, PendingRun, Spare},
    scheduling::permits::{Waited, Waiter},
    scheduling::rows::with_rows,
    scratch::Argument,
    sessions::{Loan, Sessions},
};

/// The most bytes of inputs and of outputs with a known size in one run: enough for a batch of a camera's
/// pictures, and little beside what each instance may hold.
const BATCH_BYTES: usize = 64 << 20;

pub(crate) struct Batcher {
    max: u32,
    spare: Arc<Spare>,
    /// Whether there was more than one inference for each permit at the last turn. Then the next inference
    /// joins the queue even if a permit is free, since it can probably be merged.
    crowded: AtomicBool,
    /// False for good once a batch had outputs with another number of rows than its inputs.
    merges: AtomicBool,
}

/// An inference that has to wait.
pub(crate) struct Request<'a> {
    pub(crate) model: &'a Model,
    pub(crate) arguments: &'a [Argument<'a>],
    /// The argument for each input.
    pub(crate) order: &'a [usize],
    /// Memory for each output whose size is known.
    pub(crate) outputs: &'a [Option<Tensor>],
    /// How many bytes its other outputs may take.
    pub(crate) room: Room,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) caller: Caller,
}

/// How the wait of an inference ended.
pub(crate) enum Turn<'a> {
    /// The caller must run it by itself.
    Alone(Loan<'a>),
    /// It ran in a batch. `turn` is when this caller's turn came, if this caller ran the batch.
    Ran { part: Part, turn: Option<Stamp> },
    /// Its deadline passed.
    Late,
}

impl<'a> Request<'a> {
    /// The bytes of each input.
    fn inputs(&self) -> impl Iterator<Item = &'a [u8]> {
        let arguments = self.arguments;
        let places = self.order.iter();
        places.filter_map(|&place| arguments.get(place).map(|argument| argument.data.parts().2))
    }

    fn dimensions(&self, input: usize) -> Option<&'a [u32]> {
        let argument = self.arguments.get(*self.order.get(input)?)?;
        Some(argument.data.parts().1)
    }

    /// The number of rows, if all inputs have the same number.
    fn rows(&self) -> Option<u32> {
        let rows = |input| self.dimensions(input)?.first().copied();
        let first = rows(0)?;
        (1..self.order.len())
            .all(|input| rows(input) == Some(first))
            .then_some(first)
    }

    /// The sizes of all dimensions that the model leaves open, other than the rows.
    fn open(&self) -> SmallVec<[u32; 4]> {
        let mut open = SmallVec::new();
        for (input, info) in self.model.inputs.iter().enumerate() {
            let came = self.dimensions(input).unwrap_or_default();
            let pairs = info.dimensions.iter().zip(came).skip(1);
            open.extend(pairs.filter_map(|(fixed, came)| fixed.is_none().then_some(*came)));
        }
        open
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| deadline.left().is_zero())
    }

    fn pending(&self, open: Option<SmallVec<[u32; 4]>>) -> PendingRun {
        let outputs = self.outputs.iter().flatten();
        let bytes = self.inputs().map(<[u8]>::len);
        let bytes = bytes.chain(outputs.map(|output| output.bytes().len()));
        let bytes = bytes.fold(0, usize::saturating_add);
        PendingRun::new(self.rows().unwrap_or(1), bytes, open, self.deadline)
    }
}

impl Batcher {
    pub(crate) fn new(batching: &Batching) -> Self {
        Self {
            max: batching.max,
            spare: Arc::default(),
            crowded: AtomicBool::new(false),
            merges: AtomicBool::new(true),
        }
    }

    /// Whether other inferences are likely to wait or to come soon, so that running this one by itself
    /// would be a waste.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Waits for a permit, or for another caller to run this inference in its batch. With a permit, runs
    /// the inference merged with the waiting ones that fit.
    ///
    /// # Errors
    ///
    /// An error of a batch is not returned: it leads to [`Turn::Alone`].
    pub(crate) fn turn<'s>(
        &self,
        sessions: &'s Sessions,
        request: &Request<'_>,
        cancel: &mut Cancel,
    ) -> Turn<'s> {
        let merges = self.merges.load(Ordering::Relaxed)
            // An input that was left out has no rows.
            && request.order.len() == request.model.inputs.len()
            && request
                .rows()
                .is_some_and(|rows| rows > 0 && rows < self.max);
        let pending = request.pending(merges.then(|| request.open()));
        let waiter = Arc::new(Waiter::new(request.caller, pending));
        let pending = &waiter.pending;
        let waited = pending.lent.lend(request.inputs(), || {
            sessions.wait(&waiter, request.deadline)
        });
        match waited {
            Waited::Turn(loan) => self.lead(loan, pending, request, cancel),
            Waited::Late => Turn::Late,
            Waited::Answered => match pending.take_answer() {
                Some(Answer::Ran(part)) => Turn::Ran { part, turn: None },
                Some(Answer::Late) => Turn::Late,
                Some(Answer::Alone) | None => alone(sessions, request),
            },
        }
    }

    /// Runs the caller's inference, merged with waiting ones that fit. The caller has the permit.
    fn lead<'s>(
        &self,
        mut loan: Loan<'s>,
        pending: &PendingRun,
        request: &Request<'_>,
        cancel: &mut Cancel,
    ) -> Turn<'s> {
        if request.is_late() {
            // The next caller in the queue runs the others.
            return Turn::Late;
        }
        let mut others = Merging::default();
        if pending.open.is_some() {
            let bytes = BATCH_BYTES.saturating_sub(pending.bytes);
            let (taken, crowded) = loan.permit().take(pending, bytes);
            others.0 = taken;
            self.crowded.store(crowded, Ordering::Relaxed);
        }
        if others.0.is_empty() {
            return Turn::Alone(loan);
        }
        let turn = Stamp::now();
        let ran = loan
            .session()
            .ok_or_else(|| RunFault::Failed("there is no session".to_owned()))
            .and_then(|session| self.merge(session, &mut others, pending, request, cancel));
        match ran {
            Ok(part) => {
                loan.permit().ran(part.started, part.ended);
                // First the next caller's turn, since that keeps the device busy.
                drop(loan);
                others.share(&part, pending.rows());
                if request.is_late() {
                    return Turn::Late;
                }
                Turn::Ran {
                    part,
                    turn: Some(turn),
                }
            }
            Err(RunFault::Terminated) => {
                drop(loan);
                others.answer(|| Answer::Late);
                Turn::Late
            }
            // Each inference then runs by itself, so only the faulty one fails.
            Err(_) => Turn::Alone(loan),
        }
    }

    /// Runs all of them at once. Returns the leader's part: its rows are the first.
    fn merge(
        &self,
        session: &tollgate_ort::Session,
        others: &mut Merging,
        pending: &PendingRun,
        request: &Request<'_>,
        cancel: &mut Cancel,
    ) -> Result<Part, RunFault> {
        let model = request.model;
        // A caller that gave up in the meantime took its inputs back, so it is left out. One whose inputs
        // are held cannot return before they are released.
        let taken = std::mem::take(&mut others.0);
        let mut held: SmallVec<[_; 16]> = SmallVec::new();
        for waiter in &taken {
            if let Some(memory) = waiter.pending.lent.hold() {
                held.push(memory);
                others.0.push(Arc::clone(waiter));
            }
        }
        let rows = others.0.iter().map(|waiter| waiter.pending.rows());
        let total = pending.rows() + rows.sum::<u32>();
        let deadlines = others.0.iter().map(|waiter| waiter.pending.deadline);
        let deadline = last(request.deadline, deadlines);
        let mut inputs: SmallVec<[Tensor; 4]> = SmallVec::new();
        for (input, (info, own)) in model.inputs.iter().zip(request.inputs()).enumerate() {
            let dimensions = with_rows(request.dimensions(input).unwrap_or_default(), total);
            let theirs = held.iter().map(|held| held.input(input));
            let pieces = std::iter::once(Some(own)).chain(theirs);
            let filled = self.spare.filled(info.ty, &dimensions, pieces)?;
            inputs
                .push(filled.ok_or_else(|| {
                    RunFault::Failed("the inputs do not fit together".to_owned())
                })?);
        }
        drop(held);
        let mut outputs: SmallVec<[Option<Tensor>; 2]> = SmallVec::new();
        for own in request.outputs {
            outputs.push(match own {
                Some(own) => {
                    let dimensions = with_rows(own.shape(), total);
                    Some(self.spare.cleared(own.ty(), &dimensions)?)
                }
                None => None,
            });
        }
        let mut feeds = Feeds::of(&model.input_names);
        for (place, input) in inputs.iter().enumerate() {
            feeds.push_tensor(place, input);
        }
        // Outputs of unknown size may take no more for a whole batch than for one caller.
        let mut room = request.room;
        let mut memory = |ty, dimensions: &[u32]| {
            let what = format_args!("an output of a batch");
            room.take(&model.name, what, ty, dimensions)?;
            self.spare.cleared(ty, dimensions)
        };
        let (started, ended) = run::run(
            session,
            (cancel, deadline, Attempt::First),
            &feeds,
            &model.output_names,
            &mut outputs,
            &mut memory,
        )?;
        drop(feeds);
        self.spare.give_back(inputs.into_iter());
        let outputs: SmallVec<[Tensor; 2]> = outputs.into_iter().flatten().collect();
        let fits = |output: &Tensor| output.shape().first() == Some(&total);
        if outputs.len() != model.outputs.len() || !outputs.iter().all(fits) {
            tracing::warn!(
                graph = model.name,
                "a batch gave other rows than it took: inferences are not merged from now on"
            );
            self.merges.store(false, Ordering::Relaxed);
            return Err(RunFault::Failed(
                "it gave other rows than it took".to_owned(),
            ));
        }
        Ok(Part {
            outputs: Arc::new(Merged::new(outputs, &self.spare)),
            first: 0,
            rows: pending.rows(),
            of: total,
            started,
            ended,
        })
    }
}

/// Waits for a permit, for a graph or an inference that is not merged.
pub(crate) fn alone<'s>(sessions: &'s Sessions, request: &Request<'_>) -> Turn<'s> {
    let waiter = Waiter::new(request.caller, request.pending(None));
    match sessions.wait(&Arc::new(waiter), request.deadline) {
        Waited::Turn(loan) => Turn::Alone(loan),
        Waited::Answered | Waited::Late => Turn::Late,
    }
}

/// The other callers whose inferences are in the batch. On drop, those without an answer are told to run
/// by themselves.
#[derive(Default)]
struct Merging(SmallVec<[Arc<Waiter>; 16]>);

impl Merging {
    /// Tells each caller which rows are its own: in order, after the leader's.
    fn share(&mut self, leader: &Part, rows: u32) {
        let mut first = rows;
        self.answer_each(|waiter| {
            let rows = waiter.pending.rows();
            let part = Part {
                outputs: Arc::clone(&leader.outputs),
                first,
                rows,
                ..*leader
            };
            first += rows;
            Answer::Ran(part)
        });
    }

    fn answer(&mut self, answer: impl Fn() -> Answer) {
        self.answer_each(|_| answer());
    }

    fn answer_each(&mut self, mut answer: impl FnMut(&Waiter) -> Answer) {
        for waiter in self.0.drain(..) {
            waiter.pending.put(answer(&waiter));
            waiter.answered();
        }
    }
}

impl Drop for Merging {
    fn drop(&mut self) {
        self.answer(|| Answer::Alone);
    }
}

impl Part {
    /// Copies the caller's rows out of the run's outputs: into `outputs` where the dimensions fit, else
    /// into new memory.
    ///
    /// # Errors
    ///
    /// Those of `memory`.
    pub(crate) fn copy_to(
        self,
        outputs: &mut [Option<Tensor>],
        memory: Memory<'_>,
    ) -> Result<(), Error> {
        for (slot, merged) in outputs.iter_mut().zip(&self.outputs.tensors) {
            let dimensions = with_rows(merged.shape(), self.rows);
            let mut own = match slot.take() {
                Some(own) if **own.shape() == *dimensions => own,
                _ => memory(merged.ty(), &dimensions)?,
            };
            let row = merged.bytes().len() / self.of.max(1) as usize;
            let begin = self.first as usize * row;
            let rows = merged.bytes().get(begin..begin + self.rows as usize * row);
            if let (Some(to), Some(rows)) = (own.bytes_mut(), rows)
                && to.len() == rows.len()
            {
                to.copy_from_slice(rows);
                *slot = Some(own);
            }
        }
        Ok(())
    }
}

/// The last of all deadlines; none if one of the inferences has none.
fn last(own: Option<Deadline>, others: impl Iterator<Item = Option<Deadline>>) -> Option<Deadline> {
    let mut last = own?;
    for other in others {
        last = last.max(other?);
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_run_goes_on_until_the_last_deadline() {
        let (soon, late) = (
            Deadline::after(Duration::from_secs(1)),
            Deadline::after(Duration::from_secs(9)),
        );
        let of = |own, others: &[Option<Deadline>]| {
            last(own, others.iter().copied()).map(|deadline| deadline.budget().as_secs())
        };
        assert_eq!(of(Some(soon), &[Some(late)]), Some(9));
        assert_eq!(of(Some(late), &[Some(soon)]), Some(9));
        assert_eq!(of(Some(soon), &[]), Some(1));
        assert_eq!(of(Some(soon), &[None]), None);
        assert_eq!(of(None, &[Some(soon)]), None);
    }
}
