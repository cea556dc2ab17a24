//! One loaded model, which any number of threads may run at once. Its errors have the name under which it was
//! loaded; [`Graph`](crate::Graph) replaces that by the name that its users have for it.

mod elsewhere;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use smallvec::SmallVec;
use tollgate_ort::Session;

use crate::{
    BatchPolicy, Batching, Device, Error, GraphOptions, Source, Tensor, TensorInfo, TensorType,
    clock::{Deadline, Stamp},
    cores,
    model::Model,
    remote::Remote,
    room::Room,
    run::{self, Attempt, Cancel, Feeds, RunFault},
    scheduling::batcher::{self, Batcher, Request, Turn},
    scheduling::calibrate::calibrate,
    scheduling::learning::Lesson,
    scheduling::permits::{MergePolicy, UNLIMITED},
    scratch::{Argument, Copies, Outcome, Outputs, Pool, Ran, Scratch, Views},
    sessions::{Loan, Sessions},
};

/// An inference whose arguments were checked.
pub(crate) struct Checked<'a> {
    pub(crate) arguments: &'a [Argument<'a>],
    /// The argument for each input.
    pub(crate) order: &'a [usize],
    /// How many bytes outputs without memory and copies of inputs may take.
    pub(crate) room: Room,
}

/// What the attempts at an inference have in common.
struct Run<'a> {
    session: &'a Session,
    feeds: &'a Feeds<'a>,
    deadline: Option<Deadline>,
    room: Room,
}

/// How many outputs have no memory before the run, and are copied after it.
fn without_memory(outputs: &Outputs) -> usize {
    outputs.iter().filter(|output| output.is_none()).count()
}

/// A loaded model.
pub struct Loaded {
    model: Model,
    device: Device,
    sessions: Sessions,
    batching: Batching,
    /// Whether the first dimension of every input and output counts rows.
    has_rows: bool,
    /// None if inferences are not merged.
    batcher: Option<Batcher>,
    /// Whether the outputs' dimensions that the model declares are reliable, so that memory can be
    /// allocated before the run. False for good once they were wrong.
    foreseen: AtomicBool,
    /// Where its inferences run, if that is not in this process. Then there are no sessions and no batcher here.
    elsewhere: Option<Arc<dyn Remote>>,
}

impl Loaded {
    pub(crate) fn load(
        name: &str,
        source: Source<'_>,
        options: &GraphOptions,
        measure: bool,
    ) -> Result<Self, Error> {
        // The bytes are freed before ONNX Runtime also has the model in memory.
        let read = source.read();
        let findings = (measure && options.batch.policy != BatchPolicy::Off)
            .then(|| tollgate_ort::findings(&read));
        let written = tollgate_ort::refuse_unwritten(name, source, &read);
        drop(read);
        // An error of ONNX Runtime comes first.
        let mut sessions = Sessions::load(name, source, options)?;
        written?;
        let session = sessions.first().ok_or_else(|| Error::Unsupported {
            graph: name.to_owned(),
            reason: "it has no session".to_owned(),
        })?;
        let model = Model::of(name, session)?;
        let has_rows = model.rows().is_ok();
        let batching = match (model.usable(), &findings) {
            (Ok(()), Some(findings)) => calibrate(&model, session, options, findings)?,
            (Err(error), _) if measure && options.batch.policy == BatchPolicy::On => {
                return Err(error);
            }
            (Err(error), _) => Batching::off(error.to_string()),
            (Ok(()), None) => Batching::off("it was not asked for"),
        };
        if let Some(findings) = &findings {
            batching.report(name, findings.apart.as_ref().err());
        }
        let batcher = batching.off.is_none().then(|| Batcher::new(&batching));
        let policy = batcher.is_some().then(|| MergePolicy::new(&batching));
        let cores = cores();
        let runs = if batching.unlimited {
            UNLIMITED
        } else {
            options.permits(cores, batching.is_quick())
        };
        sessions.limit(runs, policy);
        if measure
            && batcher.is_none()
            && batching.curve.is_empty()
            && options.device == Device::Cpu
        {
            sessions.learn(Lesson {
                unlimited: options.runs_alone(),
                more: options.permits(cores, true).saturating_sub(runs),
            });
        }
        Ok(Self {
            model,
            device: options.device,
            sessions,
            batching,
            has_rows,
            batcher,
            foreseen: AtomicBool::new(true),
            elsewhere: None,
        })
    }

    /// The device that it runs on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether inferences of different callers are merged, how many, and why or why not.
    pub fn batching(&self) -> &Batching {
        &self.batching
    }

    /// The inputs that every inference must have, in the model's order.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.model.inputs
    }

    /// The inputs that may be left out, since the model has a default value for them.
    pub fn optional_inputs(&self) -> &[TensorInfo] {
        &self.model.optional
    }

    /// The outputs, in the model's order, without those that wasi-nn has no tensor for.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.model.outputs
    }

    /// The place of the input with this name among [`Loaded::inputs`], followed by
    /// [`Loaded::optional_inputs`]. If no input has the name, a decimal number is read as a place.
    ///
    /// # Errors
    ///
    /// [`Error::NoInput`], and [`Error::NoCounterpart`] for an input that wasi-nn cannot name.
    pub fn input_place(&self, name: &str) -> Result<usize, Error> {
        self.model.input_place(name)
    }

    /// The input at a place.
    pub fn input_at(&self, place: usize) -> Option<&TensorInfo> {
        self.model.input(place)
    }

    /// The place among [`Loaded::outputs`] of the output with this index in the model. The index also
    /// counts outputs that wasi-nn has no tensor for.
    pub fn output_at(&self, index: usize) -> Option<usize> {
        self.model.output_at(index)
    }

    /// The place among [`Loaded::outputs`] of the output with this name. If no output has the name, a
    /// decimal number is read as an index in the model.
    ///
    /// # Errors
    ///
    /// [`Error::NoOutput`], and [`Error::NoCounterpart`] for an output that wasi-nn cannot name.
    pub fn output_place(&self, name: &str) -> Result<usize, Error> {
        self.model.output_place(name)
    }

    /// Runs one inference on the calling thread. Any number of threads may do so at once, each with its
    /// own scratch. The outputs have the order of [`Loaded::outputs`].
    ///
    /// If inferences are merged and the caller has to wait, another caller may run this inference together
    /// with its own; the outputs do not show it. A caller whose inference is run by another one returns at
    /// its own deadline. A caller that runs a batch returns when the run ends, at the latest at the last
    /// deadline in the batch.
    ///
    /// # Errors
    ///
    /// Those of the arguments (wrong count, name, type, dimensions, bytes), [`Error::Timeout`]
    /// when the deadline passes while waiting or running, and [`Error::Run`].
    #[inline(always)]
    pub fn run(
        &self,
        scratch: &mut Scratch,
        arguments: &[Argument<'_>],
        deadline: Option<Deadline>,
    ) -> Result<Outcome, Error> {
        let model = &self.model;
        let mut bindings = model.bindings();
        let described = arguments.iter().map(Argument::described);
        let order = model.check(described, &mut bindings)?;
        let mut room = scratch.room;
        let mut outputs = Outputs::new();
        for info in &model.outputs {
            let shape = self.foresees().then(|| info.foresee(&bindings)).flatten();
            outputs.push(match shape {
                Some(shape) => {
                    let what = format_args!("output `{}`", info.name);
                    room.take(&model.name, what, info.ty, &shape)?;
                    Some(scratch.pool.take(info.ty, &shape)?)
                }
                None => None,
            });
        }
        let mut views = std::mem::take(&mut scratch.views);
        let checked = Checked {
            arguments,
            order: &order,
            room,
        };
        let ran = self.run_checked(scratch, &mut views, checked, &mut outputs, deadline);
        scratch.views = views;
        let ran = ran?;
        let mut made = SmallVec::new();
        for output in &mut outputs {
            made.extend(output.take());
        }
        Ok(Outcome { outputs: made, ran })
    }

    /// Whether the outputs' dimensions that the model declares are reliable.
    pub(crate) fn foresees(&self) -> bool {
        self.foreseen.load(Ordering::Relaxed)
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Runs an inference whose arguments were checked. Before the run, `outputs` has the memory for
    /// outputs of known size; after it, all outputs.
    // Inlined, as is `run_alone`: what they pass on is many words, and takes longer to move than to check.
    #[inline(always)]
    pub(crate) fn run_checked(
        &self,
        scratch: &mut Scratch,
        views: &mut Views,
        checked: Checked<'_>,
        outputs: &mut Outputs,
        deadline: Option<Deadline>,
    ) -> Result<Ran, Error> {
        if let Some(remote) = &self.elsewhere {
            return self.run_elsewhere(&**remote, scratch, checked, outputs, deadline);
        }
        let mut checked = checked;
        let name = &self.model.name;
        let copies = Copies::of(
            name,
            checked.arguments,
            &mut scratch.pool,
            &mut checked.room,
        )?;
        let crowded = self.batcher.as_ref().is_some_and(Batcher::is_crowded);
        let at_once = if crowded {
            None
        } else {
            self.sessions.try_lend()
        };
        let caller = (&mut *scratch, views, deadline);
        let ran = match at_once {
            Some(loan) => self.run_alone(loan, caller, &checked, &copies, outputs),
            None => self.run_in_turn(caller, checked, &copies, outputs),
        };
        if ran.is_ok() && outputs.iter().any(Option::is_none) {
            return Err(self.too_few(outputs));
        }
        if !copies.0.is_empty() {
            for (_, copy) in copies.0 {
                scratch.pool.give_back(copy);
            }
        }
        ran
    }

    /// Waits, and runs the inference unless another caller does so with its own.
    #[inline(never)]
    fn run_in_turn(
        &self,
        (scratch, views, deadline): (&mut Scratch, &mut Views, Option<Deadline>),
        checked: Checked<'_>,
        copies: &Copies,
        outputs: &mut Outputs,
    ) -> Result<Ran, Error> {
        let asked = Stamp::now();
        let request = Request {
            model: &self.model,
            arguments: checked.arguments,
            order: checked.order,
            outputs,
            room: checked.room,
            deadline,
            caller: scratch.caller,
        };
        match self.wait(&request, &mut scratch.cancel) {
            Turn::Late => Err(self.timeout(deadline)),
            Turn::Ran { part, turn } => {
                let woken = turn.is_none().then(Stamp::now);
                let (started, ended, batch) = (part.started, part.ended, part.of);
                let mut room = checked.room;
                let mut memory = Self::memory(&self.model.name, &mut scratch.pool, &mut room);
                part.copy_to(outputs, &mut memory)?;
                Ok(Ran {
                    asked: Some(asked),
                    turn,
                    started,
                    ended,
                    woken,
                    jail: None,
                    batch,
                    copies_in: (copies.0.len() + checked.arguments.len()) as u64,
                    copies_out: outputs.len() as u64,
                })
            }
            Turn::Alone(loan) => {
                let caller = (scratch, views, deadline);
                let ran = self.run_alone(loan, caller, &checked, copies, outputs)?;
                Ok(Ran {
                    asked: Some(asked),
                    ..ran
                })
            }
        }
    }

    /// Runs one inference by itself.
    #[inline(always)]
    fn run_alone(
        &self,
        mut loan: Loan<'_>,
        (scratch, views, deadline): (&mut Scratch, &mut Views, Option<Deadline>),
        checked: &Checked<'_>,
        copies: &Copies,
        outputs: &mut Outputs,
    ) -> Result<Ran, Error> {
        let Checked {
            arguments, order, ..
        } = *checked;
        let mut feeds = Feeds::of(&self.model.input_names);
        views.feed(&mut feeds, order, arguments, copies)?;
        let run = Run {
            session: loan.session().ok_or_else(|| self.timeout(deadline))?,
            feeds: &feeds,
            deadline,
            room: checked.room,
        };
        let copied = without_memory(outputs);
        let (started, ended, copied) = match self.attempt(Attempt::First, &run, scratch, outputs) {
            Ok((started, ended)) => (started, ended, copied),
            Err(fault) => {
                let ran = self.again(fault, run, scratch, outputs);
                ran.map_err(|fault| self.error(fault, deadline))?
            }
        };
        loan.permit().ran(started, ended);
        Ok(Ran {
            asked: None,
            turn: None,
            started,
            ended,
            woken: None,
            jail: None,
            batch: self.rows(arguments),
            copies_in: copies.0.len() as u64,
            copies_out: copied as u64,
        })
    }

    /// Returns the stamps before and after ONNX Runtime's run.
    #[inline(always)]
    fn attempt(
        &self,
        attempt: Attempt,
        run: &Run<'_>,
        scratch: &mut Scratch,
        outputs: &mut Outputs,
    ) -> Result<(Stamp, Stamp), RunFault> {
        let Model {
            name, output_names, ..
        } = &self.model;
        let mut room = run.room;
        let until = (&mut scratch.cancel, run.deadline, attempt);
        let mut memory = Self::memory(name, &mut scratch.pool, &mut room);
        run::run(
            run.session,
            until,
            run.feeds,
            output_names,
            outputs,
            &mut memory,
        )
    }

    /// The second attempt, if there may be one after this fault. Also returns how many outputs it copied.
    #[cold]
    fn again(
        &self,
        fault: RunFault,
        mut run: Run<'_>,
        scratch: &mut Scratch,
        outputs: &mut Outputs,
    ) -> Result<(Stamp, Stamp, usize), RunFault> {
        let failed = match fault {
            // Either the inference itself fails, or the outputs have other dimensions than the model
            // declares. In the second case it works without memory allocated before the run.
            RunFault::Failed(_) if outputs.iter().any(Option::is_some) => {
                for output in outputs.iter_mut().filter_map(Option::take) {
                    run.room.give_back(output.bytes().len());
                }
                true
            }
            // An output that equals the first mark by chance does not equal the second.
            RunFault::Unwritten(_) => false,
            fault => return Err(fault),
        };
        let copied = without_memory(outputs);
        let (started, ended) = self.attempt(Attempt::Second, &run, scratch, outputs)?;
        if failed {
            self.foreseen.store(false, Ordering::Relaxed);
        }
        Ok((started, ended, copied))
    }

    /// Memory for outputs whose size is not known before the run.
    fn memory(
        graph: &str,
        pool: &mut Pool,
        room: &mut Room,
    ) -> impl FnMut(TensorType, &[u32]) -> Result<Tensor, Error> {
        move |ty, dimensions| {
            room.take(graph, format_args!("an output"), ty, dimensions)?;
            pool.take(ty, dimensions)
        }
    }

    #[cold]
    fn error(&self, fault: RunFault, deadline: Option<Deadline>) -> Error {
        let reason = match fault {
            RunFault::Terminated => return self.timeout(deadline),
            RunFault::Other(error) => return error,
            RunFault::Failed(reason) => reason,
            RunFault::Unwritten(place) => {
                let info = self.model.outputs.get(place);
                let name = info.map_or("", |info| &*info.name);
                format!(
                    "ONNX Runtime left its output `{name}` unwritten for these inputs; use others, or compute it by another operator"
                )
            }
        };
        Error::Run {
            graph: self.model.name.clone(),
            reason,
        }
    }

    #[cold]
    fn timeout(&self, deadline: Option<Deadline>) -> Error {
        Error::Timeout {
            graph: self.model.name.clone(),
            after: deadline.map_or_else(Default::default, |deadline| deadline.budget()),
        }
    }

    /// Waits for a permit, or for another caller to run this inference with its own.
    fn wait(&self, request: &Request<'_>, cancel: &mut Cancel) -> Turn<'_> {
        match &self.batcher {
            Some(batcher) => batcher.turn(&self.sessions, request, cancel),
            None => batcher::alone(&self.sessions, request),
        }
    }

    /// The rows of this caller's arguments; one if the graph has no dimension for rows.
    fn rows(&self, arguments: &[Argument<'_>]) -> u32 {
        let rows = || arguments.first()?.data.parts().1.first().copied();
        if self.has_rows {
            rows().unwrap_or(1)
        } else {
            1
        }
    }
}
