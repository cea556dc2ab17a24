//! The measurement of a graph when it is loaded: how much time it saves to run rows together, and whether
//! trials refute what `apart` read from the graph.
//!
//! It runs the graph on made-up frames, one by one and in batches of 2, 3, 4, 6, 8 and so on (some kernels
//! compute six rows at a time). It compares each row with the frame's own run, and records the times. It
//! stops when more rows save nothing, or when its time is up. [`Batching`] decides by the times.
//!
//! Nothing is run that the options do not ask for. Nothing is run either if it is not known beforehand how
//! large values get (`apart`): where a model expects a shape, made-up numbers could fill the memory.

use std::time::Duration;

use smallvec::SmallVec;
use tollgate_ort::Session;

use tollgate_onnx::apart::{Findings, OPEN};

use crate::{
    BatchPoint, BatchPolicy, Batching, Device, Error, GraphOptions, Shape, Tensor, TensorType,
    clock::{Budget, Deadline, Stamp},
    model::Model,
    run::{self, Attempt, Cancel, Feeds, RunFault},
    scheduling::rows::{concatenate, with_rows},
    scheduling::trials::{Scale, Seeded, agree},
};

/// The time for all runs. Beside loading, a quarter of a second is not noticed at a terminal. If a few runs
/// of a model take longer, it has no small fixed costs that a batch could share.
const TIME: Duration = Duration::from_millis(250);

/// The time for the runs of one size, unless one run takes longer: enough for the least of many.
const TIME_A_SIZE: Duration = Duration::from_millis(4);

/// The frames of which batches are made, in turn. They differ as much as rows of one run can, so that a row
/// that depends on another one is found. The number is odd, so that each is in different places.
const SCALES: [Scale; FRAMES] = [Scale::Any, Scale::Small, Scale::Constant];
const FRAMES: usize = 3;

/// The most bytes of inputs in one batch.
const BYTES: usize = 64 << 20;

/// The longest run that is measured for a graph that is not merged: only to find out whether its runs are
/// too short to wait for a permit.
const SHORT: Duration = Duration::from_millis(10);

/// The most elements of one value in a trial: as much memory as the inner values for a large picture take,
/// and less than loading the model takes.
const ELEMENTS: u64 = 64 << 20;

/// The longest run if the user asked for batches, or if the first run sets a device up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ranges of whole numbers, tried in order. The first has no zero, since something may be divided by
/// them. The second is for models that refuse those, such as with masks or kinds of token as inputs.
const WHOLE: [(u32, u32); 2] = [(1, 100), (0, 1)];

/// Decides whether the inferences of a graph are merged, and how many.
///
/// # Errors
///
/// [`Error::Batch`] if the options ask for it and it cannot be done.
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
        // Here the user promises what the graph does not show.
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

/// A frame, and the outputs of its own run.
struct Frame {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Trial<'_> {
    /// Measures runs of one frame, for a graph that cannot be merged.
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
            // If it fails only now, the graph stays without a measurement.
            let _ = self.size_of(&inputs, 1, limit);
        }
    }

    /// Tries whether rows can be run together, and measures how much time that saves.
    ///
    /// # Errors
    ///
    /// Why rows cannot be run together, in words.
    fn measure(&mut self, options: &GraphOptions) -> Result<(), String> {
        let asked = &options.batch;
        let must = asked.policy == BatchPolicy::On;
        // On other devices than the CPU the first run sets the device up, which takes long. Without a
        // trial, the first frame of a stream would wait for it.
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
            // The first batch can refute that rows are independent, so it always runs if batches were
            // asked for.
            let owed = must && rows == 2;
            if !owed && !self.has_time_for(rows) {
                break;
            }
            self.size(&frames, rows, patient.then(|| Deadline::after(PATIENCE)))?;
            if self.saves_nothing_more() {
                break;
            }
            // A half and a third more, in turn: 2, 3, 4, 6, 8, 12.
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
        // Measure one row again: its first runs had cold caches, and batches must not look better for that.
        let limit = Some(Deadline::after(PATIENCE));
        let again = frames.first().map(|frame| self.time(&frame.inputs, limit));
        if let (Some(again), Some(first)) = (again.transpose()?, self.curve.first_mut()) {
            first.ns = first.ns.min(again);
        }
        Ok(())
    }

    /// Makes frames that the model accepts, and runs each alone. Returns them, when the first run was over,
    /// and how many elements the largest value of one row has, if that is known.
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

    /// Runs a batch of this number of rows: first compares its outputs, then measures its time.
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

    /// The least time of several runs.
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
        // One run for the outputs, two for the time.
        let needed = a_row.saturating_mul(u64::from(rows)).saturating_mul(3);
        let spent = Stamp::now().nanos_since(self.begin);
        u128::from(spent.saturating_add(needed)) <= TIME.as_nanos()
    }

    /// Whether a row took as long in the last size as in the one before. If runs are long, one such pair is
    /// enough; if they are short it may be noise, so two pairs are needed.
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

    /// Runs once; returns the outputs, and how long it took in nanoseconds.
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
