//! One loaded model, which any number of threads may run at once. Errors name it as it was named when it was
//! loaded; [`Graph`](crate::Graph) gives it the names that its users have for it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use smallvec::SmallVec;

use crate::{
    BatchPolicy, Batching, Device, Error, GraphOptions, Tensor, TensorInfo, TensorType,
    clock::{Deadline, Stamp},
    model::Model,
    room::Room,
    run::{self, Attempt, Cancel, Feeds, RunFault},
    scheduling::batcher::{self, Batcher, Request, Turn},
    scheduling::calibrate::calibrate,
    scheduling::learning::Lesson,
    scheduling::permits::{MergePolicy, UNLIMITED},
    scratch::{Argument, Copies, Outcome, Pool, Ran, Scratch, Views},
    session::{self, Loan, Sessions, Source},
};

/// Memory for the outputs of a run, where it is known how much; then the outputs.
pub(crate) type Outputs = SmallVec<[Option<Tensor>; 2]>;

/// An inference whose arguments are what the graph takes.
pub(crate) struct Checked<'a> {
    pub(crate) arguments: &'a [Argument<'a>],
    /// The argument for each input.
    pub(crate) order: &'a [usize],
    /// For the outputs that have no memory yet, and for copies of inputs.
    pub(crate) room: Room,
}

/// A loaded model.
pub struct Loaded {
    model: Model,
    device: Device,
    sessions: Sessions,
    batching: Batching,
    /// Whether the first dimension of every input and output counts rows.
    has_rows: bool,
    /// None where inferences are not merged.
    batcher: Option<Batcher>,
    /// Whether the model's word on its outputs' dimensions can be relied on, so that their memory
    /// can be made before the run. Off for good once it proved wrong.
    foreseen: AtomicBool,
}

impl Loaded {
    pub(crate) fn load(
        name: &str,
        source: Source<'_>,
        options: &GraphOptions,
        measure: bool,
    ) -> Result<Self, Error> {
        // Before ONNX Runtime has the model in memory as well.
        let read = source.read();
        let findings =
            (measure && options.batch.policy != BatchPolicy::Off).then(|| session::findings(&read));
        let written = session::refuse_unwritten(name, source, &read);
        drop(read);
        // What ONNX Runtime says of a model comes first.
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
        let cores = thread::available_parallelism().map_or(1, usize::from);
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
        })
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether inferences of different callers are merged, how far, and why or why not.
    pub fn batching(&self) -> &Batching {
        &self.batching
    }

    /// What every inference takes, in the model's order.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.model.inputs
    }

    /// What an inference may take besides: inputs for which the model has a value where none is given.
    pub fn optional_inputs(&self) -> &[TensorInfo] {
        &self.model.optional
    }

    /// What it gives, in the model's order. An output that is no tensor of an element type of
    /// wasi-nn's is not among them.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.model.outputs
    }

    /// The place of an input among [`Loaded::inputs`] and, behind those, [`Loaded::optional_inputs`].
    /// A name that none has counts as an index if it is a decimal number.
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

    /// The place among [`Loaded::outputs`] of the output with this index in the model, whose order counts
    /// outputs that wasi-nn cannot name as well.
    pub fn output_at(&self, index: usize) -> Option<usize> {
        self.model.output_at(index)
    }

    /// The place among [`Loaded::outputs`] of the output of a name, or of an index in the model's own
    /// order if it is a decimal number that is nothing's name.
    ///
    /// # Errors
    ///
    /// [`Error::NoOutput`], and [`Error::NoCounterpart`] for an output that wasi-nn cannot name.
    pub fn output_place(&self, name: &str) -> Result<usize, Error> {
        self.model.output_place(name)
    }

    /// Runs one inference on the calling thread. Any number of threads may do so at once, each
    /// with a scratch of its own; the outputs come in the order of [`Loaded::outputs`].
    ///
    /// Where the graph is batched and the caller has to wait for its turn, another caller may run
    /// it together with its own. It cannot tell from the outputs. It leaves at its own deadline;
    /// who runs for others stays until that run ends, at the latest at the last of their deadlines.
    ///
    /// # Errors
    ///
    /// Those of the arguments (wrong count, name, type, dimensions, bytes), [`Error::Timeout`]
    /// when the deadline passes while waiting or running, and [`Error::Run`].
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
        Ok(Outcome {
            ran: ran?,
            outputs: outputs.into_iter().flatten().collect(),
        })
    }

    /// Whether the model's word on its outputs' dimensions can be relied on.
    pub(crate) fn foresees(&self) -> bool {
        self.foreseen.load(Ordering::Relaxed)
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Runs an inference whose arguments are what the graph takes. `outputs` has the memory that is
    /// to be written, where it is known how much, and afterwards all outputs.
    pub(crate) fn run_checked(
        &self,
        scratch: &mut Scratch,
        views: &mut Views,
        checked: Checked<'_>,
        outputs: &mut Outputs,
        deadline: Option<Deadline>,
    ) -> Result<Ran, Error> {
        let Checked {
            arguments,
            order,
            mut room,
        } = checked;
        let name = &self.model.name;
        let copies = Copies::of(name, arguments, &mut scratch.pool, &mut room)?;
        let crowded = self.batcher.as_ref().is_some_and(Batcher::is_crowded);
        let at_once = if crowded {
            None
        } else {
            self.sessions.try_lend()
        };
        let (turn, asked) = match at_once {
            Some(loan) => (Turn::Alone(loan), None),
            None => {
                let asked = Stamp::now();
                let request = Request {
                    model: &self.model,
                    arguments,
                    order,
                    outputs,
                    room,
                    deadline,
                    caller: scratch.caller,
                };
                (self.wait(&request, &mut scratch.cancel), Some(asked))
            }
        };
        let ran = match turn {
            Turn::Late => return Err(self.timeout(deadline)),
            Turn::Ran { part, turn } => {
                let woken = turn.is_none().then(Stamp::now);
                let (started, ended, batch) = (part.started, part.ended, part.of);
                let mut memory = Self::memory(name, &mut scratch.pool, &mut room);
                part.copy_to(outputs, &mut memory)?;
                Ran {
                    asked,
                    turn,
                    started,
                    ended,
                    woken,
                    batch,
                    copies_in: (copies.0.len() + arguments.len()) as u64,
                    copies_out: outputs.len() as u64,
                }
            }
            Turn::Alone(loan) => {
                let names = &self.model.input_names;
                let feeds = views.feed(names, order, arguments, &copies)?;
                let until = (&mut scratch.cancel, deadline);
                let memory = (&mut scratch.pool, room);
                let (started, ended, copies_out) =
                    self.run_alone(loan, until, &feeds, outputs, memory)?;
                Ran {
                    asked,
                    turn: None,
                    started,
                    ended,
                    woken: None,
                    batch: self.rows(arguments),
                    copies_in: copies.0.len() as u64,
                    copies_out,
                }
            }
        };
        let came = outputs.iter().flatten().count();
        if came != outputs.len() {
            return Err(Error::Run {
                graph: self.model.name.clone(),
                reason: format!("it gave {came} of its {} outputs", outputs.len()),
            });
        }
        for (_, copy) in copies.0 {
            scratch.pool.give_back(copy);
        }
        Ok(ran)
    }

    /// Runs one inference by itself; gives the stamps around ONNX Runtime's run, and how many outputs
    /// were copied since they had no memory before it.
    fn run_alone(
        &self,
        mut loan: Loan<'_>,
        (cancel, deadline): (&mut Cancel, Option<Deadline>),
        feeds: &Feeds<'_>,
        outputs: &mut Outputs,
        (pool, mut room): (&mut Pool, Room),
    ) -> Result<(Stamp, Stamp, u64), Error> {
        let session = loan.session().ok_or_else(|| self.timeout(deadline))?;
        let Model {
            name, output_names, ..
        } = &self.model;
        let mut run = |attempt, outputs: &mut Outputs, mut room: Room| {
            let until = (&mut *cancel, deadline, attempt);
            let mut memory = Self::memory(name, &mut *pool, &mut room);
            run::run(session, until, feeds, output_names, outputs, &mut memory)
        };
        let to_copy = |outputs: &Outputs| outputs.iter().filter(|output| output.is_none()).count();
        let mut copied = to_copy(outputs);
        let mut ran = run(Attempt::First, outputs, room);
        match ran {
            Err(RunFault::Failed(_)) if outputs.iter().any(Option::is_some) => {
                // Either the inference fails by itself, or the model's outputs are not what it says
                // they are: without memory made beforehand the second kind works.
                for output in outputs.iter_mut().filter_map(Option::take) {
                    room.give_back(output.bytes().len());
                }
                copied = to_copy(outputs);
                ran = run(Attempt::Second, outputs, room);
                if ran.is_ok() {
                    self.foreseen.store(false, Ordering::Relaxed);
                }
            }
            // An output that looks like the first mark by chance does not look like the second.
            Err(RunFault::Unwritten(_)) => ran = run(Attempt::Second, outputs, room),
            _ => {}
        }
        if let Ok((started, ended)) = &ran {
            loan.permit().took(ended.nanos_since(*started));
        }
        let (started, ended) = ran.map_err(|fault| self.error(fault, deadline))?;
        Ok((started, ended, copied as u64))
    }

    /// Memory for outputs that are not foretold.
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

    /// Waits for a turn, or for another caller to run this inference with its own.
    fn wait(&self, request: &Request<'_>, cancel: &mut Cancel) -> Turn<'_> {
        match &self.batcher {
            Some(batcher) => batcher.turn(&self.sessions, request, cancel),
            None => batcher::alone(&self.sessions, request),
        }
    }

    /// The rows that a caller brings by itself; one where the graph has no dimension for them.
    fn rows(&self, arguments: &[Argument<'_>]) -> u32 {
        let rows = || arguments.first()?.data.parts().1.first().copied();
        if self.has_rows {
            rows().unwrap_or(1)
        } else {
            1
        }
    }
}
