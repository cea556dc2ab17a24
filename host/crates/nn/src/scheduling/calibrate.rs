//! What a graph goes through when it is loaded: the measurement of what running its rows together
//! saves, and trials of what was read from its graph.
//!
//! It runs the graph on made-up frames, one by one and in batches of 2, 3, 4, 6, 8 and so on (some
//! kernels take rows by sixes), holds each row against the frame's own run, and remembers the times.
//! It stops where more rows save nothing or where the time that it may take is up; what the times
//! mean is [`Batching`]'s to say.
//!
//! Nothing is run that was not asked for, nor where it is not known beforehand how large values get
//! (`apart`): made-up numbers in a place where a model expects a shape would fill the memory.

use std::time::Duration;

use ort::session::Session;
use smallvec::SmallVec;

use crate::{
    BatchPoint, BatchPolicy, Batching, Device, Error, GraphOptions, Shape, Tensor, TensorType,
    apart::{Findings, OPEN},
    clock::{Budget, Deadline, Stamp},
    model::Model,
    run::{self, Attempt, Cancel, Feeds, RunFault},
    scheduling::rows::{concatenate, with_rows},
    scheduling::trials::{Scale, Seeded, agree},
};

/// Time for all of it. A person at a terminal does not notice a quarter of a second beside loading;
/// a model that takes longer for a few runs has no small costs to share.
const TIME: Duration = Duration::from_millis(250);

/// Time for the runs of one size, unless one takes longer: enough for the least of many.
const TIME_A_SIZE: Duration = Duration::from_millis(4);

/// The frames that the batches are made of, over and over: as different as rows of one run can be, so
/// that a row that depends on another one shows. An odd number, so that each stands in other places.
const SCALES: [Scale; FRAMES] = [Scale::Any, Scale::Small, Scale::Constant];
const FRAMES: usize = 3;

/// Bytes of inputs in one batch, at most.
const BYTES: usize = 64 << 20;

/// What a model may take for one run to be measured where it is about taking turns alone.
const SHORT: Duration = Duration::from_millis(10);

/// Elements of the largest value in a trial, at most: as many bytes as a large picture's inner values
/// take, and less than loading the model does.
const ELEMENTS: u64 = 64 << 20;

/// What one run may take where somebody asked for batches or a device sets itself up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What whole numbers may be: not zero, since something may be divided by them; and if the model
/// does not like these, the smallest there are, as masks and kinds of token are.
const WHOLE: [(u32, u32); 2] = [(1, 100), (0, 1)];

/// Says whether the inferences of a graph are merged, and how far.
///
/// # Errors
///
/// [`Error::Batch`] where that was asked for and cannot be.
pub(crate) fn calibrate(
    model: &Model,
    session: &Session,
    options: &GraphOptions,
    findings: &Findings,
) -> Result<Batching, Error> {
    let asked = &options.batch;
    let must = asked.policy == BatchPolicy::On;
    let mut trial = Trial {
        model,
        session,
        findings,
        cancel: Cancel::new()?,
        begin: Stamp::now(),
        curve: Vec::new(),
    };
    let measured = match (model.rows(), &findings.apart) {
        (Err(reason), _) => Err(reason),
        _ if asked.max.get() == 1 => Err("batches of one row were asked for".to_owned()),
        (_, Err(reason)) if !must => Err(format!("its rows are not known to stay apart: {reason}")),
        // The user's word stands for the proof.
        (_, Err(_)) if findings.sized_by_contents => {
            Err("what its inputs hold may decide how much memory a trial takes".to_owned())
        }
        _ => trial.measure(options),
    };
    if measured.is_err() && trial.curve.is_empty() && !must {
        trial.alone(options);
    }
    let mut batching = match measured {
        Ok(()) if must => Batching::on(asked.max.get(), asked.delay, trial.curve),
        Ok(()) => Batching::decide(trial.curve, asked),
        Err(reason) if must => {
            return Err(Error::Batch {
                graph: model.name.clone(),
                reason,
            });
        }
        Err(reason) => Batching {
            curve: trial.curve,
            ..Batching::off(reason)
        },
    };
    batching.proven = findings.apart.is_ok();
    batching.unlimited = options.runs_alone() && batching.off.is_some() && batching.is_short();
    Ok(batching)
}

struct Trial<'a> {
    model: &'a Model,
    session: &'a Session,
    findings: &'a Findings,
    cancel: Cancel,
    begin: Stamp,
    curve: Vec<BatchPoint>,
}

/// A frame, and what came of it alone.
struct Frame {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Trial<'_> {
    /// Measures one frame by itself, for a graph whose runs cannot be merged.
    fn alone(&mut self, options: &GraphOptions) {
        let small = self.findings.alone.is_some_and(|most| most <= ELEMENTS);
        if options.device != Device::Cpu || !small {
            return;
        }
        let limit = Some(Deadline::after(SHORT));
        let first = self.frame(&mut Seeded::new(), Scale::Any, OPEN[0], WHOLE[0]);
        if let Ok(inputs) = first
            && self.run(&inputs, limit).is_ok()
        {
            // Where it fails later, it is not measured.
            let _ = self.size_of(&inputs, 1, limit);
        }
    }

    /// Tries whether rows can be run together and measures what that saves; else says why not.
    fn measure(&mut self, options: &GraphOptions) -> Result<(), String> {
        let asked = &options.batch;
        let must = asked.policy == BatchPolicy::On;
        // Elsewhere than on the CPU the first run sets the device up, which takes its time, and which
        // the first frame would wait for otherwise.
        let patient = must || options.device != Device::Cpu;
        let budget = Budget::new(if patient { PATIENCE } else { TIME });
        let (frames, warmed, elements) = self.frames(Some(budget.from(self.begin)))?;
        if patient {
            self.begin = warmed;
        }
        let bytes = frames.iter().flat_map(|frame| &frame.inputs);
        let bytes = bytes.map(|input| input.bytes().len()).sum::<usize>() / FRAMES;
        let mut rows = 2;
        while rows <= asked.max.get() {
            let elements = elements.map_or(0, |a_row| a_row.saturating_mul(rows.into()));
            if bytes.saturating_mul(rows as usize) > BYTES || elements > ELEMENTS {
                break;
            }
            // The first batch is what refutes, which somebody who asked for batches waits for.
            let owed = must && rows == 2;
            if !owed && !self.has_time_for(rows) {
                break;
            }
            self.size(&frames, rows, patient.then(|| Deadline::after(PATIENCE)))?;
            if self.saves_nothing_more() {
                break;
            }
            // By halves and thirds in turn: 2, 3, 4, 6, 8, 12.
            rows = match rows.is_power_of_two() && rows > 1 {
                true => rows.saturating_add(rows / 2),
                false => rows.saturating_add(rows / 3),
            };
        }
        if self.curve.len() < 2 {
            return Err(format!(
                "one run takes {:.1?}: too long to measure batches when it is loaded",
                Duration::from_nanos(self.curve.first().map_or(0, |point| point.ns))
            ));
        }
        // Once more: what ran first ran cold, and batches must not look good for that.
        let limit = Some(Deadline::after(PATIENCE));
        let again = frames.first().map(|frame| self.time(&frame.inputs, limit));
        if let (Some(again), Some(first)) = (again.transpose()?, self.curve.first_mut()) {
            first.ns = first.ns.min(again);
        }
        Ok(())
    }

    /// Frames that the model takes, run alone; when the first run was over; and the elements of the
    /// largest value of a row, where they are known.
    fn frames(
        &mut self,
        limit: Option<Deadline>,
    ) -> Result<([Frame; FRAMES], Stamp, Option<u64>), String> {
        let model = self.model;
        let is_open = |d: &[Option<u32>]| d.iter().skip(1).any(Option::is_none);
        let open = model.inputs.iter().any(|info| is_open(&info.dimensions));
        let whole = [TensorType::I32, TensorType::I64];
        let whole = model.inputs.iter().any(|info| whole.contains(&info.ty));
        let mut failed = String::new();
        let sizes = OPEN.iter().zip(self.findings.a_row);
        for (&open, elements) in sizes.take(if open { OPEN.len() } else { 1 }) {
            match elements {
                Some(elements) if elements > ELEMENTS => {
                    return Err(format!(
                        "a trial run would make a value of {elements} elements"
                    ));
                }
                None if self.findings.apart.is_ok() => {
                    return Err("how large its values get is not known before a trial".to_owned());
                }
                _ => {}
            }
            for &whole in WHOLE.iter().take(if whole { WHOLE.len() } else { 1 }) {
                let mut seeded = Seeded::new();
                let inputs = self.frame(&mut seeded, Scale::Any, open, whole)?;
                match self.run(&inputs, limit) {
                    Ok(_) => {}
                    Err(RunFault::Terminated) => {
                        return Err("one run takes longer than a trial may".to_owned());
                    }
                    Err(fault) => {
                        failed = words(fault);
                        continue;
                    }
                }
                let warmed = Stamp::now();
                self.size_of(&inputs, 1, limit)?;
                let mut frames = Vec::new();
                for scale in SCALES {
                    let inputs = match scale {
                        Scale::Any => inputs.iter().map(copy_of).collect::<Result<_, _>>(),
                        _ => self.frame(&mut seeded, scale, open, whole),
                    }?;
                    let outputs = self.run(&inputs, limit).map_err(words)?.0;
                    frames.push(Frame { inputs, outputs });
                }
                let frames = frames.try_into();
                return frames
                    .map(|frames| (frames, warmed, elements))
                    .map_err(|_| "it has no frames".to_owned());
            }
        }
        Err(format!("a trial run failed: {failed}"))
    }

    /// Runs a batch of so many rows: what it gives first, then the times.
    fn size(
        &mut self,
        frames: &[Frame; FRAMES],
        rows: u32,
        limit: Option<Deadline>,
    ) -> Result<(), String> {
        let row = |place: usize| frames.get(place % FRAMES);
        let mut inputs = Vec::new();
        for (input, info) in self.model.inputs.iter().enumerate() {
            let of = |place| row(place)?.inputs.get(input);
            let shape = of(0).map_or_else(SmallVec::new, |one| with_rows(one.shape(), rows));
            let mut tensor =
                Tensor::zeros(info.ty, shape[..].into()).map_err(|error| error.to_string())?;
            let pieces = (0..rows as usize).map(|place| of(place).map(Tensor::bytes));
            if !concatenate(tensor.bytes_mut().unwrap_or_default(), pieces) {
                return Err(format!("its input `{}` has no rows", info.name));
            }
            inputs.push(tensor);
        }
        let (outputs, _) = self
            .run(&inputs, limit)
            .map_err(|fault| format!("a batch of {rows} rows failed: {}", words(fault)))?;
        for (output, (info, merged)) in self.model.outputs.iter().zip(&outputs).enumerate() {
            let name = &info.name;
            if merged.shape().first() != Some(&rows) {
                let shape = merged.shape();
                return Err(format!(
                    "its output `{name}` has dimensions {shape:?} for a batch of {rows} rows"
                ));
            }
            let bytes = merged.bytes().len() / rows.max(1) as usize;
            for place in 0..rows as usize {
                let alone = row(place).and_then(|frame| frame.outputs.get(output));
                let alone = alone.map(Tensor::bytes).unwrap_or_default();
                let merged = merged.bytes().get(place * bytes..(place + 1) * bytes);
                agree(info.ty, alone, merged.unwrap_or_default()).map_err(|differ| {
                    format!(
                        "in a batch of {rows} rows its output `{name}` is not what each row gives alone ({differ}): the model mixes rows"
                    )
                })?;
            }
        }
        self.size_of(&inputs, rows, limit)
    }

    /// Adds a point to the curve.
    fn size_of(
        &mut self,
        inputs: &[Tensor],
        rows: u32,
        limit: Option<Deadline>,
    ) -> Result<(), String> {
        let ns = self.time(inputs, limit)?;
        self.curve.push(BatchPoint { rows, ns });
        Ok(())
    }

    /// The least time of some runs.
    fn time(&mut self, inputs: &[Tensor], limit: Option<Deadline>) -> Result<u64, String> {
        let begin = Stamp::now();
        let mut least = u64::MAX;
        for run in 0.. {
            least = least.min(self.run(inputs, limit).map_err(words)?.1);
            let spent = Duration::from_nanos(Stamp::now().nanos_since(begin));
            if spent >= TIME_A_SIZE && (run >= 2 || spent >= TIME / 8) {
                break;
            }
        }
        Ok(least)
    }

    fn has_time_for(&self, rows: u32) -> bool {
        let a_row = self
            .curve
            .last()
            .map_or(0, |point| point.ns / u64::from(point.rows));
        // Once for what it gives, twice for the time.
        let needed = a_row.saturating_mul(u64::from(rows)).saturating_mul(3);
        let spent = Stamp::now().nanos_since(self.begin);
        u128::from(spent.saturating_add(needed)) <= TIME.as_nanos()
    }

    /// Whether the last size took as long for a row as the one before; where runs are long, one
    /// look is enough, and where they are short it may be the noise.
    fn saves_nothing_more(&self) -> bool {
        let a_row = |point: &BatchPoint| point.ns as f64 / f64::from(point.rows);
        let saves = |pair: &[BatchPoint]| match pair {
            [before, after] => a_row(after) < 0.97 * a_row(before),
            _ => true,
        };
        let long = self.curve.last().is_some_and(|point| point.ns > 5_000_000);
        let looks = if long { 1 } else { 2 };
        self.curve.len() > looks && !self.curve.windows(2).rev().take(looks).any(saves)
    }

    /// Made-up inputs of one row.
    fn frame(
        &self,
        seeded: &mut Seeded,
        scale: Scale,
        open: u32,
        whole: (u32, u32),
    ) -> Result<Vec<Tensor>, String> {
        let mut left = BYTES;
        let made = self.model.inputs.iter().map(|info| {
            let dimensions = info.dimensions.iter().enumerate();
            let shape = dimensions.map(|(place, dimension)| match (place, dimension) {
                (_, Some(fixed)) => *fixed,
                (0, None) => 1,
                (_, None) => open,
            });
            let shape: Shape = shape.collect();
            let bytes = info.ty.bytes_for(&shape);
            left = bytes
                .and_then(|bytes| left.checked_sub(bytes))
                .ok_or_else(|| format!("a trial's inputs would take more than {BYTES} bytes"))?;
            let tensor = Tensor::zeros(info.ty, shape);
            let mut tensor = tensor.map_err(|error| error.to_string())?;
            if let Some(elements) = tensor.bytes_mut() {
                seeded.fill(info.ty, scale, elements, whole);
            }
            Ok(tensor)
        });
        made.collect()
    }

    /// One run: its outputs, and what it took in nanoseconds.
    fn run(
        &mut self,
        inputs: &[Tensor],
        limit: Option<Deadline>,
    ) -> Result<(Vec<Tensor>, u64), RunFault> {
        let mut feeds = Feeds::of(&self.model.input_names);
        for (place, input) in inputs.iter().enumerate() {
            feeds.push_tensor(place, input);
        }
        let mut outputs: Vec<Option<Tensor>> = Vec::new();
        outputs.resize_with(self.model.outputs.len(), || None);
        let (started, ended) = run::run(
            self.session,
            (&mut self.cancel, limit, Attempt::First),
            &feeds,
            &self.model.output_names,
            &mut outputs,
            &mut |ty, dimensions| Tensor::zeros(ty, dimensions.into()),
        )?;
        let outputs = outputs.into_iter().flatten().collect();
        Ok((outputs, ended.nanos_since(started)))
    }
}

fn words(fault: RunFault) -> String {
    match fault {
        RunFault::Terminated => "it takes longer than a trial may".to_owned(),
        RunFault::Failed(reason) => reason,
        RunFault::Unwritten(_) => "an output is not written".to_owned(),
        RunFault::Other(error) => error.to_string(),
    }
}

fn copy_of(tensor: &Tensor) -> Result<Tensor, String> {
    let mut copy =
        Tensor::zeros(tensor.ty(), tensor.shape().clone()).map_err(|error| error.to_string())?;
    if let Some(to) = copy.bytes_mut() {
        to.copy_from_slice(tensor.bytes());
    }
    Ok(copy)
}
