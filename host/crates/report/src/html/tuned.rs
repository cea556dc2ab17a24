//! The page of a search for settings: first the answer, then what was tried, then how to repeat it.
//!
//! It leaves out the parts of a benchmark that do not apply: scenarios, arrivals, agreeing windows.
//! Points in the chart are labelled with the number of their row in the table, since the text of
//! settings does not fit on a phone.

use maud::{Markup, html};

use super::{
    About,
    axis::Axis,
    document,
    machine::{self, Fact, fact},
    part,
    plot::{Look, Plot, Point, Series},
    role::Role,
    summary::{Tile, tiles},
    sweep::bound,
};
use crate::record::{Bound, Energy, File, Inputs, Machine, Model};
use crate::units::page::{energy, number, percent, quantile, round_time, time};

/// The contents of the page.
#[derive(Clone, Debug)]
pub struct Tuned<'a> {
    /// The command line, word by word.
    pub command: &'a [String],
    /// When it began, as RFC 3339 in UTC.
    pub started: &'a str,
    /// Where it ran.
    pub machine: &'a Machine,
    /// The plugin's file.
    pub plugin: &'a File,
    /// The models' files.
    pub models: &'a [Model],
    /// The frames that were used.
    pub inputs: Inputs,
    /// The bound on the p99.
    pub bound: Bound,
    /// Why the search ended early; `None` if it did not.
    pub cut_short: Option<&'a str>,
    /// The recommended settings, or the nearest ones; `None` if nothing could be measured.
    pub answer: Option<Answer>,
    /// The reason for this choice.
    pub why: &'a str,
    /// All that was measured.
    pub candidates: &'a [Candidate],
    /// The energy of one inference with the answer, or why it is unknown.
    pub energy: &'a Energy,
    /// What was left out of the search, with one sentence each.
    pub left_out: Vec<String>,
    /// Facts about the search, with their names.
    pub search: Vec<(String, String)>,
}

/// The recommended settings, or the nearest ones.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The settings as text.
    pub label: String,
    /// The settings as a file.
    pub file: String,
    /// Whether they meet the requirements; the nearest ones do not.
    pub found: bool,
    /// Frames a second.
    pub frames_per_second: f64,
    /// The same as a multiple of the default settings'.
    pub of_default: f64,
    /// The p99 of the observed frames.
    pub p99_ns: Option<u64>,
    /// How many frames these figures rest on.
    pub frames: u64,
    /// The fraction of frames that were right; `None` if it is unknown.
    pub accuracy: Option<f64>,
}

/// Settings that were tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// The settings as text: `int8, 2 workers, batches of 4`.
    pub label: String,
    /// Frames a second.
    pub frames_per_second: f64,
    /// The p99 of the observed frames in nanoseconds, however few there were.
    pub p99_ns: Option<u64>,
    /// How many frames these figures rest on; if they are too few for a p99, it is marked.
    pub frames: u64,
    /// The fraction of frames that were right; `None` if it is unknown.
    pub accuracy: Option<f64>,
    /// The joules of one inference; `None` if they are unknown.
    pub joules_per_inference: Option<f64>,
    /// Whether it is on the Pareto front: no other candidate beats it.
    pub on_front: bool,
    /// Whether it is the recommended one.
    pub chosen: bool,
}

/// The page of a search.
pub fn tuned_page(tuned: &Tuned<'_>) -> String {
    let name = part::file_name(&tuned.plugin.path);
    let about = About {
        product: "Tollgate tune",
        title: format!("{name}: the settings to run it with"),
        name,
        started: tuned.started,
        device: None,
        machine: tuned.machine,
    };
    let mut candidates: Vec<&Candidate> = tuned.candidates.iter().collect();
    candidates.sort_by(|a, b| {
        let rank = |one: &Candidate| (!one.chosen, !one.on_front);
        rank(a)
            .cmp(&rank(b))
            .then(b.frames_per_second.total_cmp(&a.frames_per_second))
    });
    let sections = [
        Some(answer(tuned)),
        tried(tuned.bound, &candidates),
        Some(again(tuned)),
    ];
    document(&about, sections.into_iter().flatten())
}

fn answer(tuned: &Tuned<'_>) -> Markup {
    let verdict = match &tuned.answer {
        Some(answer) if answer.found => format!("Run it with {}.", answer.label),
        Some(answer) => format!(
            "No settings do what was asked. The nearest: {}.",
            answer.label
        ),
        None => "Nothing could be measured.".to_owned(),
    };
    let mut cautions: Vec<String> = Vec::new();
    if let Some(reason) = tuned.cut_short {
        cautions.push(format!(
            "the search was cut short: {reason}; what it did not come to may be better"
        ));
    }
    let few = |answer: &&Answer| !carries(answer.frames) && answer.p99_ns.is_some();
    if let Some(answer) = tuned.answer.as_ref().filter(few) {
        cautions.push(format!(
            "its p99 rests on {} only, and a p99 takes {}",
            part::count(answer.frames, "frame"),
            tollgate_stats::needed(P99)
        ));
    }
    let body = html! {
        p.verdict { (verdict) }
        @if let Some(answer) = &tuned.answer { (tiles(figures(tuned, answer))) }
        p.chosen { (tuned.why) }
        (part::cautions(&cautions))
        @if let Some(answer) = tuned.answer.as_ref().filter(|answer| answer.found) {
            h3 { "As a file of settings" }
            pre { code { (answer.file) } }
        }
    };
    part::section("answer", "In short", "", &body)
}

/// The quantile for the bound.
const P99: f64 = 0.99;

fn carries(frames: u64) -> bool {
    frames >= tollgate_stats::needed(P99)
}

fn figures(tuned: &Tuned<'_>, answer: &Answer) -> Vec<Tile> {
    let mut figures = vec![Tile {
        name: "Throughput, frames/s",
        value: number(answer.frames_per_second),
        aside: format!("{:.2} × the default settings'", answer.of_default),
    }];
    figures.extend(answer.p99_ns.map(|p99| Tile {
        name: "Latency that 99 of 100 frames kept",
        value: time(p99 as f64),
        aside: format!(
            "of {}; the bound is {} at {}",
            part::count(answer.frames, "frame"),
            round_time(tuned.bound.latency_ns as f64),
            quantile(tuned.bound.quantile)
        ),
    }));
    figures.extend(answer.accuracy.map(|accuracy| Tile {
        name: "Frames that are right",
        value: percent(accuracy),
        aside: String::new(),
    }));
    figures.extend(tuned.energy.joules_per_inference.map(|joules| Tile {
        name: "Energy per inference",
        value: energy(joules),
        aside: tuned.energy.source.clone().unwrap_or_default(),
    }));
    figures
}

/// The candidates; `None` if there are none.
fn tried(within: Bound, candidates: &[&Candidate]) -> Option<Markup> {
    if candidates.is_empty() {
        return None;
    }
    let few = candidates.iter().any(|one| !carries(one.frames));
    let body = html! {
        @if let Some(plot) = front(within, candidates) { (plot.markup()) }
        @if few {
            p.muted { "~ of fewer than " (tollgate_stats::needed(P99)) " frames" }
        }
        (table(candidates))
    };
    let says = "Each point is one way to set things up, with the number of its row. No other one is better in \
                everything than those on the front.";
    Some(part::section("candidates", "What was tried", says, &body))
}

fn front(within: Bound, candidates: &[&Candidate]) -> Option<Plot> {
    let points = |on_front: bool| {
        let mut points: Vec<_> = (candidates.iter().enumerate())
            .filter(|(_, one)| (one.on_front || one.chosen) == on_front)
            .filter_map(|(place, one)| {
                Some(Point {
                    x: one.frames_per_second,
                    y: one.p99_ns? as f64,
                    label: if on_front {
                        (place + 1).to_string()
                    } else {
                        String::new()
                    },
                    chosen: one.chosen,
                })
            })
            .collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    };
    let series = vec![
        Series {
            name: "beaten by another".to_owned(),
            role: Role::Beaten,
            look: Look::Apart,
            points: points(false),
        },
        Series {
            name: "on the front".to_owned(),
            role: Role::Front,
            look: Look::Joined,
            points: points(true),
        },
    ];
    let bound = bound(Some(within));
    let all = || series.iter().flat_map(|series| &series.points);
    let ys = all()
        .map(|point| point.y)
        .chain(bound.iter().map(|bound| bound.y));
    Some(Plot {
        says: "p99 latency against throughput of everything that was tried".to_owned(),
        x: Axis::log("throughput, frames/s", all().map(|point| point.x), number)?,
        y: Axis::log("p99 latency", ys, round_time)?,
        series,
        bound,
        label_on_phones: true,
    })
}

fn table(candidates: &[&Candidate]) -> Markup {
    let rows = candidates.iter().enumerate().map(|(place, one)| {
        let standing = match (one.chosen, one.on_front) {
            (true, _) => "taken",
            (false, true) => "on the front",
            (false, false) => "beaten",
        };
        let few = if carries(one.frames) { "" } else { "~" };
        vec![
            format!("{}. {}", place + 1, one.label),
            standing.to_owned(),
            number(one.frames_per_second),
            part::known(one.p99_ns, |p99| format!("{few}{}", time(p99 as f64))),
            number(one.frames as f64),
            part::known(one.accuracy, percent),
            part::known(one.joules_per_inference, energy),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let columns = [
        "set to",
        "standing",
        "frames/s",
        "p99",
        "frames",
        "right",
        "energy/inference",
    ];
    part::table(&columns, &rows)
}

/// How to repeat the search.
fn again(tuned: &Tuned<'_>) -> Markup {
    let energy = tuned.energy;
    let energy = energy.source.clone().or_else(|| energy.reason.clone());
    let mut facts: Vec<Fact> = vec![fact(
        "bound",
        format!(
            "{} within {}",
            quantile(tuned.bound.quantile),
            round_time(tuned.bound.latency_ns as f64)
        ),
    )];
    facts.extend(tuned.search.iter().cloned());
    facts.push(machine::inputs(&tuned.inputs));
    facts.extend(tuned.left_out.iter().map(|one| fact("left out", one)));
    machine::repeat(
        tuned.command,
        &machine::machine(tuned.machine, energy),
        ("The search", facts),
        &machine::files(tuned.plugin, None, tuned.models),
    )
}
