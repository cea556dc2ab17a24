//! `tollgate run` for a plugin: reads inputs as frames, runs them on the workers, writes the
//! outputs, and prints a report from the ledgers.
//!
//! Outputs are printed in the first pass. If there are more passes, the first one only warms up and
//! the others are measured. A signal ends the run early, with a report of what was done.

use std::{process::ExitCode, sync::Arc};

use tollgate_dispatch::{
    Answer, Deployment, EXIT_CODE, Failure, Handler, Interrupt, Success, Twins, WithTwin,
};
use tollgate_runtime::Plugin;
use tollgate_services::{Output, probe};

use super::{hints::Signs, told::Told};
use crate::{
    commands::load,
    config::{Run, raising_option},
    egress,
    progress::{self, Bar},
    remedy,
};
use tollgate_files::{
    outputs::OutDir,
    read_ahead::{self, Done},
};
use tollgate_report::terminal;
use tollgate_report::truth::{Score, Truth};
use tollgate_report::{Accuracy, FailedFrame, FrameCounts, Passes, Summary, Tally, table};

/// How many failed frames are reported one by one on standard error; the rest are counted.
const MAX_TOLD: u64 = 20;

/// How many failed frames the JSON lists; the rest are counted.
const MAX_LISTED: usize = 100;

/// The largest length of a failure's message in that list, in bytes.
const LISTED_BYTES: usize = 1024;

pub(super) fn run(run: &Run, plugin: Arc<Plugin>, signs: &mut Signs) -> anyhow::Result<ExitCode> {
    let frames = run.frames()?;
    let out_dir = frames.out_dir.as_deref().map(OutDir::open).transpose()?;
    let files = load::frames(
        &frames.inputs,
        frames.truth.as_deref(),
        &frames.include,
        frames.max_frame,
    )?;
    let truth = frames
        .truth
        .as_deref()
        .map(|path| tollgate_deploy::truth::read(path, files.names()));
    let truth = truth.transpose()?;
    let grants = load::grants(frames.grants, &run.keyvalue, &run.limits, &plugin)?;
    let (nn, runtime) = super::load_graphs(run, grants.load)?;
    let twins = frames
        .twin
        .map(|library| Twins::new(library, nn.clone(), grants.clone(), run.limits.clone()));
    let twins = twins.transpose()?;
    let twin_differs = twins.is_some().then_some(0);
    let deployment = Deployment::new(plugin, nn, grants, run.limits.clone(), run.policy);
    let deployment = Arc::new(deployment);
    let handler: Arc<dyn Handler> = match twins {
        Some(twins) => Arc::new(WithTwin::new(deployment, twins)),
        None => deployment,
    };

    let passes = frames.passes.get();
    let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
    let mut collector = Collector {
        first_measured: u32::from(passes > 1),
        bar: progress::frames(total.saturating_mul(u64::from(passes))),
        told: Told::new(run.json, out_dir),
        truth,
        score: Score::default(),
        tally: Tally::new()?,
        count: 0,
        failed: 0,
        failures: Vec::new(),
        twin_differs,
        inputs: total,
        memory_bytes: None,
    };
    let stamp_ns = probe::calibrate().stamp_ns;
    // Until here no frame was processed, so ending at once loses nothing.
    let interrupt = Interrupt::listen()?;
    let files = files.ended_by(&interrupt);
    let ended = read_ahead::run(
        handler,
        &files,
        frames.passes,
        run.workers,
        &interrupt,
        |done| {
            if let Done::Answer(answer) = &done {
                signs.frame(answer);
            }
            collector.take(done)
        },
    );
    // The JSON object is completed even after an error.
    let ended = ended.and_then(|()| collector.told.end(&collector.bar));
    let done = collector.count == total.saturating_mul(u64::from(passes));
    let cut_short = match &ended {
        Err(error) => Some(remedy::explained(error)),
        Ok(()) => interrupt.reason().filter(|_| !done),
    };
    let failed = collector.failed;
    let (summary, told) = collector.summary(
        Summary {
            plugin: run.plugin.display().to_string(),
            cut_short,
            frames: FrameCounts {
                inputs: total,
                ..FrameCounts::default()
            },
            passes: Passes {
                warm_up: u32::from(passes > 1),
                measured: passes - u32::from(passes > 1),
            },
            host: super::host(run, runtime),
            ..Summary::default()
        },
        stamp_ns,
    );
    let printed = told.summary(&summary);
    ended?;
    if !printed? {
        egress::say(format_args!(
            "\n{}",
            table(&summary, remedy::WITHOUT_TWIN).trim_end()
        ));
    }
    Ok(if summary.cut_short.is_some() {
        ExitCode::from(EXIT_CODE)
    } else if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Collects the results of frames.
struct Collector {
    /// The first pass that is measured.
    first_measured: u32,
    /// The number of frames in one pass.
    inputs: u64,
    bar: Bar,
    told: Told,
    truth: Option<Truth>,
    score: Score,
    tally: Tally,
    count: u64,
    failed: u64,
    failures: Vec<FailedFrame>,
    twin_differs: Option<u64>,
    memory_bytes: Option<usize>,
}

impl Collector {
    fn take(&mut self, done: Done) -> anyhow::Result<()> {
        self.count += 1;
        self.bar.advance();
        match done {
            Done::Answer(answer) => self.answer(answer),
            Done::Unread {
                sequence,
                source,
                error,
            } => {
                let message = remedy::one_line(&error);
                self.fail(sequence, &source, "input", message);
                self.tell(sequence, &source, None)
            }
        }
    }

    fn answer(&mut self, answer: Answer) -> anyhow::Result<()> {
        let Answer {
            sequence,
            source,
            outcome,
            ..
        } = answer;
        let outputs = match outcome {
            Ok(success) => {
                self.memory_bytes = self.memory_bytes.max(success.memory_bytes);
                self.measure(&success, self.pass(sequence));
                Some(success.outputs)
            }
            Err(failure) => {
                self.fail(sequence, &source, failure.kind(), message(&failure));
                None
            }
        };
        self.tell(sequence, &source, outputs)
    }

    /// The pass over the inputs that a frame belongs to.
    fn pass(&self, sequence: u64) -> u32 {
        let pass = sequence.checked_div(self.inputs).unwrap_or_default();
        u32::try_from(pass).unwrap_or(u32::MAX)
    }

    /// Writes the outputs of the first pass.
    fn tell(
        &mut self,
        sequence: u64,
        source: &Arc<str>,
        outputs: Option<Vec<Output>>,
    ) -> anyhow::Result<()> {
        if self.pass(sequence) > 0 {
            return Ok(());
        }
        if let Some(truth) = &self.truth {
            truth.score(source, outputs.as_deref(), &mut self.score);
        }
        self.told.take(sequence, source, outputs, &self.bar)
    }

    fn measure(&mut self, success: &Success, pass: u32) {
        if pass >= self.first_measured {
            let twin = success.twin.as_ref().map(|twin| &twin.record);
            self.tally.add(&success.record, twin);
        }
        let differs = success.twin.as_ref().is_some_and(|twin| twin.differs);
        if let Some(count) = &mut self.twin_differs {
            *count += u64::from(differs);
        }
    }

    /// Reports why a frame failed, and lists it if it is one of the first.
    fn fail(&mut self, sequence: u64, source: &str, kind: &'static str, message: String) {
        self.failed += 1;
        if self.failed <= MAX_TOLD {
            let mut line = terminal::escaped(source);
            line.push_str(": ");
            terminal::escape(&message, &mut line);
            self.bar.aside(|| {
                egress::say(format_args!("{line}"));
                if self.failed == MAX_TOLD {
                    egress::say(format_args!("more frames that fail are only counted"));
                }
            });
        }
        if self.failures.len() < MAX_LISTED {
            self.failures.push(FailedFrame {
                sequence,
                pass: self.pass(sequence),
                source: source.to_owned(),
                kind,
                message: terminal::cut(&message, LISTED_BYTES),
            });
        }
    }

    /// Completes the summary with the sums over all frames.
    fn summary(mut self, mut summary: Summary, stamp_ns: f64) -> (Summary, Told) {
        let Self { tally, .. } = &self;
        summary.frames.count = self.count;
        summary.frames.failed = self.failed;
        summary.accuracy = Accuracy::of(self.score);
        summary.latency_ns = tally.latency();
        summary.stages_ns = tally.stages();
        summary.guest_split_ns = tally.guest_split();
        (summary.crossings, summary.inferences) = tally.crossings().unzip();
        summary.toll = tally.toll();
        summary.probe_ns = tally.probe(stamp_ns);
        summary.memory_bytes = self.memory_bytes;
        summary.twin_differs = self.twin_differs;
        self.failures.sort_by_key(|failure| failure.sequence);
        let listed = u64::try_from(self.failures.len()).unwrap_or(u64::MAX);
        summary.failures_left_out = self.failed.saturating_sub(listed);
        summary.failures = self.failures;
        (summary, self.told)
    }
}

/// The message of a failure, and which option raises the limit that it names.
fn message(failure: &Failure) -> String {
    let mut message = remedy::one_line(failure);
    if let Failure::Instance(error) = failure
        && let Some(option) = raising_option(error)
    {
        message.push_str("; raise it with `");
        message.push_str(option);
        message.push('`');
    }
    message
}
