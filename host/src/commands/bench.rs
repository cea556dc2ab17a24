//! `tollgate bench`: measures a plugin side by side with paths that have no sandbox.
//!
//! Everything is loaded and all frames are read before the first window, so that nothing else
//! happens during measurement. The exit code is 1 if a requested figure could not be given, such as
//! the rate for a bound that no rate keeps; all other results are printed all the same.

use std::{fs, process::ExitCode, sync::Arc, time::Duration};

use anyhow::bail;
use tollgate_nn::{GraphOptions, OnnxRuntime};
use tollgate_runtime::{Policy, World};
use tollgate_services::{Frame, probe};

use tollgate_bench::{
    identity, machine,
    record::{
        self, Bound, Inputs, Model, Path, Report, Scenario, ScenarioResult, Settings, SweepPoint,
        Variant,
    },
    rounds::Plan,
    runner::Runner,
    scenario,
    subject::{Entry, Parts, Subject},
    sweep::{self, Asked},
};

use crate::{
    cli::{BenchArgs, PathName, ScenarioName},
    commands::load,
    config::{Bench, Environment},
    egress, progress, remedy,
};
use tollgate_deploy::settings::Settings as Kept;
use tollgate_dispatch::Interrupt;
use tollgate_files::{inputs::Files, place::Place};
use tollgate_report::{bench_table, headline, html};

/// The largest size of all frames together; they are held in memory. 1 GiB.
const MAX_FRAMES_BYTES: usize = 1 << 30;

/// The quantile that `--p99` bounds.
const BOUND_QUANTILE: f64 = 0.99;

/// Runs the command.
///
/// # Errors
///
/// The options are wrong, a file cannot be read or loaded, or the plugin fails on a frame.
pub fn run(args: BenchArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let kept = args.settings.as_deref().map(Kept::read).transpose()?;
    let bench = Bench::resolve(args, kept.unwrap_or_default(), environment)?;
    let html = bench.html.as_deref();
    let html = html.map(|path| Place::file("the report", path));
    let html = html.transpose()?;
    let started = machine::now();
    let wasm = load::read_plugin(&bench.plugin)?;
    // For each set of graphs, each thread needs one instance of the plugin.
    let sets = bench.paths.len() + bench.variants.len();
    let engine = load::engine(bench.most_threads() * sets, &bench.limits);
    let plugin = load::compile(
        &bench.plugin,
        (bench.cache_dir.as_deref(), bench.isolation.strength()),
        &engine,
        &bench.limits,
        &wasm,
    )?;
    if plugin.world() != World::Plugin {
        bail!(
            "`{}` is a command, which runs once and answers no frames: name a plugin",
            bench.plugin.display()
        );
    }
    let files = load::frames(
        &bench.inputs,
        bench.truth.as_deref(),
        &bench.include,
        bench.max_frame,
    )?;
    let truth = bench.truth.as_deref();
    let truth = truth.map(|path| tollgate_deploy::truth::read(path, files.names()));
    let truth = truth.transpose()?;
    let frames = read_frames(&files)?;
    let grants = load::grants(
        bench.grants.clone(),
        &bench.keyvalue,
        &bench.limits,
        &plugin,
    )?;
    let runtime = load::onnx_runtime(&bench.onnxruntime, &bench.models)?;
    let entries = entries(&bench)?;
    let subject = {
        let _spinner = progress::spinner("going through the frames once");
        let parts = Parts {
            plugin,
            grants,
            limits: bench.limits.clone(),
            policy: bench.policy,
            isolation: bench.isolation.clone(),
            twin: bench.twin.clone(),
            frames: frames.into(),
            truth,
        };
        Arc::new(Subject::new(parts, entries)?)
    };
    let mut report = describe(&bench, runtime, &subject, started)?;
    // Until here nothing was measured, so ending at once loses nothing.
    let interrupt = Interrupt::listen()?;
    tracing::info!("measuring");
    measure(&bench, &subject, &interrupt, &mut report)?;
    report.cut_short = interrupt.reason();
    report.best = headline::best(&report);

    if let Some(place) = html {
        place.write(html::page(&report).as_bytes())?;
    }
    if bench.json {
        egress::print_json(&report)?;
    } else {
        egress::print(bench_table::table(&report).trim_end())?;
    }
    if report.cut_short.is_some() {
        return Ok(ExitCode::from(tollgate_dispatch::EXIT_CODE));
    }
    let problems = problems(&report);
    for problem in &problems {
        egress::say_error(problem);
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Reads all frames into memory.
pub(super) fn read_frames(files: &Files) -> anyhow::Result<Vec<Frame>> {
    let _bar = progress::spinner("reading the frames");
    let mut frames = Vec::with_capacity(files.len());
    let mut bytes = 0usize;
    for (_, frame) in files.pass(0) {
        let frame = frame?;
        bytes = bytes.saturating_add(frame.data.len());
        if bytes > MAX_FRAMES_BYTES {
            bail!(
                "the inputs have more than {MAX_FRAMES_BYTES} bytes together, and a benchmark \
                 holds them in memory: name fewer"
            );
        }
        frames.push(frame);
    }
    Ok(frames)
}

/// Loads the graphs: one set for the paths, one for each variant.
fn entries(bench: &Bench) -> anyhow::Result<Vec<Entry>> {
    let store = Arc::default();
    let isolation = (&bench.isolation, bench.grants.load);
    let nn = load::graphs(&store, &bench.models, &bench.graph, isolation)?;
    let mut entries = Vec::new();
    for &name in &bench.paths {
        let nn = match name {
            PathName::Batched => {
                let options = GraphOptions {
                    batch: bench.batch,
                    ..bench.graph.clone()
                };
                load::graphs(&store, &bench.models, &options, isolation)?
            }
            _ => nn.clone(),
        };
        entries.push(Entry {
            path: path(name),
            variant: None,
            nn,
        });
    }
    for (name, files) in &bench.variants {
        let known = *files == bench.models;
        entries.push(Entry {
            path: Path::Plugin,
            variant: Some(name.clone()),
            nn: if known {
                nn.clone()
            } else {
                load::graphs(&store, files, &bench.graph, isolation)?
            },
        });
    }
    Ok(entries)
}

/// Runs all that was asked for, or less if a signal ends it.
fn measure(
    bench: &Bench,
    subject: &Arc<Subject>,
    interrupt: &Interrupt,
    report: &mut Report,
) -> Result<(), tollgate_bench::Error> {
    let plan = plan(bench);
    let runner = Runner::new(Arc::clone(subject), interrupt.clone());
    let (variants, paths): (Vec<usize>, Vec<usize>) =
        (0..subject.contenders()).partition(|&contender| subject.variant(contender).is_some());
    for &name in &bench.scenarios {
        if let Some(one) = self::scenario(name).filter(|_| !interrupt.is_raised()) {
            let _spinner = progress::spinner(&format!("{name:?}: all paths in turns"));
            let results = scenario::run(&runner, &plan, one, &paths)?;
            report.results.extend(results);
        }
    }
    let clients = bench.concurrency.iter();
    let clients = clients.map(|clients| Asked::Clients(clients.get()));
    let rates = bench.rates.iter().map(|&rate| Asked::Arrivals(rate));
    // Separate sweeps: rates and clients must not be compared with each other.
    for asked in [clients.collect::<Vec<_>>(), rates.collect()] {
        if !asked.is_empty() && !interrupt.is_raised() {
            let what = format!("sweep over {} loads, in turns", asked.len());
            let _spinner = progress::spinner(&what);
            let points = sweep::run(&runner, &plan, &asked, &paths)?;
            report.sweep.extend(points);
        }
    }
    if !variants.is_empty() && !interrupt.is_raised() {
        let _spinner = progress::spinner("variants in turns");
        report.variants = compare(&runner, &plan, &variants, bench)?;
    }
    Ok(())
}

/// Compares the variants: single-stream for latency, offline for throughput.
fn compare(
    runner: &Runner,
    plan: &Plan,
    variants: &[usize],
    bench: &Bench,
) -> Result<Vec<Variant>, tollgate_bench::Error> {
    let alone = scenario::run(runner, plan, Scenario::SingleStream, variants)?;
    let together = scenario::run(runner, plan, Scenario::Offline, variants)?;
    if runner.is_interrupted() {
        // Results for only some of the variants are no comparison.
        return Ok(Vec::new());
    }
    let results = variants.iter().zip(alone.into_iter().zip(together));
    Ok(results
        .map(|(&contender, (alone, together))| {
            let name = runner
                .subject()
                .variant(contender)
                .unwrap_or_default()
                .to_owned();
            let files = bench.variants.iter().find(|(known, _)| *known == name);
            let files = files.map_or(&[][..], |(_, files)| files);
            let bytes = files.iter().filter_map(|chosen| {
                let metadata = fs::metadata(&chosen.file.path);
                metadata.ok().map(|metadata| metadata.len())
            });
            Variant {
                bytes: bytes.sum(),
                accuracy: runner.subject().accuracy(contender),
                latency_ns: alone.latency_ns,
                frames_per_second: (together.frames > 0).then_some(together.frames_per_second),
                energy: together.energy,
                name,
            }
        })
        .collect())
}

/// The requested figures that could not be given, with one sentence each.
fn problems(report: &Report) -> Vec<String> {
    let results = report.results.iter().filter_map(|result| {
        let problem = result.problem.as_ref()?;
        Some(format!(
            "{} of {}: {}",
            bench_table::scenario_name(result.scenario),
            bench_table::path_name(result.path),
            remedy::problem(problem)
        ))
    });
    let points = report.sweep.iter().filter(|point| point.frames == 0);
    let points = points.map(|point| {
        format!(
            "sweep of {}: no frame was done at {:?}, so give a longer `--window`",
            bench_table::path_name(point.path),
            point.load
        )
    });
    results.chain(points).collect()
}

fn plan(bench: &Bench) -> Plan {
    Plan {
        workers: bench.workers,
        window: bench.window,
        max_windows: bench.max_windows,
        tolerance: bench.tolerance,
        bound: bench.p99.map(|bound| Bound {
            quantile: BOUND_QUANTILE,
            latency_ns: nanoseconds(bound),
        }),
        queue: bench.queue,
        seed: bench.seed,
        frame_at_most: bench.limits.deadline.unwrap_or(bench.limits.inference),
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn path(name: PathName) -> Path {
    match name {
        PathName::Native => Path::Native,
        PathName::Twin => Path::Twin,
        PathName::Plugin => Path::Plugin,
        PathName::Batched => Path::Batched,
    }
}

fn scenario(name: ScenarioName) -> Option<Scenario> {
    Some(match name {
        ScenarioName::SingleStream => Scenario::SingleStream,
        ScenarioName::MultiStream => Scenario::MultiStream,
        ScenarioName::Server => Scenario::Server,
        ScenarioName::Offline => Scenario::Offline,
        ScenarioName::None => return None,
    })
}

/// The report with the facts known before measuring.
fn describe(
    bench: &Bench,
    runtime: Option<&OnnxRuntime>,
    subject: &Subject,
    started: String,
) -> anyhow::Result<Report> {
    let (frames, bytes) = subject.frames();
    let plan = plan(bench);
    Ok(Report {
        schema: record::SCHEMA.to_owned(),
        command: std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        started,
        cut_short: None,
        machine: machine::describe(runtime.map(|runtime| runtime.version().to_owned())),
        plugin: identity::file(&bench.plugin)?,
        twin: bench.twin.as_deref().map(identity::file).transpose()?,
        models: models(bench)?,
        inputs: Inputs { frames, bytes },
        settings: settings(bench, &bench.graph, &plan),
        bound: plan.bound,
        results: Vec::<ScenarioResult>::new(),
        sweep: Vec::<SweepPoint>::new(),
        best: None,
        accuracy: subject.accuracy(0),
        variants: Vec::new(),
        chosen: None,
        stamp_ns: probe::calibrate().stamp_ns,
    })
}

/// The files of all models and variants that run.
fn models(bench: &Bench) -> Result<Vec<Model>, identity::Error> {
    let compared = bench.variants.iter().flat_map(|(_, files)| files);
    let chosen = bench.models.iter().chain(compared);
    identity::models(chosen, !bench.variants.is_empty())
}

fn settings(bench: &Bench, graph: &GraphOptions, plan: &Plan) -> Settings {
    let batched = bench.paths.contains(&PathName::Batched);
    Settings {
        instances: match bench.policy {
            Policy::Warm { .. } => "warm",
            Policy::Fresh => "fresh",
        }
        .to_owned(),
        workers: plan.workers,
        sessions: graph.sessions.get(),
        threads: graph.threads.map(std::num::NonZero::get),
        mode: graph.mode.to_string(),
        device: graph.device.to_string(),
        optimization: graph.optimization.to_string(),
        batch_max: batched.then(|| usize::try_from(bench.batch.max.get()).unwrap_or(usize::MAX)),
        batch_delay_ns: batched.then(|| nanoseconds(bench.batch.delay)),
        variant: bench
            .models
            .iter()
            .find(|model| model.instead_of.is_some())
            .map(|model| model.variant.clone()),
        queue: plan.queue.get(),
        seed: plan.seed,
        window_ns: nanoseconds(plan.window),
        max_windows: plan.max_windows,
        tolerance: plan.tolerance,
    }
}
