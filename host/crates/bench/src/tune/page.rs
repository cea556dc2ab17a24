//! The contents of a search's page, made from its report.

use super::{
    record::{Candidate, Report},
    table::label,
};
use tollgate_report::{
    html::{self, Answer, Tuned},
    units::percent,
};

/// The page; `file` is the file with the recommended settings.
pub fn page(report: &Report, file: &str) -> String {
    let told = report.winner.or(report.nearest);
    let answer = told.and_then(|place| report.candidates.get(place));
    let answer = answer.map(|one| Answer {
        label: label(&one.settings),
        file: file.to_owned(),
        found: report.winner.is_some(),
        frames_per_second: one.frames_per_second,
        of_default: one.of_reference,
        p99_ns: one.seen_p99_ns,
        frames: one.frames,
        accuracy: one.accuracy.map(|accuracy| accuracy.frames),
    });
    let measured = report.candidates.iter().enumerate();
    let measured = measured.filter(|(_, one)| one.problem.is_none() && one.frames > 0);
    let candidates: Vec<html::Candidate> = measured
        .map(|(place, one)| as_page(one, report.winner == Some(place)))
        .collect();
    let left_out = report.excluded.iter();
    let left_out = left_out.map(|one| format!("{}, {}", one.what, one.reason));
    html::tuned_page(&Tuned {
        command: &report.command,
        started: &report.started,
        machine: &report.machine,
        plugin: &report.plugin,
        models: &report.models,
        inputs: report.inputs,
        bound: report.bound,
        cut_short: report.cut_short.as_deref(),
        answer,
        why: &report.why,
        candidates: &candidates,
        energy: &report.energy,
        left_out: left_out.collect(),
        search: search(report),
    })
}

fn as_page(one: &Candidate, chosen: bool) -> html::Candidate {
    html::Candidate {
        label: label(&one.settings),
        frames_per_second: one.frames_per_second,
        p99_ns: one.seen_p99_ns,
        frames: one.frames,
        accuracy: one.accuracy.map(|accuracy| accuracy.frames),
        joules_per_inference: one.joules_per_inference,
        on_front: one.on_front,
        chosen,
    }
}

/// Facts about the search.
fn search(report: &Report) -> Vec<(String, String)> {
    let search = &report.search;
    let mut facts = vec![
        ("candidates".to_owned(), search.grid.to_string()),
        (
            "time".to_owned(),
            format!(
                "{:.1} s, {} of the {:.1} s that {:.1} s for each take",
                search.seconds,
                percent(search.of_grid),
                search.grid_seconds,
                search.full_seconds
            ),
        ),
    ];
    facts.extend(
        report
            .accuracy
            .map(|accuracy| ("frames that must be right".to_owned(), percent(accuracy))),
    );
    facts
}
