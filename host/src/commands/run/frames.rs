//! `tollgate run` for a plugin: inputs to frames, frames through workers, outputs to standard
//! output, the ledgers' report after them.
//!
//! The first pass prints; where there are more, it only warms up and the others are measured.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use tollgate_runtime::{Output, Plugin, probe};

use super::hints::Signs;
use crate::{
    commands::load,
    config::Run,
    dispatch, egress,
    ingress::files::Files,
    progress::{self, Bar},
    report::{Accuracy, FrameCounts, OutputLine, Passes, Summary, Tally, table},
    truth::{Score, Truth},
    worker::{Done, Failure, Setup, Success},
};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.run/1";

/// Failed frames that are told one by one; the rest are counted.
const MAX_TOLD: u64 = 20;

pub(super) fn run(run: &Run, plugin: Arc<Plugin>, signs: &mut Signs) -> anyhow::Result<ExitCode> {
    let frames = run.frames()?;
    let files = Files::list(&frames.inputs, frames.truth.as_deref(), frames.max_frame)?;
    let truth = frames
        .truth
        .as_deref()
        .map(|path| Truth::read(path, files.names()));
    let truth = truth.transpose()?;
    let grants = load::grants(frames.grants, &run.keyvalue, &plugin)?;
    let (nn, runtime) = super::load_graphs(run)?;
    let setup = Setup {
        plugin,
        nn,
        grants,
        limits: run.limits.clone(),
        policy: run.policy,
        twin: frames.twin,
    };

    let passes = frames.passes.get();
    let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
    let mut collector = Collector {
        json: run.json,
        first_measured: u32::from(passes > 1),
        bar: progress::frames(total.saturating_mul(u64::from(passes))),
        truth,
        score: Score::default(),
        tally: Tally::new()?,
        count: 0,
        failed: 0,
        twin_differs: setup.twin.is_some().then_some(0),
        memory_bytes: None,
        outputs: Vec::new(),
    };
    let stamp_ns = probe::calibrate().stamp_ns;
    dispatch::closed_loop(&setup, &files, frames.passes, run.workers, |done| {
        signs.frame(&done);
        collector.take(done)
    })?;

    let failed = collector.failed;
    let summary = collector.summary(
        Summary {
            plugin: run.plugin.display().to_string(),
            frames: FrameCounts {
                inputs: total,
                ..FrameCounts::default()
            },
            passes: Passes {
                warm_up: u32::from(passes > 1),
                measured: passes - u32::from(passes > 1),
            },
            host: super::host(run, runtime),
            schema: SCHEMA,
            ..Summary::default()
        },
        stamp_ns,
    );
    if run.json {
        egress::print_json(&summary)?;
    } else {
        write!(io::stderr(), "\n{}", table(&summary)).ok();
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What becomes of frames that are done.
struct Collector {
    json: bool,
    /// The first pass whose times count.
    first_measured: u32,
    bar: Bar,
    truth: Option<Truth>,
    score: Score,
    tally: Tally,
    count: u64,
    failed: u64,
    twin_differs: Option<u64>,
    memory_bytes: Option<usize>,
    outputs: Vec<OutputLine>,
}

impl Collector {
    fn take(&mut self, done: Done) -> anyhow::Result<()> {
        self.count += 1;
        self.bar.advance();
        let first = done.pass == 0;
        if let Some(truth) = self.truth.as_ref().filter(|_| first) {
            let outputs = done
                .outcome
                .as_ref()
                .ok()
                .map(|success| &success.outputs[..]);
            truth.score(&done.source, outputs, &mut self.score);
        }
        match done.outcome {
            Ok(success) => {
                if first {
                    self.put_out(&done.source, &success.outputs)?;
                }
                self.memory_bytes = self.memory_bytes.max(success.memory_bytes);
                self.measure(&success, done.pass);
            }
            Err(failure) => self.tell(&done.source, &failure),
        }
        Ok(())
    }

    /// Outputs of the first pass: printed, or kept for the JSON.
    fn put_out(&mut self, source: &str, outputs: &[Output]) -> io::Result<()> {
        if self.json {
            self.outputs.extend(outputs.iter().map(|output| OutputLine {
                source: source.to_owned(),
                name: output.name.clone(),
                content_type: output.content_type.clone(),
                bytes: output.data.len(),
                text: String::from_utf8(output.data.clone()).ok(),
            }));
            return Ok(());
        }
        self.bar.aside(|| {
            outputs
                .iter()
                .try_for_each(|output| egress::print_line(&egress::line(source, output)))
        })
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

    /// Says why a frame failed, for the first of them.
    fn tell(&mut self, source: &str, failure: &Failure) {
        self.failed += 1;
        if self.failed > MAX_TOLD {
            return;
        }
        let mut line = String::new();
        egress::escape(source, &mut line);
        line.push_str(": ");
        egress::escape(&egress::one_line(failure), &mut line);
        self.bar.aside(|| {
            writeln!(io::stderr(), "{line}").ok();
            if self.failed == MAX_TOLD {
                writeln!(io::stderr(), "more frames that fail are only counted").ok();
            }
        });
    }

    /// Fills in what the frames added up to.
    fn summary(self, mut summary: Summary, stamp_ns: f64) -> Summary {
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
        summary.outputs = self.outputs;
        summary
    }
}
