//! `tollgate tune`: finds the settings that suit a plugin, its models and this machine.
//!
//! The settings go to standard output as a file, or with `--json` as one object with everything;
//! with `--out` they go to that file. The tables and the reason go to standard error. If no
//! settings meet the requirements, the nearest ones are shown, none are written, and the exit code
//! is 1.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::bail;
use tollgate_nn::{BatchPolicy, Device, GraphOptions, OnnxRuntime};
use tollgate_runtime::World;

use tollgate_bench::{
    identity, machine,
    record::{Bound, Inputs, Model, Path},
    subject::{Entry, Parts, Subject},
    tune::{
        self, Step, Task,
        choose::{Ask, Choice},
        page::page,
        record::{Excluded, Report, SCHEMA},
        space::{Facts, Space, Variant},
        table::{enough, label, table},
        trial::QUANTILE,
    },
};

use crate::{
    cli::TuneArgs,
    commands::{bench, load},
    config::{Environment, Tune},
    egress, progress, remedy,
};
use tollgate_deploy::isolation::Isolation;
use tollgate_deploy::models::{self, Chosen};
use tollgate_dispatch::Interrupt;
use tollgate_files::place::Place;
use tollgate_report::{
    terminal::escaped,
    units::{percent, time},
};

/// Runs the command.
///
/// # Errors
///
/// The options are wrong, a file cannot be read or loaded, or the plugin fails on a frame.
pub fn run(args: TuneArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let tune = Tune::resolve(args, environment)?;
    let places = Places::check(&tune)?;
    let started = machine::now();
    let wasm = load::read_plugin(&tune.plugin)?;
    let instances = tune::most_instances(tollgate_nn::cores()).max(tune.settled.workers().get());
    // One more instance for the first pass over the frames.
    let engine = load::engine(instances + 1, &tune.limits);
    let plugin = load::compile(
        &tune.plugin,
        (tune.cache_dir.as_deref(), tune.isolation.strength()),
        &engine,
        &tune.limits,
        &wasm,
    )?;
    if plugin.world() != World::Plugin {
        bail!(
            "`{}` is a command, which runs once and answers no frames: name a plugin",
            tune.plugin.display()
        );
    }
    let files = load::frames(
        &tune.inputs,
        tune.truth.as_deref(),
        &tune.include,
        tune.max_frame,
    )?;
    let truth = tune.truth.as_deref();
    let truth = truth.map(|path| tollgate_deploy::truth::read(path, files.names()));
    let truth = truth.transpose()?;
    let frames = bench::read_frames(&files)?;
    let grants = load::grants(tune.grants.clone(), &tune.keyvalue, &tune.limits, &plugin)?;
    let runtime = load::onnx_runtime(&tune.onnxruntime, &tune.default)?;

    let (variants, mut excluded) = variants(&tune)?;
    let (devices, without) = devices(&tune, runtime);
    excluded.extend(without);
    let subject = {
        let _spinner = progress::spinner("going through the frames once for each variant");
        let parts = Parts {
            plugin,
            grants,
            limits: tune.limits.clone(),
            policy: tune.settled.policy(),
            isolation: tune.isolation.clone(),
            twin: None,
            frames: frames.into(),
            truth,
        };
        Subject::new(parts, entries(&tune, &variants)?)?
    };
    let mut flavours = Vec::new();
    for (name, files) in &variants {
        let batched = batching(files, &tune.settled.graph_options(), &tune.isolation);
        flavours.push(Variant {
            name: name.clone(),
            batchable: batched.is_ok(),
        });
        if let Err(reason) = batched {
            let of = name
                .as_ref()
                .map(|name| format!(" of the variant `{name}`"));
            excluded.push(Excluded {
                what: format!("batches{}", of.unwrap_or_default()),
                reason,
            });
        }
    }
    let facts = Facts {
        cores: tollgate_nn::cores(),
        devices,
        variants: flavours,
        bound: tune.p99,
        settled: tune.settled.clone(),
    };
    let space = Space::new(&facts);
    let accuracy = tune.accuracy.or_else(|| {
        // By default at least the accuracy of the default variant is required.
        subject.accuracy(0).map(|accuracy| accuracy.frames)
    });
    // Until here nothing was measured, so ending at once loses nothing.
    let interrupt = Interrupt::listen()?;
    tracing::info!("measuring");
    let bound_ns = u64::try_from(tune.p99.as_nanos()).unwrap_or(u64::MAX);
    let task = Task {
        subject: &subject,
        models: &tune.models,
        space: &space,
        ask: Ask { bound_ns, accuracy },
        full: tune.window,
        exhaustive: tune.exhaustive,
        instances,
        interrupt: &interrupt,
    };
    let findings = search(&task)?;
    let cut_short = interrupt.reason();

    let (frames, bytes) = subject.frames();
    let mut unmet = None;
    let (winner, nearest, why) = match findings.choice {
        Choice::Found { winner, mut why } => {
            let frames = findings.candidates.get(winner).map(|one| one.frames);
            if let Some(few) = frames.filter(|frames| *frames < enough()) {
                why.push_str(&format!("; the p99 rests on {few} frames"));
            }
            if cut_short.is_some() {
                why.push_str(
                    "; the search was cut short, and what it did not come to may be better",
                );
            }
            (Some(winner), None, why)
        }
        Choice::Nothing { nearest, why } => {
            unmet = Some(remedy::words(&why));
            (None, nearest, why.to_string())
        }
    };
    let told = winner
        .or(nearest)
        .and_then(|place| findings.candidates.get(place));
    let energy = subject.energy(told.and_then(|one| one.joules_per_inference));
    let report = Report {
        schema: SCHEMA.to_owned(),
        command: std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        started,
        cut_short,
        machine: machine::describe(runtime.map(|runtime| runtime.version().to_owned())),
        plugin: identity::file(&tune.plugin)?,
        models: model_files(&variants)?,
        inputs: Inputs { frames, bytes },
        bound: Bound {
            quantile: QUANTILE,
            latency_ns: bound_ns,
        },
        accuracy,
        candidates: findings.candidates,
        reference: space.reference,
        winner,
        nearest,
        why,
        energy,
        excluded,
        search: findings.search,
        check: findings.check,
    };
    tell(&tune, &places, &report, unmet)
}

/// Where the settings and the page are written.
struct Places {
    out: Option<Place>,
    html: Option<Place>,
}

impl Places {
    /// Checks that they can be written.
    fn check(tune: &Tune) -> anyhow::Result<Self> {
        let place = |what, path: &Option<PathBuf>| {
            let path = path.as_deref();
            path.map(|path| Place::file(what, path)).transpose()
        };
        Ok(Self {
            out: place("the settings", &tune.out)?,
            html: place("the page", &tune.html)?,
        })
    }
}

/// Searches and shows progress.
fn search(task: &Task<'_>) -> anyhow::Result<tune::Findings> {
    let bar = progress::spinner("looking for settings");
    let mut what = String::new();
    let mut windows = 0_u64;
    let findings = tune::tune(task, |step| {
        match step {
            Step::Rung(rung) => {
                windows = 0;
                what = format!(
                    "rung {} of {}: {} candidates",
                    rung.number, rung.of, rung.candidates
                );
            }
            Step::Grid(candidates) => {
                windows = 0;
                what = format!("the whole grid: {candidates} candidates");
            }
            Step::Window => windows += 1,
        }
        bar.say(format!("{what}, window {windows}"));
    })?;
    Ok(findings)
}

/// Prints the result and writes the settings. After an interrupted search they are only printed: a
/// candidate that was not measured may be better. `unmet` is why no settings were found.
fn tell(
    tune: &Tune,
    places: &Places,
    report: &Report,
    unmet: Option<String>,
) -> anyhow::Result<ExitCode> {
    let winner = report
        .winner
        .and_then(|winner| report.candidates.get(winner));
    let file = winner.map(|winner| winner.settings.to_file(&comment(report)));
    let file = file.transpose()?.unwrap_or_default();
    let found = winner.filter(|_| report.cut_short.is_none());
    if let (Some(_), Some(place)) = (found, &places.out) {
        place.write(file.as_bytes())?;
    }
    if let Some(place) = &places.html {
        place.write(page(report, &file).as_bytes())?;
    }
    if tune.json {
        egress::print_json(report)?;
    } else {
        egress::say(format_args!("{}", table(report).trim_end()));
        if let Some(winner) = winner {
            let label = escaped(&label(&winner.settings));
            egress::say(format_args!("\n{label}: {}", escaped(&report.why)));
        }
        if found.is_some() {
            match &tune.out {
                Some(out) => {
                    let out = escaped(&out.display().to_string());
                    egress::say(format_args!(
                        "written to `{out}`: use it with `--settings {out}`"
                    ));
                }
                None => egress::print_data(file.trim_end())?,
            }
        }
    }
    if report.cut_short.is_some() {
        return Ok(ExitCode::from(tollgate_dispatch::EXIT_CODE));
    }
    if winner.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let nearest = report
        .nearest
        .and_then(|nearest| report.candidates.get(nearest));
    if let Some(nearest) = nearest.filter(|_| !tune.json) {
        let label = escaped(&label(&nearest.settings));
        egress::say(format_args!("\nnearest: {label}"));
    }
    if let Some(unmet) = unmet {
        egress::say_error(&unmet);
    }
    Ok(ExitCode::FAILURE)
}

/// The comment at the top of a file of settings.
fn comment(report: &Report) -> String {
    let machine = &report.machine;
    let mut lines = vec![
        format!(
            "Written by tollgate {} tune at {}",
            machine.tollgate, report.started
        ),
        format!("for the plugin {}", report.plugin.path),
        format!(
            "on {} cores, {}",
            machine.cores,
            machine.cpu.as_deref().unwrap_or(&machine.architecture)
        ),
        format!(
            "with a p99 of at most {}",
            time(report.bound.latency_ns as f64)
        ),
    ];
    if let Some(accuracy) = report.accuracy {
        lines.push(format!(
            "and at least {} of the frames right.",
            percent(accuracy)
        ));
    }
    lines.push(String::new());
    lines.push(format!("Why: {}.", report.why));
    // A line feed in a name must not start a new line of the file.
    let clean = |line: String| line.replace(|c: char| c.is_control(), " ");
    let lines: Vec<String> = lines.into_iter().map(clean).collect();
    lines.join("\n")
}

/// A variant's name (`None` for the default) and its files.
type Named = (Option<String>, Vec<Chosen>);

/// The variants that may be recommended, the default first, and those that may not.
fn variants(tune: &Tune) -> anyhow::Result<(Vec<Named>, Vec<Excluded>)> {
    let (mut variants, mut excluded) = (vec![(None, tune.default.clone())], Vec::new());
    if !tune.settled.variant.is_empty() {
        return Ok((variants, excluded));
    }
    for (name, files) in tune.models.compare(&["all".to_owned()])? {
        if files == tune.default {
            continue;
        }
        if tune.truth.is_none() {
            excluded.push(Excluded {
                what: format!("the variant `{name}`"),
                reason: "since nobody knows how accurate it is: give `--truth`".to_owned(),
            });
            continue;
        }
        variants.push((Some(name), files));
    }
    Ok((variants, excluded))
}

/// The devices that the models load on, starting with the given one or the CPU.
fn devices(tune: &Tune, runtime: Option<&OnnxRuntime>) -> (Vec<Device>, Vec<Excluded>) {
    let options = tune.settled.graph_options();
    let (mut devices, mut excluded) = (vec![options.device], Vec::new());
    if tune.settled.device.is_some() {
        return (devices, excluded);
    }
    let there = runtime.map_or(&[][..], OnnxRuntime::devices);
    for &device in there {
        if devices.contains(&device) {
            continue;
        }
        let options = unbatched(GraphOptions {
            device,
            ..options.clone()
        });
        let _spinner = progress::spinner("trying the device");
        match models::load(&Arc::default(), &tune.default, &options, &tune.isolation) {
            Ok(_) => devices.push(device),
            Err(error) => excluded.push(Excluded {
                what: format!("the device `{device}`"),
                reason: remedy::one_line(&error),
            }),
        }
    }
    (devices, excluded)
}

/// One contender for each variant, which tells its accuracy.
fn entries(tune: &Tune, variants: &[Named]) -> anyhow::Result<Vec<Entry>> {
    let options = unbatched(tune.settled.graph_options());
    let store = Arc::default();
    let entries = variants.iter().map(|(name, files)| {
        Ok(Entry {
            path: Path::Plugin,
            variant: name.clone(),
            nn: load::graphs(&store, files, &options, (&tune.isolation, tune.grants.load))?,
        })
    });
    entries.collect()
}

/// Whether the graphs of a variant are batched when that is allowed. Loading them measures whether
/// batching pays. On a busy machine one measurement may wrongly show that it does, and each batch
/// size that is tried costs time, so it is measured twice.
///
/// # Errors
///
/// Why they are not batched.
fn batching(files: &[Chosen], options: &GraphOptions, isolation: &Isolation) -> Result<(), String> {
    const TIMES: usize = 2;
    let mut options = options.clone();
    options.batch.policy = BatchPolicy::Auto;
    let _spinner = progress::spinner("measuring whether batches pay");
    if files.is_empty() {
        return Err("there are no models".to_owned());
    }
    for _ in 0..TIMES {
        // Loaded from the file each time, since a graph from the store would not be measured again.
        let registry = models::load(&Arc::default(), files, &options, isolation)
            .map_err(|error| remedy::one_line(&error))?;
        for chosen in files {
            let graph = registry.get(&chosen.file.name);
            let off = graph.and_then(|graph| graph.batching().off.clone());
            if let Some(reason) = off {
                return Err(format!("`{}`: {reason}", chosen.file.name));
            }
        }
    }
    Ok(())
}

fn unbatched(mut options: GraphOptions) -> GraphOptions {
    options.batch.policy = BatchPolicy::Off;
    options
}

/// The files of all variants.
fn model_files(variants: &[Named]) -> Result<Vec<Model>, identity::Error> {
    let chosen = variants.iter().flat_map(|(_, files)| files);
    identity::models(chosen, variants.len() > 1)
}
