//! What is measured: one plugin, its frames in memory, and the paths that the frames can take.
//!
//! Each path is a contender, and all contenders live in one process. A variant of the model is a
//! contender too, with its own graphs. Before anything is timed each frame goes through the plugin
//! once. This first pass tells how many inferences a frame makes, with how many bytes of tensors,
//! and how many frames are right. It also finds frames that the plugin cannot read before they
//! spoil a figure.

use std::{path::PathBuf, sync::Arc};

use tollgate_deploy::isolation::Isolation;
use tollgate_dispatch::{Deployment, Handler, Interrupt, Kept, Local, Success, Twins};

use tollgate_runtime::{Plugin, Policy};
use tollgate_services::{Frame, Grants, Ledger, Limits, NnHost, Output, Record};

use super::{
    Error, native,
    paths::{NativePath, TwinPath},
    record::{Energy, Path, Percentiles},
};
use crate::energy::{self, Meter};
use tollgate_report::Accuracy;
use tollgate_report::truth::{Score, Truth};

/// What the subject is made from.
#[expect(missing_docs, reason = "the types say it")]
pub struct Parts {
    pub plugin: Arc<Plugin>,
    pub grants: Grants,
    pub limits: Limits,
    pub policy: Policy,
    /// Which graphs run in helper processes.
    pub isolation: Isolation,
    /// The file of the twin's library.
    pub twin: Option<PathBuf>,
    /// The frames, sent in order and over again.
    pub frames: Arc<[Frame]>,
    /// What the plugin should say of the frames.
    pub truth: Option<Truth>,
}

/// A path to measure, with its graphs.
pub struct Entry {
    /// The path.
    pub path: Path,
    /// The variant of the model, where several are compared.
    pub variant: Option<String>,
    /// The graphs.
    pub nn: NnHost,
}

/// What is measured: all contenders, and what they share.
pub struct Subject {
    pub(super) parts: Parts,
    pub(super) contenders: Vec<Contender>,
    /// The machine's energy counters, or the reason why there are none.
    pub(super) meter: Result<Meter, energy::Error>,
}

/// One path, ready to run.
pub struct Contender {
    pub(super) path: Path,
    pub(super) variant: Option<String>,
    pub(super) nn: NnHost,
    pub(super) first_pass: Arc<FirstPass>,
    /// What handles its frames.
    pub(super) handler: Arc<dyn Handler>,
    /// The deployment of a sandboxed path, which is also its handler.
    pub(super) deployment: Option<Arc<Deployment>>,
}

/// The facts from one pass of the frames through the plugin.
#[derive(Debug, Default)]
pub struct FirstPass {
    /// For each frame the number of its inferences, and the bytes of their input tensors.
    pub(super) frames: Vec<(u64, u64)>,
    pub(super) accuracy: Option<Accuracy>,
}

impl Subject {
    /// Sets up the contenders and runs the frames once through each set of graphs.
    ///
    /// # Errors
    ///
    /// There are no frames, the plugin cannot read a frame, or the native path cannot be worked
    /// out.
    pub fn new(parts: Parts, entries: Vec<Entry>) -> Result<Self, Error> {
        if parts.frames.is_empty() {
            return Err(Error::NoFrames);
        }
        let mut contenders: Vec<Contender> = Vec::new();
        for Entry { path, variant, nn } in entries {
            let known = contenders
                .iter()
                .find(|one| Arc::ptr_eq(&one.nn.registry, &nn.registry));
            let first_pass = match known {
                Some(one) => Arc::clone(&one.first_pass),
                None => Arc::new(first_pass(&parts, &nn)?),
            };
            let (handler, deployment) = handler(&parts, path, &nn, &first_pass)?;
            contenders.push(Contender {
                path,
                variant,
                nn,
                first_pass,
                handler,
                deployment,
            });
        }
        Ok(Self {
            parts,
            contenders,
            meter: Meter::open(),
        })
    }

    /// The number of contenders. A contender is named by its index.
    pub fn contenders(&self) -> usize {
        self.contenders.len()
    }

    /// The path of a contender.
    pub fn path(&self, contender: usize) -> Option<Path> {
        Some(self.contenders.get(contender)?.path)
    }

    /// The variant of a contender, where several are compared.
    pub fn variant(&self, contender: usize) -> Option<&str> {
        self.contenders.get(contender)?.variant.as_deref()
    }

    /// How many frames are right with a contender's graphs; `None` where that is not known.
    pub fn accuracy(&self, contender: usize) -> Option<Accuracy> {
        self.contenders.get(contender)?.first_pass.accuracy
    }

    /// The energy of one inference with the counter that it comes from, or the reason why there is
    /// none.
    pub fn energy(&self, joules_per_inference: Option<f64>) -> Energy {
        let reason = match (&self.meter, joules_per_inference) {
            (Ok(_), Some(_)) => None,
            (Ok(_), None) => Some("no inference was done while it could be counted".to_owned()),
            (Err(error), _) => Some(tollgate_report::one_line(error)),
        };
        let counters = self.meter.as_ref().map(|meter| meter.counters().join(", "));
        Energy {
            joules_per_inference,
            source: counters.ok().filter(|_| reason.is_none()),
            reason,
        }
    }

    /// The number of frames, and their bytes together.
    pub fn frames(&self) -> (u64, u64) {
        let frames = &self.parts.frames;
        let bytes = frames.iter().map(|frame| frame.data.len() as u64).sum();
        (frames.len() as u64, bytes)
    }
}

impl Contender {
    /// How many worker threads serve this number of clients.
    pub(super) fn threads(&self, clients: usize) -> usize {
        if self.path == Path::Batched {
            return clients;
        }
        clients.min(tollgate_nn::cores())
    }

    /// Sees to it that there are so many instances, each of them used once, unless a signal asks for the end.
    pub(super) fn warm_up(&self, parts: &Parts, instances: usize, interrupt: &Interrupt) {
        if let (Some(deployment), Some(frame)) = (&self.deployment, parts.frames.first()) {
            deployment.warm_up(instances, frame, 1, &|| interrupt.is_raised());
        }
    }

    /// How many of the first `instances` instances are kept, and their linear memory in bytes
    /// together.
    pub(super) fn memory(&self, instances: usize) -> (u64, u64) {
        let deployment = self.deployment.as_ref();
        deployment.map_or((0, 0), |deployment| deployment.memory(instances))
    }
}

impl Parts {
    /// Makes a deployment of the plugin with these graphs.
    pub(super) fn deployment(&self, nn: NnHost, policy: Policy) -> Deployment {
        Deployment::new(
            Arc::clone(&self.plugin),
            nn,
            self.grants.clone(),
            self.limits.clone(),
            policy,
        )
    }
}

impl FirstPass {
    /// A frame's index in the list of frames.
    pub(super) fn place(frame: &Frame) -> usize {
        usize::try_from(frame.sequence).unwrap_or(usize::MAX)
    }

    /// The number of a frame's inferences.
    pub(super) fn inferences(&self, frame: &Frame) -> u64 {
        let frame = self.frames.get(Self::place(frame));
        frame.map_or(0, |&(count, _)| count)
    }
}

/// The handler of a path's frames, and for a sandboxed path its deployment.
#[expect(
    clippy::type_complexity,
    reason = "it is taken apart where it is called"
)]
fn handler(
    parts: &Parts,
    path: Path,
    nn: &NnHost,
    first_pass: &Arc<FirstPass>,
) -> Result<(Arc<dyn Handler>, Option<Arc<Deployment>>), Error> {
    let first_pass = Arc::clone(first_pass);
    Ok(match (path, &parts.twin) {
        (Path::Native, _) => {
            let native = NativePath {
                kept: Kept::default(),
                plan: Arc::new(native::Plan::new(&nn.registry, &first_pass)?),
                first_pass,
                inference: parts.limits.inference,
            };
            (Arc::new(native), None)
        }
        (Path::Twin, Some(library)) => {
            let (grants, limits) = (parts.grants.clone(), parts.limits.clone());
            let twins = Twins::new(library.clone(), nn.clone(), grants, limits);
            let twins = twins.map_err(Error::Worker)?;
            (Arc::new(TwinPath { twins, first_pass }), None)
        }
        _ => {
            let deployment = Arc::new(parts.deployment(nn.clone(), parts.policy));
            (
                Arc::clone(&deployment) as Arc<dyn Handler>,
                Some(deployment),
            )
        }
    })
}

/// Runs each frame once.
fn first_pass(parts: &Parts, nn: &NnHost) -> Result<FirstPass, Error> {
    let deployment = parts.deployment(nn.clone(), parts.policy);
    let mut local = Local::default();
    let (mut first_pass, mut score) = (FirstPass::default(), Score::default());
    for frame in parts.frames.iter() {
        let fails = |why: &dyn std::error::Error| Error::Frame {
            frame: frame.source.to_string(),
            reason: tollgate_report::one_line(why),
        };
        let mut ledger = Ledger::open();
        ledger.start();
        let handled = deployment.handle(frame, None, ledger, &mut local);
        let Success {
            outputs, record, ..
        } = handled.outcome.map_err(|failure| fails(&failure))?;
        if let Some(truth) = &parts.truth {
            truth.score(&frame.source, Some(&outputs), &mut score);
        }
        first_pass.frames.push(tensors(&record, &outputs));
    }
    first_pass.accuracy = Accuracy::of(score);
    Ok(first_pass)
}

/// The number of a frame's inferences, and the bytes of tensors that left the guest for them: all
/// bytes that left, less the outputs.
fn tensors(record: &Record, outputs: &[Output]) -> (u64, u64) {
    let of = |output: &Output| output.name.len() + output.content_type.len() + output.data.len();
    let outputs = outputs.iter().map(of).sum::<usize>() as u64;
    let bytes = record.counts.bytes_in.saturating_sub(outputs);
    (record.counts.inferences, bytes)
}

/// The latency at a quantile; `None` where the percentiles do not include it.
pub(super) fn at(percentiles: Option<&Percentiles>, quantile: f64) -> Option<u64> {
    let percentiles = percentiles?;
    match quantile {
        q if q <= 0.5 => percentiles.p50,
        q if q <= 0.9 => percentiles.p90,
        q if q <= 0.99 => percentiles.p99,
        _ => percentiles.p999,
    }
}
