//! The page of a search: a benchmark's page with nothing but what was tried.

use tollgate_nn::BatchPolicy;
use tollgate_runtime::Policy;

use crate::{
    bench::{
        record::{self, Chosen, Load, Path},
        tune::{
            record::{Candidate, Report},
            table::label,
        },
    },
    report::html,
    settings::Settings,
};

/// The page.
pub(super) fn page(report: &Report) -> String {
    let taken = report.winner.or(report.nearest);
    let taken = taken.and_then(|place| report.candidates.get(place));
    let reference = report.candidates.get(report.reference);
    let settings = taken.or(reference).map(|one| &one.settings);
    let bench = record::Report {
        schema: record::SCHEMA.to_owned(),
        command: report.command.clone(),
        started: report.started.clone(),
        machine: report.machine.clone(),
        plugin: report.plugin.clone(),
        twin: None,
        models: report.models.clone(),
        inputs: report.inputs,
        settings: settings
            .map(|settings| as_bench(settings, report))
            .unwrap_or_default(),
        bound: Some(report.bound),
        results: Vec::new(),
        sweep: Vec::new(),
        accuracy: taken.and_then(|one| one.accuracy),
        variants: Vec::new(),
        chosen: taken.map(|one| Chosen {
            path: path(&one.settings),
            load: Some(Load::Concurrency(one.settings.workers().get())),
            settings: as_bench(&one.settings, report),
            frames_per_second: Some(one.frames_per_second),
            p99_ns: one.seen_p99_ns,
            why: report.why.clone(),
        }),
        stamp_ns: 0.0,
    };
    let measured = report.candidates.iter().enumerate();
    let measured = measured.filter(|(_, one)| one.problem.is_none());
    let candidates: Vec<html::Candidate> = measured
        .map(|(place, one)| as_page(one, report.winner == Some(place)))
        .collect();
    html::tuned_page(&bench, &candidates)
}

fn as_page(one: &Candidate, chosen: bool) -> html::Candidate {
    html::Candidate {
        label: label(&one.settings),
        frames_per_second: one.frames_per_second,
        p99_ns: one.seen_p99_ns,
        accuracy: one.accuracy.map(|accuracy| accuracy.readings),
        joules_per_inference: one.joules_per_inference,
        on_front: one.on_front,
        chosen,
    }
}

fn path(settings: &Settings) -> Path {
    match settings.batch {
        Some(BatchPolicy::On) => Path::Batched,
        _ => Path::Plugin,
    }
}

/// Settings as a benchmark's report has them.
fn as_bench(settings: &Settings, report: &Report) -> record::Settings {
    let options = settings.graph_options();
    let batched = settings.batch == Some(BatchPolicy::On);
    record::Settings {
        instances: match settings.policy() {
            Policy::Warm { .. } => "warm",
            Policy::Fresh => "fresh",
        }
        .to_owned(),
        workers: settings.workers().get(),
        sessions: options.sessions.get(),
        threads: options.threads.map(std::num::NonZero::get),
        mode: options.mode.to_string(),
        device: options.device.to_string(),
        optimization: options.optimization.to_string(),
        batch_max: batched.then(|| usize::try_from(options.batch.max.get()).unwrap_or(usize::MAX)),
        batch_delay_ns: batched
            .then(|| u64::try_from(options.batch.delay.as_nanos()).unwrap_or(u64::MAX)),
        variant: settings.variant.first().map(ToString::to_string),
        window_ns: (report.search.full_seconds * 1e9) as u64,
        ..record::Settings::default()
    }
}
